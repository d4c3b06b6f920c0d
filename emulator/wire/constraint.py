"""What the model demands of one value: length, range, pattern, enumeration; with AWS's words for each."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import regex  # type: ignore[import-untyped]
from botocore.model import Shape

PATTERN_SECONDS = 1.0
"""A pattern that takes longer on some value counts as not matched."""

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


class Constraint(NamedTuple):
    text: str
    is_met: Callable[[Any], bool]


def constraints(service: str, shape: Shape) -> list[Constraint]:
    """The value's own constraints: largest, smallest, pattern, enumeration, as AWS lists them in brackets."""
    found = []
    if "max" in shape.metadata:
        found.append(_maximum(shape, shape.metadata["max"]))
    if "min" in shape.metadata:
        found.append(_minimum(shape, shape.metadata["min"]))
    if "pattern" in shape.metadata:
        found.append(_pattern(service, shape.metadata["pattern"]))
    if getattr(shape, "enum", None):
        found.append(_enumeration(shape.metadata["enum"]))
    return found


def compile_pattern(pattern: str) -> "regex.Pattern[str] | None":
    """Java's pattern in Python's engine, or None where it cannot be expressed.

    Java's `\\d` and `\\w` are ASCII; the flag for it would break `\\p{L}`, so patterns with both stay wide.
    """
    try:
        return _compiled(pattern)
    except regex.error:
        return None


@cache
def _compiled(pattern: str) -> "regex.Pattern[str]":
    return regex.compile(pattern, 0 if "\\p{" in pattern else regex.ASCII)


def printed_pattern(service: str, pattern: str) -> str:
    for start, head, tail in _SAGEMAKER_ANCHORS if service == "sagemaker" else ():
        if pattern.startswith(start):
            return f"{head}{pattern}{tail}"
    return pattern


def _pattern(service: str, pattern: str) -> Constraint:
    text = f"Member must satisfy regular expression pattern: {printed_pattern(service, pattern)}"
    return Constraint(text, lambda value: _matches(pattern, value))


def _matches(pattern: str, value: str) -> bool:
    compiled = compile_pattern(pattern)
    try:
        return compiled is None or compiled.fullmatch(value, timeout=PATTERN_SECONDS) is not None
    except TimeoutError:
        return False


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
