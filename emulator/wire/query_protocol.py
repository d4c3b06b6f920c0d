"""AWS's query protocol, for STS, IAM and older clients of CloudWatch: a form in, XML out."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, Shape, StructureShape

from emulator.domain.errors import ServiceError
from emulator.wire.answer import Answer
from emulator.wire.dispatch import Params, Result
from emulator.wire.serialization import serialization_error
from emulator.wire.service_model import Operation, ServiceModels
from emulator.wire.text_value import value_of_text

MAX_FIELDS = 10_000
_NOT_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")

Form = dict[str, str]


@dataclass(frozen=True)
class QueryProtocol:
    """One request's wire protocol."""

    content_type: str = "text/xml"

    def find_operation(self, models: ServiceModels, body: bytes) -> Operation:
        form = read_form(body)
        action, version = form.get("Action", ""), form.get("Version", "")
        operation = models.by_action(action, version)
        if operation is None:
            text = f"Could not find operation {action} for version {version}"
            raise ServiceError("InvalidAction", text)
        return operation

    def parse(self, operation: Operation, body: bytes) -> Params:
        shape = operation.model.input_shape
        return {} if shape is None else cast(Params, _read(shape, read_form(body), "") or {})

    def render(self, operation: Operation, result: Result, request_id: str, strict: bool) -> Answer:
        shape, name = operation.model.output_shape, operation.model.name
        inner = "" if shape is None else _write(shape, f"{name}Result", result)
        metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        namespace = operation.model.service_model.metadata.get("xmlNamespace", "")
        return Answer(f'<{name}Response xmlns="{namespace}">{inner}{metadata}</{name}Response>'.encode())

    def render_error(self, error: ServiceError, request_id: str) -> Answer:
        kind = "Sender" if error.status < 500 else "Receiver"
        detail = (
            f"<Type>{kind}</Type><Code>{_text(error.code)}</Code><Message>{_text(error.message)}</Message>"
        )
        error_xml = f"<Error>{detail}</Error><RequestId>{request_id}</RequestId>"
        return Answer(f"<ErrorResponse>{error_xml}</ErrorResponse>".encode(), error.status)


def read_form(body: bytes) -> Form:
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"
        )
    except ValueError:
        raise serialization_error("The request body is not a valid form") from None
    return dict(pairs)


def _read(shape: Shape, form: Form, name: str) -> Any:
    """The value whose fields begin with `name`, or None where the form has none of them."""
    if isinstance(shape, StructureShape):
        return _read_structure(shape, form, name)
    if isinstance(shape, ListShape):
        return _read_list(shape, form, name)
    return value_of_text(shape, form[name]) if name in form else None


def _read_structure(shape: StructureShape, form: Form, name: str) -> dict[str, Any] | None:
    prefix = f"{name}." if name else ""
    members = {key: _read(member, form, prefix + key) for key, member in shape.members.items()}
    return {key: value for key, value in members.items() if value is not None} or None


def _read_list(shape: ListShape, form: Form, name: str) -> list[Any] | None:
    items: list[Any] = []
    while (item := _read(shape.member, form, f"{name}.member.{len(items) + 1}")) is not None:
        items.append(item)
    return items or None


def _write(shape: Shape, tag: str, value: Any) -> str:
    if isinstance(shape, ListShape):
        return _element(tag, "".join(_write(shape.member, "member", item) for item in value))
    if isinstance(shape, StructureShape):
        present = {name: member for name, member in shape.members.items() if value.get(name) is not None}
        return _element(tag, "".join(_write(member, name, value[name]) for name, member in present.items()))
    if isinstance(shape, MapShape):
        entries = (
            (_write(shape.key, "key", key), _write(shape.value, "value", item)) for key, item in value.items()
        )
        return _element(tag, "".join(f"<entry>{key}{item}</entry>" for key, item in entries))
    if isinstance(value, datetime):
        return _element(tag, value.strftime("%Y-%m-%dT%H:%M:%SZ"))
    if isinstance(value, bool):
        return _element(tag, str(value).lower())
    return _element(tag, _text(str(value)))


def _element(tag: str, content: str) -> str:
    return f"<{tag}>{content}</{tag}>"


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))
