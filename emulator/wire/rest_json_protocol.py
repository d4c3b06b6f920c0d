"""AWS's rest-json: members travel in the path, the query string, headers and the body, as the model says.

Members in a JSON body go by their own names; none of the emulated services gives them others.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

from botocore.model import ListShape, OperationModel, Shape, StructureShape

from emulator.domain.errors import ServiceError
from emulator.wire.answer import Answer
from emulator.wire.dispatch import Params, Result
from emulator.wire.json_protocol import json_value, parse
from emulator.wire.rest_route import find_route
from emulator.wire.service_model import Operation, ServiceModels
from emulator.wire.text_value import value_of_text


@dataclass(frozen=True)
class RestJsonProtocol:
    """One request's wire protocol."""

    method: str
    raw_path: str
    """Percent-encoded, as it came."""
    query: str
    headers: Mapping[str, str]
    """Names in any case, looked up without regard to it."""
    content_type: str = "application/json"

    def find_operation(self, models: ServiceModels, body: bytes) -> Operation:
        operation = models.by_path(self.method, self.raw_path)
        if operation is None:
            raise ServiceError("UnknownOperationException", f"AWS has no operation at {self.raw_path}.", 404)
        return operation

    def parse(self, operation: Operation, body: bytes) -> Params:
        """Params of all places. A payload that is a blob is the body as it came."""
        shape = operation.model.input_shape
        if shape is None:
            return {}
        found = self._outside_body(operation.model, shape)
        payload = shape.serialization.get("payload")
        if payload is None:
            inside = parse(shape, body) if _has_body(shape) else {}
            outside = {name for name, member in shape.members.items() if "location" in member.serialization}
            return {**{name: item for name, item in inside.items() if name not in outside}, **found}
        value = _read_payload(shape.members[payload], body)
        return found if value is None else {**found, payload: value}

    def _outside_body(self, model: OperationModel, shape: StructureShape) -> Params:
        route = find_route(model.service_model, self.method, self.raw_path)
        labels = route.labels if route else {}
        query = parse_qs(self.query, keep_blank_values=True)
        found: Params = {}
        for name, member in shape.members.items():
            place, key = member.serialization.get("location"), member.serialization.get("name", name)
            if place == "uri" and key in labels:
                found[name] = value_of_text(member, labels[key])
            elif place == "querystring" and key in query:
                found[name] = _read_query(member, query[key])
            elif place == "header" and key in self.headers:
                found[name] = value_of_text(member, self.headers[key])
            elif place == "headers":
                found[name] = self._prefixed(key)
        return found

    def _prefixed(self, prefix: str) -> dict[str, str]:
        low = prefix.lower()
        return {
            name[len(prefix) :]: value for name, value in self.headers.items() if name.lower().startswith(low)
        }

    def render(self, operation: Operation, result: Result, request_id: str, strict: bool) -> Answer:
        status = int(operation.model.http.get("responseCode", 200))
        shape = operation.model.output_shape
        if shape is None:
            return Answer(b"", status)
        headers, inside = {}, {}
        for name, value in result.items():
            member = shape.members.get(name)
            place = member.serialization.get("location") if member else None
            if member is None or place is None:
                inside[name] = value
            elif place == "statusCode":
                status = value
            elif place == "header" and value is not None:
                headers[member.serialization.get("name", name)] = _header_text(value)
        return Answer(_body(shape, inside, strict), status, headers)

    def render_error(self, error: ServiceError, request_id: str) -> Answer:
        """The modelled errors of SageMaker's services have `Message`; clients read both."""
        body = {"__type": error.code, "message": error.message, "Message": error.message}
        return Answer(json.dumps(body).encode(), error.status, {"x-amzn-ErrorType": error.code})


def _has_body(shape: StructureShape) -> bool:
    return any("location" not in member.serialization for member in shape.members.values())


def _read_payload(shape: Shape, body: bytes) -> Any:
    if shape.type_name == "blob":
        return body
    if shape.type_name == "string":
        return body.decode("utf-8", "replace")
    return parse(shape, body) if body.strip() else None


def _read_query(shape: Shape, texts: list[str]) -> Any:
    if isinstance(shape, ListShape):
        return [value_of_text(shape.member, text) for text in texts]
    return value_of_text(shape, texts[0])


def _header_text(value: Any) -> str:
    if isinstance(value, datetime):
        return format_datetime(value, usegmt=True)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _body(shape: StructureShape, inside: Result, strict: bool) -> bytes:
    payload = shape.serialization.get("payload")
    if payload is None:
        return json.dumps(json_value(shape, inside, strict), ensure_ascii=False).encode("utf-8", "replace")
    value, member = inside.get(payload), shape.members[payload]
    if value is None or isinstance(value, bytes):
        return value or b""
    if member.type_name == "string":
        return str(value).encode("utf-8", "replace")
    return json.dumps(json_value(member, value, strict), ensure_ascii=False).encode("utf-8", "replace")
