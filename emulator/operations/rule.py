"""What the rules of CreateTrainingJob are made of."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from emulator.domain.errors import ServiceError, validation_error
from emulator.domain.s3_uri import S3Uri

Document = Mapping[str, Any]
"""A validated request, or a structure of it, in wire casing."""
Rule = Callable[[Document], Iterator[ServiceError]]
"""Yields what a document breaks; the first is told."""


def s3_uri_rule(text: str, member: str) -> Iterator[ServiceError]:
    try:
        S3Uri.parse(text)
    except ValueError as error:
        yield validation_error(f"{member}: {error}")
