"""smithy-rpc-v2-cbor, which AWS's newer JavaScript clients speak to CloudWatch.

The operation stands in the path: `/service/<target prefix>/operation/<name>`.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from botocore.model import ListShape, MapShape, Shape, StructureShape

from emulator.domain.errors import ServiceError
from emulator.wire import cbor
from emulator.wire.answer import Answer
from emulator.wire.dispatch import Params, Result
from emulator.wire.query_error import query_error_headers, shape_name
from emulator.wire.serialization import serialization_error, typed_value
from emulator.wire.service_model import Operation, ServiceModels

PATH = re.compile(r"/service/([A-Za-z0-9_.]+)/operation/([A-Za-z0-9_]+)")
NAME = "rpc-v2-cbor"
_HEADERS = {"smithy-protocol": NAME}


@dataclass(frozen=True)
class CborProtocol:
    """One request's wire protocol."""

    path: str
    content_type: str = "application/cbor"

    def find_operation(self, models: ServiceModels, body: bytes) -> Operation:
        match = PATH.fullmatch(self.path)
        operation = models.by_target(f"{match[1]}.{match[2]}") if match else None
        if operation is None:
            raise ServiceError("UnknownOperationException", f"AWS has no operation at {self.path}.", 404)
        return operation

    def parse(self, operation: Operation, body: bytes) -> Params:
        shape = operation.model.input_shape
        if shape is None or not body:
            return {}
        try:
            value = _json_like(cbor.decode(body))
        except (ValueError, RecursionError):
            raise serialization_error("The request body is not valid CBOR") from None
        return cast(Params, typed_value(shape, value))

    def render(self, operation: Operation, result: Result, request_id: str, strict: bool) -> Answer:
        shape = operation.model.output_shape
        return Answer(b"" if shape is None else _write(shape, result), headers=_HEADERS)

    def render_error(self, error: ServiceError, request_id: str) -> Answer:
        body = {"__type": shape_name(error.code), "message": error.message}
        return Answer(_write_texts(body), error.status, {**_HEADERS, **query_error_headers(error)})


def _json_like(value: Any) -> Any:
    """As typed_value reads it: bytes are base64 there."""
    if isinstance(value, dict):
        return {key: _json_like(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json_like(item) for item in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _write(shape: Shape, value: Any) -> bytes:
    if isinstance(shape, StructureShape):
        present = {n: m for n, m in shape.members.items() if value.get(n) is not None}
        parts = (cbor.encode_text(name) + _write(member, value[name]) for name, member in present.items())
        return cbor.encode_head(5, len(present)) + b"".join(parts)
    if isinstance(shape, MapShape):
        entries = (cbor.encode_text(key) + _write(shape.value, item) for key, item in value.items())
        return cbor.encode_head(5, len(value)) + b"".join(entries)
    if isinstance(shape, ListShape):
        return cbor.encode_head(4, len(value)) + b"".join(_write(shape.member, item) for item in value)
    return _write_scalar(shape, value)


def _write_scalar(shape: Shape, value: Any) -> bytes:
    match shape.type_name:
        case "timestamp":
            return cbor.encode_time(round(value.timestamp(), 3))
        case "float" | "double":
            return cbor.encode_float(value)
        case "integer" | "long":
            return cbor.encode_integer(value)
        case "boolean":
            return b"\xf5" if value else b"\xf4"
        case "blob":
            return cbor.encode_bytes(value)
        case _:
            return cbor.encode_text(value)


def _write_texts(texts: Mapping[str, str]) -> bytes:
    parts = (cbor.encode_text(key) + cbor.encode_text(text) for key, text in texts.items())
    return cbor.encode_head(5, len(texts)) + b"".join(parts)
