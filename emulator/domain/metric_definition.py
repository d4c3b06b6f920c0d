"""MetricDefinitions: regular expressions of the user's that find numbers in log lines.

Source: DG define-train-metrics. The syntax there is Python's; group 1 is the value, of a regex without groups the whole
match. The regexes are not to be trusted: one can be made that takes for ever.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from time import thread_time
from typing import NamedTuple

import regex  # type: ignore[import-untyped]

SEARCH_SECONDS = 0.25
"""For one line; a regex that took longer is given up."""

BUDGET_SECONDS = 10.0
LINE_SECONDS = 0.0002
"""For all lines of a host: so much processor time at first, and with each line a little of it again."""

MOST_REPEATS = 100_000
"""Of all counts in braces, multiplied. The engine spells repeated text out when it compiles, so `a{1000000000}` would
take all memory that there is."""
_COUNT = re.compile(r"\{(\d+)")


class FoundValue(NamedTuple):
    name: str
    value: float


def compile_regex(text: str) -> "regex.Pattern[str]":
    """Raises ValueError, with the reason, for what is no regular expression."""
    if math.prod(max(1, int(count)) for count in _COUNT.findall(text)) > MOST_REPEATS:
        raise ValueError(f"its counts in braces make more than {MOST_REPEATS} repetitions")
    try:
        return _compiled(text)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None


@lru_cache(maxsize=1000)
def _compiled(text: str) -> "regex.Pattern[str]":
    return regex.compile(text)


def faults_of_regexes(definitions: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """One sentence for each that CreateTrainingJob and CreateAlgorithm refuse."""
    for definition in definitions:
        try:
            compile_regex(definition["Regex"])
        except ValueError as error:
            name = definition["Name"]
            yield f"the Regex of metric {name} in MetricDefinitions is not valid: {error}"


@dataclass
class _Definition:
    name: str
    pattern: "regex.Pattern[str]"
    seconds_left: float = field(default_factory=lambda: BUDGET_SECONDS)

    def search(self, line: str) -> "regex.Match[str] | None":
        """Raises TimeoutError."""
        began = thread_time()
        match = self.pattern.search(line, timeout=SEARCH_SECONDS, concurrent=True)
        self.seconds_left = min(BUDGET_SECONDS, self.seconds_left + LINE_SECONDS) - (thread_time() - began)
        if self.seconds_left < 0:
            raise TimeoutError
        return match


class MetricTap:
    """The definitions of one job, as one host's lines are looked at. For worker threads."""

    def __init__(self, definitions: Iterable[Mapping[str, str]]) -> None:
        """Raises ValueError for a regex that CreateTrainingJob refuses."""
        self._definitions = [_Definition(each["Name"], compile_regex(each["Regex"])) for each in definitions]
        self.given_up: list[str] = []
        """Names of metrics whose regex took too long."""

    def find(self, line: str) -> Iterator[FoundValue | None]:
        """One step for each definition: what its first match tells, None where that is no finite number.

        No step takes much more than SEARCH_SECONDS; any thread may take the next one.
        """
        for definition in list(self._definitions):
            value = self._search(definition, line)
            yield None if value is None else FoundValue(definition.name, value)

    def _search(self, definition: _Definition, line: str) -> float | None:
        try:
            match = definition.search(line)
        except TimeoutError:
            self._definitions.remove(definition)
            self.given_up.append(definition.name)
            return None
        return None if match is None else _number(match[1 if definition.pattern.groups else 0])


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None and "_" not in text else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
