"""CloudWatch GetMetricStatistics."""

from datetime import UTC, datetime

from emulator.blocking import blocking
from emulator.domain import metric_errors
from emulator.metrics.window import PERCENTILE, Window, statistic
from emulator.operations.metric_request import metric_key, require_period, require_statistic, span_of
from emulator.operations.registry import Call, Params, Result, operation

MOST_DATAPOINTS = 1440


@operation("cloudwatch", "GetMetricStatistics")
async def get_metric_statistics(call: Call, params: Params) -> Result:
    """Periods are counted from the start time, rounded down; each unit has data points of its own."""
    names, extended = params.get("Statistics", []), params.get("ExtendedStatistics", [])
    _require_statistics(names, extended)
    start, end, period = params["StartTime"], params["EndTime"], params["Period"]
    require_period(period)
    if start >= end:
        raise metric_errors.start_not_before_end()
    span = span_of(call, start, end, period)
    wanted = -(-(span.end_ms - span.start_ms) // (period * 1000))
    if wanted > MOST_DATAPOINTS:
        raise metric_errors.too_many_datapoints(wanted, MOST_DATAPOINTS)
    windows = await call.parts.metrics.windows(
        metric_key(call, params), span, period * 1000, params.get("Unit")
    )
    points = await blocking(call.parts.sums, _datapoints, windows, names, extended)
    return {"Label": params["MetricName"], "Datapoints": points}


def _require_statistics(names: list[str], extended: list[str]) -> None:
    if not names and not extended:
        raise metric_errors.bad_combination("Must specify either Statistics or ExtendedStatistics")
    for name in extended:
        require_statistic(name, "ExtendedStatistics")
        if PERCENTILE.fullmatch(name) is None:
            raise metric_errors.invalid_value("ExtendedStatistics", name, "It belongs to Statistics.")


def _datapoints(windows: list[Window], names: list[str], extended: list[str]) -> list[Result]:
    return [_datapoint(window, names, extended) for window in windows]


def _datapoint(window: Window, names: list[str], extended: list[str]) -> Result:
    percentiles = {name: value for name in extended if (value := statistic(window, name)) is not None}
    return {
        "Timestamp": datetime.fromtimestamp(window.start_ms / 1000, UTC),
        **{name: statistic(window, name) for name in names},
        "Unit": window.unit,
        "ExtendedStatistics": percentiles or None,
    }
