"""Data points summed up, and their statistics."""

import math

import pytest

from emulator.metrics.metric import DataPoint, single_value
from emulator.metrics.window import is_statistic, rounded_start_ms, statistic, sum_up

DAY = 86_400_000


def test_points_fall_into_periods_from_the_start_on_and_units_stay_apart() -> None:
    points = [
        single_value(t, float(t), unit) for t, unit in ((5, "A"), (9, "B"), (14, "A"), (15, "A"), (99, "A"))
    ]
    found = [(w.start_ms, w.unit, w.total, w.sample_count) for w in sum_up(points, 5, 10)]
    assert found == [(5, "A", 19.0, 2), (5, "B", 9.0, 1), (15, "A", 15.0, 1), (95, "A", 99.0, 1)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("p0", 1.0),
        ("p50", 2.5),
        ("p90", 3.7),
        ("p100", 4.0),
        ("Average", 2.5),
        ("SampleCount", 4.0),
        ("Sum", 10.0),
    ],
)
def test_statistics(name: str, value: float) -> None:
    (window,) = sum_up([single_value(0, v) for v in (4.0, 2.0, 1.0, 3.0)], 0, 1)
    assert statistic(window, name) == pytest.approx(value)


@pytest.mark.parametrize(
    ("point", "median"),
    [
        (DataPoint(0, 4, 10, 1, 4), None),
        (DataPoint(0, 4, 12, 3, 3), 3.0),
        (single_value(0, -1.0), None),
        (DataPoint(0, 5, 7, 1, 3, counts=((1.0, 4), (3.0, 1))), 1.0),
    ],
)
def test_percentile_needs_values_and_none_below_zero(point: DataPoint, median: float | None) -> None:
    (window,) = sum_up([point], 0, 1)
    assert statistic(window, "p50") == median


def test_names_of_statistics() -> None:
    assert all(map(is_statistic, ["Sum", "p0", "p99.99", "p100"]))
    assert not any(map(is_statistic, ["sum", "p101", "tm90", "IQM", ""]))


@pytest.mark.parametrize(
    ("age_days", "period", "step"), [(1, 60, 60), (1, 10, 10), (20, 60, 300), (80, 300, 3600)]
)
def test_start_is_rounded_down(age_days: int, period: int, step: int) -> None:
    start = 1_700_000_123_456
    rounded = rounded_start_ms(start, start + age_days * DAY, period)
    assert rounded == math.floor(start / 1000 / step) * step * 1000
