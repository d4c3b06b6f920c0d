"""Where AWS's wire protocols end: HTTP requests in, calls of operations out, and back."""

import logging
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from emulator.domain.caller import Caller
from emulator.domain.errors import ServiceError
from emulator.wire.dispatch import Dispatch, Params, Result
from emulator.wire.identity import Credential, account_id, read_credential
from emulator.wire.json_protocol import JsonProtocol
from emulator.wire.query_protocol import QueryProtocol
from emulator.wire.service_model import Operation, ServiceModels
from emulator.wire.validation import check

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 8 * 1024 * 1024
_FORM = "application/x-www-form-urlencoded"
_UNKNOWN_FAULT = "The request processing has failed because of an unknown error, exception or failure."


class WireProtocol(Protocol):
    """How one request is read and answered. Reading raises ServiceError."""

    @property
    def content_type(self) -> str: ...

    def find_operation(self, models: ServiceModels, body: bytes) -> Operation: ...

    def parse(self, operation: Operation, body: bytes) -> Params: ...

    def render(self, operation: Operation, result: Result, request_id: str, strict: bool) -> bytes: ...

    def render_error(self, error: ServiceError, request_id: str) -> bytes: ...


@dataclass(frozen=True)
class Gateway:
    """The ASGI application behind `POST /`."""

    models: ServiceModels
    dispatch: Dispatch
    default_account: str
    default_region: str
    max_body_bytes: int = MAX_BODY_BYTES
    strict: bool = False
    """Whether a result with a member that AWS does not have is a fault; for tests."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._answer(request, protocol_of(request), str(uuid4()))
        await response(scope, receive, send)

    async def _answer(self, request: Request, protocol: WireProtocol, request_id: str) -> Response:
        try:
            credential = read_credential(request.headers, request.query_params)
            refuse_other_service(credential, self.models)
            body = await read_body(request, self.max_body_bytes)
            operation = protocol.find_operation(self.models, body)
            params = protocol.parse(operation, body)
            check(operation.service, operation.model.input_shape, params)
            caller = self._caller(credential, request_id)
            result = await self.dispatch(caller, operation.service, operation.model.name, params)
            content = protocol.render(operation, result, request_id, self.strict)
            return _response(protocol, 200, content, request_id)
        except ServiceError as error:
            return _error_response(protocol, error, request_id)
        except Exception:
            log.exception("Request %s failed", request_id)
            fault = ServiceError("InternalFailure", _UNKNOWN_FAULT, status=500)
            return _error_response(protocol, fault, request_id)

    def _caller(self, credential: Credential | None, request_id: str) -> Caller:
        return Caller(
            account_id=account_id(credential, self.default_account),
            region=credential.region if credential else self.default_region,
            access_key=credential.access_key if credential else "",
            request_id=request_id,
        )


def is_for_gateway(scope: MutableMapping[str, Any]) -> bool:
    """Whether it is a request of the JSON or query protocol; others are S3's or of an unknown service."""
    if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != "/":
        return False
    headers = Request(scope).headers
    return "x-amz-target" in headers or _is_form(headers.get("content-type", ""))


def refuse_unknown_service(scope: MutableMapping[str, Any], models: ServiceModels) -> Response | None:
    """An answer for a request that is not S3's: 501 with the name of the service that it was signed for.

    None for requests that are unsigned or signed for S3. `sagemaker` is refused as well, because only
    sagemaker-runtime and sagemaker-metrics send something else than `POST /`.
    """
    request = Request(scope)
    protocol, request_id = protocol_of(request), str(uuid4())
    try:
        credential = read_credential(request.headers, request.query_params)
    except ServiceError:
        return None
    if credential is None or credential.service == "s3":
        return None
    what = f"{request.method} {request.url.path} of " if credential.service in models.models else ""
    return _error_response(protocol, _service_not_emulated(what, credential.service), request_id)


def refuse_other_service(credential: Credential | None, models: ServiceModels) -> None:
    """Raise ServiceError for a request that was signed for a service that is not emulated."""
    if credential is not None and credential.service not in models.models:
        raise _service_not_emulated("", credential.service)


def _service_not_emulated(what: str, service: str) -> ServiceError:
    text = f"The emulator does not implement {what}the service {service!r}."
    return ServiceError("NotImplemented", f"{text} See docs/fidelity.md for what it does.", status=501)


def protocol_of(request: Request) -> WireProtocol:
    content_type = request.headers.get("content-type", "")
    target = request.headers.get("x-amz-target")
    if target is None and _is_form(content_type):
        return QueryProtocol()
    version = "1.0" if content_type.startswith("application/x-amz-json-1.0") else "1.1"
    return JsonProtocol(target or "", f"application/x-amz-json-{version}")


def _is_form(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == _FORM


async def read_body(request: Request, limit: int) -> bytes:
    """Raises ServiceError (413) as soon as the body is known to be longer than `limit` bytes."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                text = f"The request body is larger than {limit} bytes."
                raise ServiceError("RequestEntityTooLargeException", text, status=413)
    except ClientDisconnect:
        raise ServiceError("IncompleteBody", "The connection closed before the body ended.") from None
    return bytes(body)


def _error_response(protocol: WireProtocol, error: ServiceError, request_id: str) -> Response:
    return _response(protocol, error.status, protocol.render_error(error, request_id), request_id)


def _response(protocol: WireProtocol, status: int, content: bytes, request_id: str) -> Response:
    headers = {"x-amzn-RequestId": request_id, "Content-Type": protocol.content_type}
    return Response(content, status, headers)
