"""Expressions of GetMetricData: what SEARCH finds is read first, the rest is arithmetic."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

from emulator.blocking import blocking
from emulator.domain import metric_errors
from emulator.domain.errors import ServiceError
from emulator.metrics.math_expression import Call as FunctionCall
from emulator.metrics.math_expression import Node, Number, Text, calls_in, parse_math
from emulator.metrics.metric import Metric, MetricKey, Span
from emulator.metrics.metric_queries import MetricsQuery
from emulator.metrics.search_expression import SearchPattern, parse_search
from emulator.metrics.time_series import Evaluation, PointBudget, Series, Value
from emulator.operations.metric_list import KNOWN
from emulator.operations.metric_request import milliseconds, require_period, require_statistic
from emulator.operations.metric_series import Measure, read_series
from emulator.operations.registry import Call

DEFAULT_PERIOD = 300
"""Seconds, of a SEARCH that tells none."""
MOST_FOUND = 500

Query = dict[str, Any]
Found = dict[FunctionCall, list[Series]]


class Expressions(NamedTuple):
    """A request's expressions by id, and what their SEARCHes found."""

    nodes: dict[str, Node]
    found: Found


async def read_expressions(call: Call, queries: list[Query], span: Span, budget: PointBudget) -> Expressions:
    nodes = await blocking(call.parts.sums, _parse_all, queries)
    found: Found = {}
    for query_id, node in nodes.items():
        for search in calls_in(node, "SEARCH"):
            if search not in found:
                found[search] = await _search(call, query_id, search, span, budget)
    return Expressions(nodes, found)


def evaluate(
    queries: list[Query],
    measured: Mapping[str, Series],
    expressions: Expressions,
    span: Span,
    budget: PointBudget,
) -> dict[str, list[Series]]:
    """The series of each query, by id; one that is no SEARCH and no array has one."""
    values = _Values(measured, expressions, span, budget)
    return {query["Id"]: values.series(query["Id"]) for query in queries if query.get("ReturnData", True)}


def _parse_all(queries: list[Query]) -> dict[str, Node]:
    return {query["Id"]: _parse(query) for query in queries if "Expression" in query}


def _parse(query: Query) -> Node:
    text = query["Expression"]
    if text.lstrip()[:7].upper() == "SELECT ":
        raise metric_errors.invalid_expression(
            query["Id"], "the emulator does not support Metrics Insights queries"
        )
    try:
        return parse_math(text)
    except ValueError as error:
        raise metric_errors.invalid_expression(query["Id"], str(error)) from None


async def _search(
    call: Call, query_id: str, search: FunctionCall, span: Span, budget: PointBudget
) -> list[Series]:
    try:
        pattern_text, measure = _search_arguments(search)
        pattern = parse_search(pattern_text)
        query = MetricsQuery(
            call.caller.account_id,
            call.caller.region,
            namespace=pattern.namespace,
            exact_dimensions=pattern.dimensions,
            active_since_ms=milliseconds(call.now() - KNOWN),
        )
        metrics = await call.parts.metrics.find(query)
        budget.take(len(metrics))
        keys = await blocking(call.parts.sums, _matching, pattern, metrics)
        return [await read_series(call, key, span, measure, budget) for key in keys]
    except ValueError as error:
        raise metric_errors.invalid_expression(query_id, str(error)) from None


def _matching(pattern: SearchPattern, metrics: list[Metric]) -> list[MetricKey]:
    return list(islice((metric.key for metric in metrics if pattern.matches(metric.key)), MOST_FOUND))


def _search_arguments(search: FunctionCall) -> tuple[str, Measure]:
    match search.arguments:
        case (Text(pattern), Text(stat)):
            period = DEFAULT_PERIOD
        case (Text(pattern), Text(stat), Number(number)):
            period = int(number)
        case _:
            raise ValueError("SEARCH takes a search, a statistic and perhaps a period in seconds")
    try:
        require_statistic(stat, "Stat")
        require_period(period)
    except ServiceError as error:
        raise ValueError(error.message.rstrip(".")) from None
    return pattern, Measure(stat, period)


class _Values:
    """Values of the request's ids, each found when it is first needed."""

    def __init__(
        self, measured: Mapping[str, Series], expressions: Expressions, span: Span, budget: PointBudget
    ) -> None:
        self._known: dict[str, Value] = dict(measured)
        self._expressions = expressions.nodes
        self._open: list[str] = []
        self._evaluation = Evaluation(span, self._lookup, measured, expressions.found, budget)

    def series(self, query_id: str) -> list[Series]:
        try:
            value = self._lookup(query_id)
        except ValueError as error:
            raise metric_errors.invalid_expression(query_id, str(error)) from None
        except RecursionError:
            raise metric_errors.invalid_expression(query_id, "it is nested too deeply") from None
        if isinstance(value, float | int):
            raise metric_errors.invalid_expression(
                query_id, "it gives a number, and ReturnData needs a time series"
            )
        return value if isinstance(value, list) else [value]

    def _lookup(self, query_id: str) -> Value:
        if query_id not in self._known:
            if query_id in self._open:
                raise ValueError(f"{query_id} refers to itself")
            if query_id not in self._expressions:
                raise ValueError(f"no query has the id {query_id}")
            self._open.append(query_id)
            value = self._evaluation.value(self._expressions[query_id])
            self._known[query_id] = replace(value, key=None) if isinstance(value, Series) else value
            self._open.pop()
        return self._known[query_id]
