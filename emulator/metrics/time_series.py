"""Pure: time series, and what metric math does with them."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from emulator.metrics.math_expression import Call, Node, Number, Operation, Reference, Text
from emulator.metrics.metric import MetricKey, Span


@dataclass(frozen=True)
class Series:
    points: Mapping[int, float]
    """Start of the period in milliseconds -> value, in order of time."""
    period_ms: int
    stat: str = ""
    key: MetricKey | None = None
    """The metric that it is of; None for what an expression made."""


MOST_FILLED = 100_800
"""Data points; as many as one answer can have."""

MOST_POINTS = 2_000_000
"""Data points that are read, looked at and made for one request."""

Value = float | Series | list[Series]


class PointBudget:
    """What one request may still cost, in data points."""

    def __init__(self, most: int = MOST_POINTS) -> None:
        self._most = most
        self.left = most

    def take(self, points: int) -> None:
        """Raises ValueError with the reason where there are not so many left."""
        self.left -= points
        if self.left < 0:
            raise ValueError(f"the request needs more than {self._most} data points")


@dataclass(frozen=True)
class Evaluation:
    """One request's expressions."""

    span: Span
    lookup: Callable[[str], Value]
    """The value of a query's id. Raises ValueError for an unknown one."""
    metrics: Mapping[str, Series]
    """The series of the request's MetricStats, by id."""
    found: Mapping[Call, list[Series]]
    """What each SEARCH found."""
    budget: PointBudget = field(default_factory=PointBudget)

    def value(self, node: Node) -> Value:
        """Raises ValueError with the reason."""
        value = self._value(node)
        is_filled = isinstance(node, Call) and node.function == "FILL"
        self.budget.take(1 if is_filled else _cost(value))
        return value

    def _value(self, node: Node) -> Value:
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Reference):
            return self.lookup(node.id)
        if isinstance(node, Operation):
            return _combine(node.sign, self.value(node.left), self.value(node.right))
        if isinstance(node, Call):
            return self._call(node)
        raise ValueError("a text is not expected here")

    def _call(self, node: Call) -> Value:
        if node.function == "SEARCH":
            return list(self.found[node])
        if node.function == "METRICS":
            part = next((a.value for a in node.arguments if isinstance(a, Text)), "")
            return [series for name, series in self.metrics.items() if part in name]
        if node.function == "FILL":
            return self._fill(node)
        function = _FUNCTIONS.get(node.function)
        if function is None:
            raise ValueError(f"the emulator does not support the function {node.function}")
        if len(node.arguments) != 1:
            raise ValueError(f"{node.function} takes one argument")
        return function(self.value(node.arguments[0]))

    def _fill(self, node: Call) -> Value:
        if len(node.arguments) != 2:
            raise ValueError("FILL takes two arguments")
        what, filler = self.value(node.arguments[0]), node.arguments[1]
        repeats = filler == Reference("REPEAT")
        if not repeats and not isinstance(filler, Number):
            raise ValueError("the emulator fills with a number or REPEAT only")
        number = filler.value if isinstance(filler, Number) else None
        return _each(what, lambda series: self._filled(series, number))

    def _filled(self, series: Series, number: float | None) -> Series:
        if (self.span.end_ms - self.span.start_ms) / series.period_ms > MOST_FILLED:
            raise ValueError(f"FILL would make more than {MOST_FILLED} data points")
        self.budget.take(1 + (self.span.end_ms - self.span.start_ms) // series.period_ms)
        return _filled(series, self.span, number)


def _cost(value: Value) -> int:
    """At least 1, also of a series without points."""
    if isinstance(value, list):
        return 1 + sum(map(_cost, value))
    return 1 + len(value.points) if isinstance(value, Series) else 1


def _filled(series: Series, span: Span, number: float | None) -> Series:
    points: dict[int, float] = {}
    last = number
    for time_ms in range(span.start_ms, span.end_ms, series.period_ms):
        value = series.points.get(time_ms, last)
        if value is not None:
            points[time_ms] = value
        last = value if number is None else number
    return replace(series, points=points)


def _combine(sign: str, left: Value, right: Value) -> Value:
    operate = _OPERATIONS[sign]
    if isinstance(left, list) and isinstance(right, list):
        raise ValueError("two arrays of time series cannot be combined")
    if isinstance(left, list):
        return [_pair(operate, series, right) for series in left]
    if isinstance(right, list):
        return [_pair(operate, left, series) for series in right]
    if isinstance(left, Series) or isinstance(right, Series):
        return _pair(operate, left, right)
    result = operate(left, right)
    if result is None:
        raise ValueError("it divides by zero")
    return result


def _pair(operate: "_Operate", left: Value, right: Value) -> Series:
    """Where both are series, only the times that both have."""
    base = left if isinstance(left, Series) else right
    assert isinstance(base, Series)
    points = {}
    for time_ms in base.points:
        one, other = _at(left, time_ms), _at(right, time_ms)
        result = None if one is None or other is None else operate(one, other)
        if result is not None and math.isfinite(result):
            points[time_ms] = result
    return Series(points, base.period_ms)


def _at(value: Value, time_ms: int) -> float | None:
    if isinstance(value, Series):
        return value.points.get(time_ms)
    assert not isinstance(value, list)
    return value


def _power(left: float, right: float) -> float | None:
    try:
        result = left**right
    except (OverflowError, ZeroDivisionError):
        return None
    return result if isinstance(result, float) else None


_Operate = Callable[[float, float], float | None]
_OPERATIONS: dict[str, _Operate] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right if right else None,
    "^": _power,
}


