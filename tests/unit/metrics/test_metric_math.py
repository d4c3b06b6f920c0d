"""Expressions, parsed and evaluated."""

import pytest

from emulator.metrics.math_expression import parse_math
from emulator.metrics.metric import Span
from emulator.metrics.time_series import Evaluation, PointBudget, Series, Value

MINUTE = 60_000
SERIES = {"a": Series({0: 1.0, MINUTE: 3.0}, MINUTE), "b": Series({MINUTE: 2.0, 3 * MINUTE: 4.0}, MINUTE)}


def value(text: str) -> Value:
    def lookup(name: str) -> Value:
        if name not in SERIES:
            raise ValueError(f"no {name}")
        return SERIES[name]

    return Evaluation(Span(0, 4 * MINUTE), lookup, SERIES, {}).value(parse_math(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 ^ 2", 19.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 ^ 2", -4.0),
        ("(1 + 2) * 3 - 4 / 2", 7.0),
        ("8 - 4 - 2", 2.0),
        ("PERIOD(a)", 60.0),
        ("SUM(a)", 4.0),
        ("AVG(b) * MAX(b)", 12.0),
    ],
)
def test_numbers(text: str, expected: float) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b", {1: 5.0}),
        ("a / 0", {}),
        ("100 * a", {0: 100.0, 1: 300.0}),
        ("SUM(METRICS())", {0: 1.0, 1: 5.0, 3: 4.0}),
        ('MAX(METRICS("b"))', {1: 2.0, 3: 4.0}),
        ("FILL(b, 0)", {0: 0.0, 1: 2.0, 2: 0.0, 3: 4.0}),
        ("FILL(b, REPEAT)", {1: 2.0, 2: 2.0, 3: 4.0}),
        ("DIFF(b)", {3: 2.0}),
        ("RATE(b)", {3: 2 / 120}),
        ("RUNNING_SUM(a)", {0: 1.0, 1: 4.0}),
        ("CEIL(a / 2)", {0: 1.0, 1: 2.0}),
    ],
)
def test_series(text: str, expected: dict[int, float]) -> None:
    found = value(text)
    assert isinstance(found, Series)
    assert {time_ms // MINUTE: number for time_ms, number in found.points.items()} == pytest.approx(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "1 2",
        "a $ b",
        "SUM(a",
        "SUM()",
        "SUM(1)",
        "IF(a, 1, 2)",
        "'x'",
        "METRICS() + METRICS()",
        "1 / 0",
        "(" * 99,
        "-" * 99,
        "FILL(a, LINEAR)",
        "c",
    ],
)
def test_what_cannot_be_evaluated_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        value(text)


def test_fill_makes_no_endless_series() -> None:
    wide = Evaluation(Span(0, 10**15), lambda name: SERIES[name], SERIES, {})
    with pytest.raises(ValueError, match="FILL would make more than"):
        wide.value(parse_math("FILL(a, 0)"))


@pytest.mark.parametrize("text", ["FILL(a, 1)", "SUM(a) + SUM(a) + SUM(a)", "ABS(ABS(ABS(a)))", "METRICS()"])
def test_all_that_one_request_reads_and_makes_is_counted(text: str) -> None:
    def within(most: int) -> Value:
        return Evaluation(
            Span(0, 4 * MINUTE), lambda name: SERIES[name], SERIES, {}, PointBudget(most)
        ).value(parse_math(text))

    assert within(20) is not None
    with pytest.raises(ValueError, match="the request needs more than 4 data points"):
        within(4)
