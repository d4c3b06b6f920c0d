"""Trial metrics by step and by time."""

import pytest

from emulator.metrics.metric_queries import TrialPoint
from emulator.metrics.trial_series import by_step, by_time

POINTS = [
    TrialPoint(1_000, 0, 1.0),
    TrialPoint(59_000, 1, 3.0),
    TrialPoint(60_000, 1, 5.0),
    TrialPoint(61_000, None, 9.0),
]


@pytest.mark.parametrize(
    ("statistic", "values"),
    [
        ("Min", [1, 3]),
        ("Max", [1, 5]),
        ("Avg", [1, 4]),
        ("Count", [1, 2]),
        ("StdDev", [0, 1]),
        ("Last", [1, 5]),
    ],
)
def test_by_step(statistic: str, values: list[float]) -> None:
    assert by_step(POINTS, statistic) == list(enumerate(values))


def test_by_time() -> None:
    assert by_time(POINTS, 60_000, "Count") == [(0, 2.0), (60, 2.0)]
