"""Regexes of the user's on log lines."""

import pytest

from emulator.domain import metric_definition
from emulator.domain.metric_definition import FoundValue, MetricTap, compile_regex

SLOW_REGEX, SLOW_LINE = r"(\w+)[^\w!]*$", "a" * 400 + "!"
"""Some milliseconds a line, whatever the machine."""


def find(tap: MetricTap, line: str) -> list[FoundValue]:
    return [found for found in tap.find(line) if found is not None]


def values(regex: str, *lines: str) -> list[float]:
    tap = MetricTap([{"Name": "m", "Regex": regex}])
    return [found.value for line in lines for found in find(tap, line)]


@pytest.mark.parametrize(
    ("regex", "line", "found"),
    [
        (r"loss=(\S+)", "step 1 loss=0.5 loss=0.25", [0.5]),
        (r"loss=(\S+)", "loss=2.38e-05,", []),
        (r"loss=([0-9]+(.|e\-)[0-9]+)", "loss=2.38e-05", [2.38]),
        (r"loss=[0-9.]+", "loss=1", []),
        (r"[0-9.]+", "loss 0.5", [0.5]),
        (r"loss=(\S+)?", "loss=", []),
        (r"(\S+)", "nan", []),
        (r"(\S+)", "-inf", []),
        (r"(\S+)", "1_000", []),
        (r"(?<value>[-+]?\d+) %", "-7 %", [-7.0]),
        (
            r".*\[[0-9]+\].*#011validation-rmse:(\S+)",
            "[3]#011train-rmse:1#011validation-rmse:0.0036",
            [0.0036],
        ),
    ],
)
def test_value_is_the_first_group_as_a_number(regex: str, line: str, found: list[float]) -> None:
    assert values(regex, line) == found


def test_every_definition_is_looked_for_in_every_line() -> None:
    tap = MetricTap([{"Name": "a", "Regex": "a=(.)"}, {"Name": "b", "Regex": "b=(.)"}])
    assert [tuple(found) for found in find(tap, "a=1 b=2")] == [("a", 1.0), ("b", 2.0)]


def test_regex_that_takes_too_long_is_given_up() -> None:
    tap = MetricTap([{"Name": "evil", "Regex": "(a+)+$"}, {"Name": "m", "Regex": "m=(.)"}])
    assert [found.name for found in find(tap, "a" * 5000 + "b m=1")] == ["m"]
    assert tap.given_up == ["evil"]
    assert [found.name for found in find(tap, "m=1 aaa")] == ["m"]


def test_regex_that_takes_too_long_over_many_lines_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_definition, "BUDGET_SECONDS", 0.05)
    tap = MetricTap([{"Name": "slow", "Regex": SLOW_REGEX}, {"Name": "m", "Regex": "m=(.)"}])
    for _ in range(1000):
        find(tap, SLOW_LINE)
    assert tap.given_up == ["slow"]
    assert [found.name for found in find(tap, "m=1")] == ["m"]


def test_regex_that_is_quick_is_never_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_definition, "BUDGET_SECONDS", 0.01)
    tap = MetricTap([{"Name": "m", "Regex": "m=(.)"}])
    for _ in range(20_000):
        find(tap, "step 1 m=1")
    assert tap.given_up == []


@pytest.mark.parametrize(
    "regex",
    [
        *("(", "[", "*", "(?P<n"),
        *("a{1000000000}", "((a{1000}){1000}){1000}", "a{1000000,}", "a{0200000}"),
        *("(?x)a{ 1000000000 }", "(?x)a{1 000 000}", "(?x:a{\n1000000})", "a(?i-s:b(?x:c{\t1000000}))"),
        *("(?x)a{1#\n000000}", "(?x)a{#}\n1000000}", "(?x)[#]a{ 1#\n000000}", "(?x)a{\u2003 1000000}"),
        *("a{1#b{1000000}\n", "(?x)(a)#\n{1000000}", "(?:" + "(?:a|)" * 80 + "){460}"),
    ],
)
def test_what_is_no_regex_or_too_large_is_refused(regex: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        compile_regex(regex)


def test_regex_that_takes_all_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_nothing(_: str) -> None:
        raise MemoryError

    monkeypatch.setattr(metric_definition, "_compiled", compile_nothing)
    with pytest.raises(ValueError, match="memory"):
        compile_regex("a")


def test_counts_in_verbose_regexes_are_fine() -> None:
    assert values("(?x) loss = ( [0-9]{1, 3} )  # percent", "loss=17") == [17.0]


def test_counts_as_people_write_them_are_fine() -> None:
    compile_regex(r"\d{4}-\d{2}-\d{2} [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} (?:\d{1,3}\.){4} (.{0,5000})")
    assert values(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2},\d{3} (\d+)", "2024-01-02 03:04:05,678 9") == [9.0]
