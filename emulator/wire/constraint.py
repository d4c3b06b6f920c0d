"""What the model demands of one value: length, range, pattern, enumeration; with AWS's words for each."""

import math
from collections.abc import Callable
from functools import cache
from time import thread_time
from typing import Any, NamedTuple

import regex  # type: ignore[import-untyped]
from botocore.model import Shape

PATTERN_SECONDS = 1.0
"""Of the CPU, for all patterns of a request together; what then is not matched counts as not matching."""
TRIED_BEYOND = 1024
"""Characters above the largest length up to which a pattern is tried, too: AWS names both faults. Our own limit."""

# botocore's SageMaker model lost the anchors of the service's own patterns, which it had up to 1.34 and which
# the service's messages print; `.*` and the like never had any.
_SAGEMAKER_ANCHORS = (
    ("[a-zA-Z0-9](", "^", ""),
    ("arn:aws[a-z\\-]*:iam::", "^", "$"),
    ("(https|s3)://", "^", "$"),
    ("[a-zA-Z0-9:/_-]*", "^", "$"),
    ("(fs-", "^", "$"),
    ("([\\p{L}", "^", "$"),
)

_DOT = regex.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|(\.)")
"""A dot that is neither escaped nor in brackets is the group."""
_NO_LINE_TERMINATOR = r"[^\n\r\x85\u2028\u2029]"


class Constraint(NamedTuple):
    text: str
    is_met: Callable[[Any], bool]


class PatternTime:
    """What is left of PATTERN_SECONDS for one request."""

    def __init__(self) -> None:
        self._left = PATTERN_SECONDS

    def matches(self, compiled: "regex.Pattern[str]", value: str) -> bool:
        if self._left <= 0:
            return False
        began = thread_time()
        try:
            return compiled.fullmatch(value, timeout=self._left) is not None
        except TimeoutError:
            return False
        finally:
            self._left -= thread_time() - began


def constraints(service: str, shape: Shape, time: PatternTime | None = None) -> list[Constraint]:
    """The value's own constraints: largest, smallest, pattern, enumeration, as AWS lists them in brackets."""
    found = []
    if "max" in shape.metadata:
        found.append(_maximum(shape, shape.metadata["max"]))
    if "min" in shape.metadata:
        found.append(_minimum(shape, shape.metadata["min"]))
    if "pattern" in shape.metadata:
        found.append(_pattern(service, shape, time or PatternTime()))
    if getattr(shape, "enum", None):
        found.append(_enumeration(shape.metadata["enum"]))
    return found


def compile_pattern(pattern: str) -> "regex.Pattern[str] | None":
    """Java's pattern in Python's engine, or None where it cannot be expressed.

    Java's `\\d` and `\\w` are ASCII; the flag for it would break `\\p{L}`, so patterns with both stay wide. Java's `.`
    is no line terminator, of which Python knows the newline only.
    """
    try:
        return _compiled(pattern)
    except regex.error:
        return None


@cache
def _compiled(pattern: str) -> "regex.Pattern[str]":
    javas = _DOT.sub(lambda found: _NO_LINE_TERMINATOR if found[1] else found[0], pattern)
    return regex.compile(javas, 0 if "\\p{" in pattern else regex.ASCII)


def printed_pattern(service: str, pattern: str) -> str:
    for start, head, tail in _SAGEMAKER_ANCHORS if service == "sagemaker" else ():
        if pattern.startswith(start):
            return f"{head}{pattern}{tail}"
    return pattern


def _pattern(service: str, shape: Shape, time: PatternTime) -> Constraint:
    """A value that is much too long counts as matching: its length is the fault."""
    pattern = shape.metadata["pattern"]
    text = f"Member must satisfy regular expression pattern: {printed_pattern(service, pattern)}"
    compiled, longest = compile_pattern(pattern), shape.metadata.get("max", math.inf) + TRIED_BEYOND
    if compiled is None:
        return Constraint(text, lambda value: True)
    return Constraint(text, lambda value: len(value) > longest or time.matches(compiled, value))


def _enumeration(values: list[str]) -> Constraint:
    return Constraint(f"Member must satisfy enum value set: [{', '.join(values)}]", lambda v: v in values)


def _maximum(shape: Shape, limit: float) -> Constraint:
    measure, noun = _measure(shape)
    return Constraint(f"Member must have {noun} less than or equal to {limit}", lambda v: measure(v) <= limit)


def _minimum(shape: Shape, limit: float) -> Constraint:
    measure, noun = _measure(shape)
    return Constraint(
        f"Member must have {noun} greater than or equal to {limit}", lambda v: measure(v) >= limit
    )


def _measure(shape: Shape) -> tuple[Callable[[Any], float], str]:
    if shape.type_name in ("integer", "long", "float", "double"):
        return (lambda value: value), "value"
    return len, "length"
