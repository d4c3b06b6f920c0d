"""One metric as a time series."""

from collections.abc import Sequence
from typing import NamedTuple

from emulator.blocking import blocking
from emulator.metrics.metric import MetricKey, Span
from emulator.metrics.time_series import PointBudget, Series
from emulator.metrics.window import Window, statistic
from emulator.operations.registry import Call


class Measure(NamedTuple):
    """What of a metric a series tells."""

    stat: str
    period: int
    """Seconds."""
    unit: str | None = None
    """None is any; of several units in one period the first one's value counts."""


async def read_series(
    call: Call, key: MetricKey, span: Span, measure: Measure, budget: PointBudget
) -> Series:
    """Raises ValueError where the budget does not allow it."""
    period_ms = measure.period * 1000
    windows = await call.parts.metrics.windows(key, span, period_ms, measure.unit, budget.left + 1)
    budget.take(1 + len(windows))
    points = await blocking(call.parts.sums, _points, windows, measure.stat)
    return Series(points, period_ms, measure.stat, key)


def _points(windows: Sequence[Window], stat: str) -> dict[int, float]:
    points: dict[int, float] = {}
    for window in windows:
        value = statistic(window, stat)
        if value is not None:
            points.setdefault(window.start_ms, value)
    return points
