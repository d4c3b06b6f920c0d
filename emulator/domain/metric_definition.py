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

MOST_SPELLED_OUT = 10_000
"""Characters. The engine spells repeated text out when it compiles, so `a{1000000000}` would take all memory."""
_COUNT = re.compile(r"\{(?=((?:\s|\d|#[^\n]*(?:\n|$))+))")
"""A count in braces, as it may be written under the flag `x`: with space and comments, which may be none elsewhere."""
_COMMENT = re.compile(r"#[^\n]*")
_MAY_END_A_GROUP = re.compile(r"[)}?*+\s]?")


class FoundValue(NamedTuple):
    name: str
    value: float


def compile_regex(text: str) -> "regex.Pattern[str]":
    """Raises ValueError, with the reason, for what is no regular expression."""
    if _spelled_out(text) > MOST_SPELLED_OUT:
        raise ValueError(f"its counts in braces make more than {MOST_SPELLED_OUT} characters of it")
    try:
        return _compiled(text)
    except MemoryError:
        raise ValueError("it takes too much memory") from None
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None


def _spelled_out(text: str) -> int:
    """At least how many characters there are without counts: those of groups may be nested, those of characters not."""
    length, factor = len(text), 1
    for found in _COUNT.finditer(text):
        digits = "".join(_COMMENT.sub("", found[1]).split())
        count = int(digits) if digits else 0
        if _MAY_END_A_GROUP.fullmatch(text[max(0, found.start() - 1) : found.start()]):
            factor *= max(1, count)
        else:
            length += count
    return length * factor


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
