"""What the rules of the Create operations are made of."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from emulator.domain import errors
from emulator.domain.errors import ServiceError, validation_error
from emulator.domain.s3_uri import S3Uri

Document = Mapping[str, Any]
"""A validated request, or a structure of it, in wire casing."""
Rule = Callable[[Document], Iterator[ServiceError]]
"""Yields what a document breaks; the first is told."""


def not_emulated_members(document: Document, names: Iterable[str], structure: str) -> Iterator[ServiceError]:
    """Members that AWS takes in `structure` and the emulator cannot honour."""
    for name in names:
        if name in document:
            yield errors.not_emulated(f"a member of {structure}", name, "Leave it out.")


def environment_rule(document: Document) -> Iterator[ServiceError]:
    """Of what has a member Environment. The text is ours."""
    for name, value in document.get("Environment", {}).items():
        if "\0" in value:
            yield validation_error(
                f"The value of {name} in Environment has a NUL, which no environment can have."
            )


def s3_uri_rule(text: str, member: str) -> Iterator[ServiceError]:
    try:
        S3Uri.parse(text)
    except ValueError as error:
        yield validation_error(f"{member}: {error}")
