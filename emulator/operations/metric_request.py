"""What the reading operations of CloudWatch have in common: metrics, time spans and periods of requests."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from emulator.domain import metric_errors
from emulator.metrics.metric import MetricKey, Span, ordered_dimensions
from emulator.metrics.window import is_statistic, rounded_start_ms
from emulator.operations.registry import Call

SHORT_PERIODS = (1, 5, 10, 20, 30)


def metric_key(call: Call, metric: Mapping[str, Any]) -> MetricKey:
    """Of a structure with Namespace, MetricName and Dimensions."""
    caller, dimensions = call.caller, ordered_dimensions(metric.get("Dimensions", ()))
    return MetricKey(caller.account_id, caller.region, metric["Namespace"], metric["MetricName"], dimensions)


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def span_of(call: Call, start: datetime, end: datetime, period: int) -> Span:
    now_ms = milliseconds(call.now())
    return Span(rounded_start_ms(milliseconds(start), now_ms, period), milliseconds(end))


def require_period(period: int, name: str = "Period") -> None:
    if period not in SHORT_PERIODS and (period < 1 or period % 60):
        raise metric_errors.invalid_value(
            name, period, "It must be 1, 5, 10, 20, 30 or a multiple of 60 seconds."
        )


def require_statistic(name: str, parameter: str) -> None:
    if not is_statistic(name):
        raise metric_errors.invalid_value(
            parameter,
            name,
            "The emulator has SampleCount, Sum, Average, Minimum, Maximum and percentiles such as p99.",
        )
