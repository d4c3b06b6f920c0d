"""One metric as a time series."""

from emulator.metrics.metric import MetricKey, Span
from emulator.metrics.time_series import Series
from emulator.metrics.window import statistic
from emulator.operations.registry import Call


async def read_series(
    call: Call, key: MetricKey, span: Span, period: int, stat: tuple[str, str | None]
) -> Series:
    """`stat`: the statistic and the unit, None for any. Of several units in one period the first one's value counts."""
    windows = await call.parts.metrics.windows(key, span, period * 1000, stat[1])
    points: dict[int, float] = {}
    for window in windows:
        value = statistic(window, stat[0])
        if value is not None:
            points.setdefault(window.start_ms, value)
    return Series(points, period * 1000, stat[0], key)
