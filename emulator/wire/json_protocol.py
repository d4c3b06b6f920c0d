"""AWS JSON 1.0 and 1.1: `X-Amz-Target` names the operation, the body is one JSON object each way."""

import base64
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, cast

from botocore.model import ListShape, MapShape, Shape, StructureShape

from emulator.domain.errors import ServiceError
from emulator.wire.answer import Answer
from emulator.wire.dispatch import Params, Result
from emulator.wire.query_error import query_error_headers, shape_name
from emulator.wire.serialization import serialization_error, typed_value
from emulator.wire.service_model import Operation, ServiceModels


@dataclass(frozen=True)
class JsonProtocol:
    """One request's wire protocol."""

    target: str
    content_type: str
    is_query_compatible: bool = False
    """Whether the client wants the query protocol's error codes (header `x-amzn-query-mode`)."""

    def find_operation(self, models: ServiceModels, body: bytes) -> Operation:
        operation = models.by_target(self.target)
        if operation is None:
            raise ServiceError("UnknownOperationException", f"AWS has no operation {self.target!r}.")
        return operation

    def parse(self, operation: Operation, body: bytes) -> Params:
        return parse(operation.model.input_shape, body)

    def render(self, operation: Operation, result: Result, request_id: str, strict: bool) -> Answer:
        return Answer(render(operation.model.output_shape, result, strict))

    def render_error(self, error: ServiceError, request_id: str) -> Answer:
        """SageMaker's modelled errors have `Message`, everything else `message`; its clients read both."""
        code = shape_name(error.code) if self.is_query_compatible else error.code
        body = {"__type": code, "message": error.message}
        if self.target.startswith("SageMaker."):
            body["Message"] = error.message
        headers = query_error_headers(error) if self.is_query_compatible else {}
        return Answer(_encode(body), error.status, headers)


def parse(shape: Shape | None, body: bytes) -> Params:
    """A request body as params, timestamps as aware datetimes. Raises ServiceError."""
    value = _decode(body) if body.strip() else {}
    return cast(Params, typed_value(shape, value)) if shape is not None else {}


def render(shape: Shape | None, result: Result, strict: bool = False) -> bytes:
    """A result as a body, empty for operations without output.

    A member that the shape does not know is dropped, or a ValueError where `strict`.
    """
    return b"" if shape is None else _encode(json_value(shape, result, strict))


def _decode(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise serialization_error("The request is nested too deeply") from None
    except ValueError:
        raise serialization_error("The request body is not valid JSON") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is out of range")
    return number


def _encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="replace")


def json_value(shape: Shape, value: Any, strict: bool) -> Any:
    """A typed value as JSON: timestamps are epoch seconds with milliseconds, blobs base64."""
    write = _WRITE.get(shape.type_name)
    return write(shape, value, strict) if write else value


def _structure(shape: Shape, value: Any, strict: bool) -> dict[str, Any]:
    members = cast(StructureShape, shape).members
    unknown = value.keys() - members.keys()
    if unknown and strict:
        raise ValueError(f"{shape.name} has no member {', '.join(sorted(unknown))}")
    present = {name: item for name, item in value.items() if name in members and item is not None}
    return {name: json_value(members[name], item, strict) for name, item in present.items()}


def _list(shape: Shape, value: Any, strict: bool) -> list[Any]:
    return [json_value(cast(ListShape, shape).member, item, strict) for item in value]


def _map(shape: Shape, value: Any, strict: bool) -> dict[str, Any]:
    item_shape = cast(MapShape, shape).value
    return {key: json_value(item_shape, item, strict) for key, item in value.items()}


def _timestamp(shape: Shape, value: datetime, strict: bool) -> float:
    if value.tzinfo is None:
        raise ValueError(f"{shape.name} is a time without time zone")
    return round(value.timestamp(), 3)


def _float(shape: Shape, value: float, strict: bool) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _blob(shape: Shape, value: bytes, strict: bool) -> str:
    return base64.b64encode(value).decode("ascii")


_WRITE: dict[str, Callable[[Shape, Any, bool], Any]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "timestamp": _timestamp,
    "float": _float,
    "double": _float,
    "blob": _blob,
}
