"""Pure: one filter of a search (API Filter), compiled to a test of a property's values.

A job without the property satisfies NotEquals and NotExists only; of several values one is enough, for NotEquals none
may be equal. The documentation leaves that open.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from emulator.domain.errors import validation_error
from emulator.domain.training_job_properties import Kind, Property

Test = Callable[[list[Any]], bool]
Filter = Mapping[str, str]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
_OF_TEXT = (Kind.TEXT, Kind.PARAMETER)


def compile_filter(found: Property, asked: Filter) -> Test:
    """`asked`: a Filter on the property `found`. Raises ValidationException for what cannot be compared."""
    name, value = asked.get("Operator", "Equals"), asked.get("Value")
    if name in ("Exists", "NotExists"):
        return bool if name == "Exists" else operator.not_
    if value is None:
        raise validation_error(f"The filter on {found.name} needs a Value for the operator {name}.")
    if found.kind in (Kind.LIST, Kind.STRUCTURE):
        raise validation_error(
            f"{found.name} has no value; it can be searched for with Exists and NotExists."
        )
    one = _compile(found, name, value)
    if name == "NotEquals":
        return lambda values: not any(one(each) for each in values)
    return lambda values: any(one(each) for each in values)


def _compile(found: Property, name: str, value: str) -> Callable[[Any], bool]:
    """For one value; of NotEquals its opposite."""
    is_text = found.kind in _OF_TEXT
    if name in ("In", "Contains") and not is_text:
        raise _unsupported(found, name)
    if name == "In":
        choices = {choice.strip() for choice in value.split(",")}
        return lambda each: each in choices
    if name == "Contains":
        return lambda each: value in each
    if name in _ORDER:
        return _ordering(found, name, value)
    return _equality(found, value)


def _equality(found: Property, value: str) -> Callable[[Any], bool]:
    if found.kind is Kind.TEXT:
        return lambda each: bool(each == value)
    if found.kind is Kind.PARAMETER:
        number = as_number(value)
        return lambda each: each == value or (number is not None and as_number(each) == number)
    wanted = _typed(found, value)
    if isinstance(wanted, datetime) and not wanted.microsecond:
        return lambda each: bool(each.replace(microsecond=0) == wanted)
    return lambda each: bool(each == wanted)


def _ordering(found: Property, name: str, value: str) -> Callable[[Any], bool]:
    """Decimal hyperparameters are cut to integers where `value` is one (API Filter)."""
    if found.kind in (Kind.TEXT, Kind.BOOLEAN):
        raise _unsupported(found, name)
    compare = _ORDER[name]
    wanted = _typed(found, value)
    if found.kind is not Kind.PARAMETER:
        return lambda each: compare(each, wanted)
    cut = _INTEGER.fullmatch(value) is not None

    def test(each: Any) -> bool:
        number = as_number(each)
        if number is None:
            return False
        return compare(math.trunc(number) if cut and math.isfinite(number) else number, wanted)

    return test


def _typed(found: Property, value: str) -> Any:
    """Raises ValidationException for a value that is none of the property's kind."""
    if found.kind is Kind.TIME:
        return _time(found, value)
    if found.kind is Kind.BOOLEAN:
        if value.lower() not in ("true", "false"):
            raise validation_error(f"The Value of a filter on {found.name} must be true or false.")
        return value.lower() == "true"
    number = as_number(value)
    if number is None:
        raise validation_error(f"The Value of a filter on {found.name} must be a number.")
    return number


def as_number(text: Any) -> float | None:
    return float(text) if isinstance(text, str) and _NUMBER.fullmatch(text) else None


def _time(found: Property, value: str) -> datetime:
    """ISO 8601, without an offset in UTC; or seconds since the epoch."""
    seconds = as_number(value)
    try:
        if seconds is not None:
            return datetime.fromtimestamp(seconds, UTC)
        time = datetime.fromisoformat(value)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        text = "must be a time such as 2024-05-06T07:08:09"
        raise validation_error(f"The Value of a filter on {found.name} {text}.") from None


def _unsupported(found: Property, name: str) -> Exception:
    return validation_error(
        f"The operator {name} is not supported for {found.name}, which is a {found.kind}."
    )
