"""Pure: points of SageMaker's own metrics service, summed up as BatchGetMetrics asks."""

import statistics
from collections.abc import Callable, Iterable, Sequence

from emulator.metrics.metric_queries import TrialPoint

PERIODS_MS = {"OneMinute": 60_000, "FiveMinute": 300_000, "OneHour": 3_600_000}

_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Min": min,
    "Max": max,
    "Avg": statistics.fmean,
    "Count": lambda values: float(len(values)),
    "StdDev": statistics.pstdev,
    "Last": lambda values: values[-1],
}


def by_step(points: Iterable[TrialPoint], statistic: str) -> list[tuple[int, float]]:
    """(step, value) by step, of the points that have one."""
    groups: dict[int, list[float]] = {}
    for point in points:
        if point.step is not None:
            groups.setdefault(point.step, []).append(point.value)
    return [(step, _STATISTICS[statistic](values)) for step, values in sorted(groups.items())]


def by_time(points: Iterable[TrialPoint], period_ms: int, statistic: str) -> list[tuple[int, float]]:
    """(start of the period in seconds since the epoch, value) by time; `points` are."""
    groups: dict[int, list[float]] = {}
    for point in points:
        groups.setdefault(point.timestamp_ms // period_ms * period_ms // 1000, []).append(point.value)
    return [(start, _STATISTICS[statistic](values)) for start, values in groups.items()]
