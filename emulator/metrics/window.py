"""Pure: data points summed up by period, and the statistics of one such window."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from emulator.metrics.metric import DataPoint

PERCENTILE = re.compile(r"[pP](\d{1,2}(?:\.\d{0,10})?|100)")


@dataclass
class Window:
    """All points of one unit in one period."""

    start_ms: int
    unit: str
    sample_count: float = 0.0
    total: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    counts: dict[float, float] | None = field(default_factory=dict)
    """How often each value came; None where a point did not tell its values."""

    def add(self, point: DataPoint) -> None:
        self.sample_count += point.sample_count
        self.total += point.total
        self.minimum = min(self.minimum, point.minimum)
        self.maximum = max(self.maximum, point.maximum)
        counts = _known_counts(point)
        if counts is None or self.counts is None:
            self.counts = None
            return
        for value, count in counts:
            self.counts[value] = self.counts.get(value, 0.0) + count


def sum_up(points: Iterable[DataPoint], start_ms: int, period_ms: int) -> Iterator[Window]:
    """`points` in order of time. One window for each unit of a period that has points."""
    for number, some in groupby(points, key=lambda point: (point.timestamp_ms - start_ms) // period_ms):
        by_unit: dict[str, Window] = {}
        for point in some:
            by_unit.setdefault(point.unit, Window(start_ms + number * period_ms, point.unit)).add(point)
        yield from by_unit.values()


def is_statistic(name: str) -> bool:
    return name in _STATISTICS or PERCENTILE.fullmatch(name) is not None


def statistic(window: Window, name: str) -> float | None:
    """`Average` and the like, or a percentile such as `p99.9`; None where it cannot be told.

    A percentile needs the values themselves, and none of them negative (API GetMetricStatistics). It is interpolated
    between the two nearest values.
    """
    simple = _STATISTICS.get(name)
    if simple is not None:
        return simple(window)
    match = PERCENTILE.fullmatch(name)
    if match is None:
        raise ValueError(f"{name} is no statistic")
    return _percentile(window, float(match[1]) / 100)


def _average(window: Window) -> float | None:
    return window.total / window.sample_count if window.sample_count else None


_STATISTICS: dict[str, Callable[[Window], float | None]] = {
    "SampleCount": lambda window: window.sample_count,
    "Sum": lambda window: window.total,
    "Average": _average,
    "Minimum": lambda window: window.minimum,
    "Maximum": lambda window: window.maximum,
}


def _known_counts(point: DataPoint) -> Iterable[tuple[float, float]] | None:
    """Also of a statistic set whose values are all the same (API PutMetricData)."""
    if point.counts is not None:
        return point.counts
    return ((point.minimum, point.sample_count),) if point.minimum == point.maximum else None


def _percentile(window: Window, fraction: float) -> float | None:
    if not window.counts or window.minimum < 0:
        return None
    ordered = sorted(window.counts.items())
    rank = fraction * (sum(count for _, count in ordered) - 1)
    passed = 0.0
    for position, (value, count) in enumerate(ordered):
        passed += count
        if rank <= passed - 1 or position == len(ordered) - 1:
            return value
        if rank < passed:
            return value + (rank - (passed - 1)) * (ordered[position + 1][0] - value)
    return None


def rounded_start_ms(start_ms: int, now_ms: int, period_s: int) -> int:
    """Where CloudWatch lets a request begin: rounded down to a whole minute, of old data to five minutes or an hour,
    for periods below a minute to that period (API GetMetricStatistics$StartTime).
    """
    age_days = (now_ms - start_ms) / 86_400_000
    step_s = period_s if period_s < 60 else 60 if age_days < 15 else 300 if age_days < 63 else 3600
    return start_ms // (step_s * 1000) * (step_s * 1000)