def _each(value: Value, change: Callable[[Series], Series]) -> Value:
    if isinstance(value, list):
        return [change(series) for series in value]
    if isinstance(value, Series):
        return change(value)
    raise ValueError("a number is not a time series")


def _reduction(reduce: Callable[[Sequence[float]], float]) -> Callable[[Value], Value]:
    """Of an array, the series of all of them together; of a series, one number."""

    def apply(value: Value) -> Value:
        if isinstance(value, Series):
            if not value.points:
                raise ValueError("a time series without data has no such number")
            return reduce(list(value.points.values()))
        if not isinstance(value, list):
            raise ValueError("a number is not a time series")
        times = sorted({time_ms for series in value for time_ms in series.points})
        rows = {t: [series.points[t] for series in value if t in series.points] for t in times}
        period = max((series.period_ms for series in value), default=60_000)
        return Series({t: reduce(row) for t, row in rows.items()}, period)

    return apply


def _elementwise(change: Callable[[float], float]) -> Callable[[Value], Value]:
    def apply(value: Value) -> Value:
        if isinstance(value, float):
            return change(value)
        return _each(value, lambda s: Series({t: change(v) for t, v in s.points.items()}, s.period_ms))

    return apply


def _differences(per_second: bool) -> Callable[[Value], Value]:
    def differ(series: Series) -> Series:
        pairs = list(series.points.items())
        steps = pairwise(pairs)
        points = {
            later: (new - old) / ((later - earlier) / 1000 if per_second else 1)
            for (earlier, old), (later, new) in steps
        }
        return Series(points, series.period_ms)

    return lambda value: _each(value, differ)


def _running_sum(series: Series) -> Series:
    total, points = 0.0, {}
    for time_ms, value in series.points.items():
        total += value
        points[time_ms] = total
    return Series(points, series.period_ms)


def _period(value: Value) -> Value:
    if not isinstance(value, Series):
        raise ValueError("PERIOD takes one time series")
    return value.period_ms / 1000


_FUNCTIONS: dict[str, Callable[[Value], Value]] = {
    "SUM": _reduction(math.fsum),
    "AVG": _reduction(statistics.fmean),
    "MIN": _reduction(min),
    "MAX": _reduction(max),
    "STDDEV": _reduction(statistics.pstdev),
    "ABS": _elementwise(abs),
    "CEIL": _elementwise(lambda value: float(math.ceil(value))),
    "FLOOR": _elementwise(lambda value: float(math.floor(value))),
    "DIFF": _differences(per_second=False),
    "RATE": _differences(per_second=True),
    "RUNNING_SUM": lambda value: _each(value, _running_sum),
    "PERIOD": _period,
}
