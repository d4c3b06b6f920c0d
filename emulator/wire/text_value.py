"""Scalars that arrive as text: in forms, paths, query strings and headers."""

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from botocore.model import Shape

from emulator.wire.serialization import serialization_error


def value_of_text(shape: Shape, text: str) -> Any:
    """Raises ServiceError for a text that the shape's type cannot have."""
    read = _READ.get(shape.type_name)
    if read is None:
        return text
    try:
        return read(text)
    except (ValueError, OverflowError, OSError, binascii.Error):
        raise serialization_error(f"{shape.name} is not a {shape.type_name}") from None


def _integer(text: str, bits: int) -> int:
    number, limit = int(text), 2 ** (bits - 1)
    if not -limit <= number < limit:
        raise OverflowError(text)
    return number


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _timestamp(text: str) -> datetime:
    """ISO 8601, seconds since the epoch, or the form of HTTP's headers; without an offset it is UTC."""
    if text.replace(".", "", 1).isdigit():
        return datetime.fromtimestamp(float(text), UTC)
    moment = parsedate_to_datetime(text) if "," in text else datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _blob(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_READ: dict[str, Callable[[str], Any]] = {
    "integer": partial(_integer, bits=32),
    "long": partial(_integer, bits=64),
    "float": float,
    "double": float,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "blob": _blob,
}
