"""Pure: the order of search results, and where in it a page begins."""

from collections.abc import Iterable
from datetime import datetime
from math import isnan
from typing import Any, NamedTuple, TypeVar

from emulator.domain.errors import validation_error
from emulator.domain.search_filter import as_number
from emulator.domain.training_job_properties import Document, Kind, Property, find_property

T = TypeVar("T")

DEFAULT = "LastModifiedTime"
MOST_TEXT = 256
"""Characters of a text that count for the order, so that a position fits into a NextToken."""


class Position(NamedTuple):
    """Jobs with a value come before those without, in either order; numbers before texts; then the ARN decides."""

    is_missing: bool
    is_text: bool
    number: float
    text: str
    arn: str


def sorting_property(name: str | None) -> Property:
    """Raises ValidationException for a property that has no order."""
    found = find_property(name or DEFAULT)
    if found.kind in (Kind.LIST, Kind.STRUCTURE):
        raise validation_error(f"Results cannot be sorted by {found.name}, which has no value.")
    return found


def position_of(document: Document, by: Property) -> Position:
    """`document`: a training job's description."""
    arn = document["TrainingJobArn"]
    value = next(iter(by.values(document)), None)
    number = _number(value, by.kind)
    if number is not None and not isnan(number):
        return Position(False, False, number, "", arn)
    if isinstance(value, str):
        return Position(False, True, 0.0, value[:MOST_TEXT], arn)
    return Position(True, False, 0.0, "", arn)


def _number(value: Any, kind: Kind) -> float | None:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bool | int | float):
        return float(value)
    return as_number(value) if kind is Kind.PARAMETER else None


def first_after(
    items: Iterable[tuple[Position, T]], after: Position | None, is_descending: bool, limit: int
) -> list[tuple[Position, T]]:
    """The first `limit` items in order, of those behind `after`."""
    left = [item for item in items if after is None or _is_after(item[0], after, is_descending)]
    there = sorted((i for i in left if not i[0].is_missing), key=lambda i: i[0], reverse=is_descending)
    missing = sorted((i for i in left if i[0].is_missing), key=lambda i: i[0], reverse=is_descending)
    return [*there, *missing][:limit]


def _is_after(position: Position, after: Position, is_descending: bool) -> bool:
    if position.is_missing != after.is_missing:
        return position.is_missing
    return position < after if is_descending else position > after
