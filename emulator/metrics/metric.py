"""Metrics and their data points, in CloudWatch's terms."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

Dimensions = tuple[tuple[str, str], ...]
"""(name, value), ordered by name: the same set is the same metric."""

IDENTITY_LIMIT = 2**62


class MetricKey(NamedTuple):
    account_id: str
    region: str
    namespace: str
    name: str
    dimensions: Dimensions


class DataPoint(NamedTuple):
    """One measurement, or the summary of several."""

    timestamp_ms: int
    sample_count: float
    total: float
    minimum: float
    maximum: float
    unit: str = "None"
    counts: tuple[tuple[float, float], ...] | None = None
    """(value, how often), for percentiles; None where only the summary is known."""
    identity: int | None = None
    """Not negative. A second point of a metric with the same time and identity is the first one again and is dropped;
    points without one are all kept."""


class Metric(NamedTuple):
    id: int
    key: MetricKey
    last_ms: int
    """Time of the newest data point."""


class Span(NamedTuple):
    """Milliseconds since the epoch, the end not included."""

    start_ms: int
    end_ms: int


def ordered_dimensions(dimensions: Iterable[Mapping[str, str]]) -> Dimensions:
    """From a request's `[{"Name": ..., "Value": ...}]`."""
    return tuple(sorted((dimension["Name"], dimension["Value"]) for dimension in dimensions))


def single_value(
    timestamp_ms: int, value: float, unit: str = "None", identity: int | None = None
) -> DataPoint:
    return DataPoint(timestamp_ms, 1, value, value, value, unit, ((value, 1),), identity)
