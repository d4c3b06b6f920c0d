"""CloudWatch GetMetricData: metrics, SEARCH and metric math, in pages."""

import re
from datetime import UTC, datetime
from typing import Any

from emulator.blocking import blocking
from emulator.domain import metric_errors
from emulator.logs.page_token import list_token, parse_list_token
from emulator.metrics.metric import Span
from emulator.metrics.time_series import PointBudget, Series
from emulator.operations.metric_expressions import evaluate, read_expressions
from emulator.operations.metric_labels import labels
from emulator.operations.metric_request import metric_key, require_period, require_statistic, span_of
from emulator.operations.metric_series import Measure, read_series
from emulator.operations.registry import Call, Params, Result, operation

MOST_QUERIES = 500
MOST_DATAPOINTS = 100_800
_ID = re.compile(r"[a-z]\w*", re.ASCII)

Query = dict[str, Any]


@operation("cloudwatch", "GetMetricData")
async def get_metric_data(call: Call, params: Params) -> Result:
    queries = params["MetricDataQueries"]
    _check(queries, params)
    budget, span = PointBudget(), _span(call, params, 60)
    measured = {q["Id"]: await _measure(call, q, params, budget) for q in queries if "MetricStat" in q}
    expressions = await read_expressions(call, queries, span, budget)
    return await blocking(
        call.parts.sums, lambda: _answer(params, evaluate(queries, measured, expressions, span, budget))
    )


def _answer(params: Params, made: dict[str, list[Series]]) -> Result:
    results = [
        (query["Id"], label, series)
        for query in params["MetricDataQueries"]
        if query.get("ReturnData", True)
        for label, series in labels(query, made[query["Id"]])
    ]
    return _page(results, params)


def _check(queries: list[Query], params: Params) -> None:
    if params["StartTime"] >= params["EndTime"]:
        raise metric_errors.metric_data_invalid(
            "The parameter StartTime must be less than the parameter EndTime."
        )
    if not queries:
        raise metric_errors.metric_data_invalid("The parameter MetricDataQueries is required.")
    if len(queries) > MOST_QUERIES:
        raise metric_errors.metric_data_invalid(
            f"The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}."
        )
    most = params.get("MaxDatapoints", MOST_DATAPOINTS)
    if not 1 <= most <= MOST_DATAPOINTS:
        raise metric_errors.metric_data_invalid(
            f"The parameter MaxDatapoints must be between 1 and {MOST_DATAPOINTS}."
        )
    ids = [query["Id"] for query in queries]
    if len(set(ids)) < len(ids):
        raise metric_errors.metric_data_invalid(
            "The values for parameter id in MetricDataQueries are not unique."
        )
    for number, query in enumerate(queries, start=1):
        _check_query(query, f"MetricDataQueries.member.{number}")


def _check_query(query: Query, place: str) -> None:
    if not _ID.fullmatch(query["Id"]):
        raise metric_errors.metric_data_invalid(
            f"The value {query['Id']} for parameter {place}.Id is invalid: it must begin with a lower-case letter and "
            "have letters, digits and underscores only."
        )
    if ("MetricStat" in query) == ("Expression" in query):
        raise metric_errors.metric_data_invalid(
            f"{place} must have either MetricStat or Expression, and not both."
        )
    if "MetricStat" in query:
        stat = query["MetricStat"]
        missing = [name for name in ("Namespace", "MetricName") if name not in stat["Metric"]]
        if missing:
            raise metric_errors.metric_data_invalid(
                f"The parameter {place}.MetricStat.Metric.{missing[0]} is required."
            )
        require_period(stat["Period"], f"{place}.MetricStat.Period")
        require_statistic(stat["Stat"], f"{place}.MetricStat.Stat")


async def _measure(call: Call, query: Query, params: Params, budget: PointBudget) -> Series:
    stat = query["MetricStat"]
    measure = Measure(stat["Stat"], stat["Period"], stat.get("Unit"))
    span = _span(call, params, measure.period)
    try:
        return await read_series(call, metric_key(call, stat["Metric"]), span, measure, budget)
    except ValueError as error:
        raise metric_errors.metric_data_invalid(f"At the query {query['Id']}, {error}.") from None


def _span(call: Call, params: Params, period: int) -> Span:
    return span_of(call, params["StartTime"], params["EndTime"], period)


def _page(results: list[tuple[str, str, Series]], params: Params) -> Result:
    """A token counts the data points of the pages before."""
    skipped, room = _skipped(params), int(params.get("MaxDatapoints", MOST_DATAPOINTS))
    descending = params.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    told, at, end = [], 0, skipped + room
    for query_id, label, series in results:
        points = sorted(series.points.items(), reverse=descending)
        part = points[max(0, skipped - at) : max(0, end - at)]
        is_due = bool(part) or (not points and skipped <= at < end)
        at += len(points)
        if is_due:
            told.append(_result(query_id, label, part, is_whole=at <= end))
    token = list_token(end) if at > end else None
    return {"MetricDataResults": told, "NextToken": token, "Messages": []}


def _result(query_id: str, label: str, points: list[tuple[int, float]], is_whole: bool) -> Result:
    return {
        "Id": query_id,
        "Label": label,
        "Timestamps": [datetime.fromtimestamp(time_ms / 1000, UTC) for time_ms, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete" if is_whole else "PartialData",
    }


def _skipped(params: Params) -> int:
    try:
        return int(parse_list_token(params["NextToken"], int)[0]) if "NextToken" in params else 0
    except ValueError:
        raise metric_errors.invalid_metric_token() from None
