"""CloudWatch PutMetricData."""

import math
from datetime import timedelta
from typing import Any

from emulator.domain import metric_errors
from emulator.metrics.metric import DataPoint, MetricKey, single_value
from emulator.operations.metric_request import metric_key, milliseconds
from emulator.operations.registry import Call, Params, Result, operation

MOST_METRICS = 1000
MOST_VALUES = 150
LARGEST = 2.0**360
"""API PutMetricData."""
OLDEST, NEWEST = timedelta(days=14), timedelta(hours=2)

Datum = dict[str, Any]


@operation("cloudwatch", "PutMetricData")
async def put_metric_data(call: Call, params: Params) -> Result:
    """All or nothing. Entities are accepted without effect; the data are there at once."""
    data = [("MetricData.member", datum) for datum in params.get("MetricData", ())]
    for entity in params.get("EntityMetricData", ()):
        data += [("EntityMetricData.MetricData.member", datum) for datum in entity.get("MetricData", ())]
    if not data:
        raise metric_errors.missing_parameter("MetricData")
    if len(data) > MOST_METRICS:
        raise metric_errors.too_many_items("MetricData", MOST_METRICS)
    if params["Namespace"].startswith("AWS/"):
        raise metric_errors.invalid_value("Namespace", params["Namespace"])
    points: dict[MetricKey, list[DataPoint]] = {}
    for number, (place, datum) in enumerate(data, start=1):
        key = metric_key(call, {**datum, "Namespace": params["Namespace"]})
        points.setdefault(key, []).append(_point(call, datum, f"{place}.{number}"))
    await call.parts.metrics.put(points)
    return {}


def _point(call: Call, datum: Datum, place: str) -> DataPoint:
    _require_one_form(datum, place)
    if datum.get("StorageResolution", 60) not in (1, 60):
        raise metric_errors.invalid_value(f"{place}.StorageResolution", datum["StorageResolution"])
    names = [dimension["Name"] for dimension in datum.get("Dimensions", ())]
    if len(set(names)) < len(names):
        raise metric_errors.bad_combination(f"No two dimensions of {place} may have the same name.")
    time_ms, unit = _time_ms(call, datum, place), datum.get("Unit", "None")
    if "Value" in datum:
        return single_value(time_ms, _number(datum["Value"], f"{place}.Value"), unit)
    if "StatisticValues" in datum:
        return _summary(time_ms, unit, datum["StatisticValues"], f"{place}.StatisticValues")
    return _many(time_ms, unit, datum, place)


def _require_one_form(datum: Datum, place: str) -> None:
    given = [name for name in ("Value", "StatisticValues", "Values") if name in datum]
    if not given:
        raise metric_errors.bad_combination(
            f"At least one of the parameters {place}.Value, {place}.StatisticValues and {place}.Values must be "
            "specified."
        )
    if len(given) > 1:
        raise metric_errors.both_given(f"{place}.{given[0]}", f"{place}.{given[1]}")


def _time_ms(call: Call, datum: Datum, place: str) -> int:
    now = call.now()
    moment = datum.get("Timestamp", now)
    if moment > now + NEWEST:
        raise metric_errors.bad_time(f"{place}.Timestamp", "no more than two hours in the future")
    if moment < now - OLDEST:
        raise metric_errors.bad_time(f"{place}.Timestamp", "within the past two weeks")
    return milliseconds(moment)


def _number(value: float, place: str) -> float:
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise metric_errors.invalid_value(place, value)
    return value


def _summary(time_ms: int, unit: str, values: Datum, place: str) -> DataPoint:
    names = ("SampleCount", "Sum", "Minimum", "Maximum")
    count, total, minimum, maximum = (_number(values[name], f"{place}.{name}") for name in names)
    if count <= 0:
        raise metric_errors.invalid_value(f"{place}.SampleCount", count)
    if minimum > maximum:
        raise metric_errors.bad_combination(f"{place}.Minimum must not be greater than {place}.Maximum.")
    return DataPoint(time_ms, count, total, minimum, maximum, unit)


def _many(time_ms: int, unit: str, datum: Datum, place: str) -> DataPoint:
    values = [_number(value, f"{place}.Values") for value in datum["Values"]]
    counts = [_number(count, f"{place}.Counts") for count in datum.get("Counts", [1.0] * len(values))]
    if len(values) != len(counts):
        raise metric_errors.bad_combination(
            f"The parameters {place}.Values and {place}.Counts must be of the same size."
        )
    if len(values) > MOST_VALUES:
        raise metric_errors.too_many_items(f"{place}.Values", MOST_VALUES)
    if not values or min(counts) <= 0:
        raise metric_errors.invalid_value(f"{place}.{'Counts' if values else 'Values'}", counts)
    pairs = tuple(zip(values, counts, strict=True))
    total = sum(value * count for value, count in pairs)
    return DataPoint(time_ms, sum(counts), total, min(values), max(values), unit, pairs)
