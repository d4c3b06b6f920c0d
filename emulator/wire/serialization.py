"""JSON values to typed values, as an input shape says.

The texts are those of the Java framework behind AWS's JSON protocol, as DynamoDB and others print them;
for SageMaker no public capture is known.
"""

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from botocore.model import ListShape, MapShape, Shape, StructureShape

from emulator.domain.errors import ServiceError

MAX_DEPTH = 100
"""Levels of nesting that are read. The deepest non-recursive input of SageMaker has 12."""

_LIST_FOUND = "Start of list found where not expected"
_OBJECT_FOUND = "Start of structure or map found where not expected"


def serialization_error(message: str) -> ServiceError:
    return ServiceError("SerializationException", message)


def typed_value(shape: Shape, value: Any, depth: int = 0) -> Any:
    """Convert a JSON value that is not null. Raises ServiceError where the JSON type is wrong."""
    if depth > MAX_DEPTH:
        raise serialization_error("The request is nested too deeply")
    return _CONVERT[shape.type_name](shape, value, depth)


def _structure(shape: Shape, value: Any, depth: int) -> dict[str, Any]:
    """Members that the shape does not know and members that are null are dropped."""
    members = cast(StructureShape, shape).members
    return {
        name: typed_value(members[name], item, depth + 1)
        for name, item in _object(value).items()
        if name in members and item is not None
    }


def _map(shape: Shape, value: Any, depth: int) -> dict[str, Any]:
    item_shape = cast(MapShape, shape).value
    return {
        _text(key): None if item is None else typed_value(item_shape, item, depth + 1)
        for key, item in _object(value).items()
    }


def _list(shape: Shape, value: Any, depth: int) -> list[Any]:
    if isinstance(value, dict):
        raise serialization_error(_OBJECT_FOUND)
    if not isinstance(value, list):
        raise serialization_error("Unexpected field type")
    item_shape = cast(ListShape, shape).member
    return [None if item is None else typed_value(item_shape, item, depth + 1) for item in value]


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        raise serialization_error(_LIST_FOUND)
    if not isinstance(value, dict):
        raise serialization_error("Unexpected field type")
    return value


def _string(shape: Shape, value: Any, depth: int) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, "a String")
    return _text(value)


def _text(value: str) -> str:
    """A JSON escape can name half of a surrogate pair, which is no character."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise serialization_error("Invalid UTF-16 surrogate in a string") from None
    return value


def _boolean(shape: Shape, value: Any, depth: int) -> bool:
    if not isinstance(value, bool):
        raise _mismatch(value, "a Boolean")
    return value


def _integer(shape: Shape, value: Any, depth: int) -> int:
    bits, java_type = (64, "a Long") if shape.type_name == "long" else (32, "an Integer")
    number, limit = _number(value, java_type), 2 ** (bits - 1)
    if not -limit <= number < limit or number != int(number):
        raise _mismatch(value, java_type)
    return int(number)


def _float(shape: Shape, value: Any, depth: int) -> float:
    java_type = "a Float" if shape.type_name == "float" else "a Double"
    try:
        return float(_number(value, java_type))
    except OverflowError:
        raise _mismatch(value, java_type) from None


def _number(value: Any, java_type: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch(value, java_type)
    return value


def _timestamp(shape: Shape, value: Any, depth: int) -> datetime:
    """Epoch seconds, as JSON clients send them, or ISO 8601; without an offset it is UTC."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        return datetime.fromtimestamp(_number(value, "a Date"), UTC)
    except (ValueError, OverflowError, OSError):
        raise _mismatch(value, "a Date") from None


def _blob(shape: Shape, value: Any, depth: int) -> bytes:
    if not isinstance(value, str):
        raise _mismatch(value, "a Blob")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise _mismatch(value, "a Blob") from None


def _mismatch(value: Any, java_type: str) -> ServiceError:
    if isinstance(value, list):
        return serialization_error(_LIST_FOUND)
    if isinstance(value, dict):
        return serialization_error(_OBJECT_FOUND)
    if isinstance(value, bool):
        return serialization_error(f"{str(value).upper()}_VALUE can not be converted to {java_type}")
    kind = "STRING_VALUE" if isinstance(value, str) else "NUMBER_VALUE"
    return serialization_error(f"{kind} can not be converted to {java_type}")


_CONVERT: dict[str, Callable[[Shape, Any, int], Any]] = {
    "structure": _structure,
    "map": _map,
    "list": _list,
    "string": _string,
    "boolean": _boolean,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "timestamp": _timestamp,
    "blob": _blob,
}
