"""Where AWS's wire protocols end: HTTP requests in, calls of operations out, and back."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from emulator.domain.aws_request import AwsAnswer, AwsRequest
from emulator.domain.caller import Caller
from emulator.domain.errors import ServiceError
from emulator.wire.answer import Answer
from emulator.wire.cbor_protocol import NAME as CBOR
from emulator.wire.cbor_protocol import PATH as CBOR_PATH
from emulator.wire.cbor_protocol import CborProtocol
from emulator.wire.dispatch import Dispatch, Params, Result
from emulator.wire.identity import Credential, account_id, read_credential
from emulator.wire.json_protocol import JsonProtocol
from emulator.wire.query_protocol import QueryProtocol
from emulator.wire.request_body import read_body, read_content
from emulator.wire.rest_json_protocol import RestJsonProtocol
from emulator.wire.service_model import Operation, ServiceModels
from emulator.wire.validation import check

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_OTHER_BODY_BYTES = 32 * 1024 * 1024
"""For other services; a BatchWriteItem of DynamoDB is half as large."""
SHARED_SERVICES = frozenset({"sts", "iam", "cloudwatch"})
"""Services of which the emulator has some operations, and leaves the rest to the others."""
_FORM = "application/x-www-form-urlencoded"
_UNKNOWN_FAULT = "The request processing has failed because of an unknown error, exception or failure."


OtherServices = Callable[[AwsRequest], Awaitable[AwsAnswer]]


class WireProtocol(Protocol):
    """How one request is read and answered. Reading raises ServiceError."""

    @property
    def content_type(self) -> str: ...

    def find_operation(self, models: ServiceModels, body: bytes) -> Operation: ...

    def parse(self, operation: Operation, body: bytes) -> Params: ...

    def render(self, operation: Operation, result: Result, request_id: str, strict: bool) -> Answer: ...

    def render_error(self, error: ServiceError, request_id: str) -> Answer: ...


@dataclass(frozen=True)
class Gateway:
    """The ASGI application behind `POST /` and the paths of rest-json services."""

    models: ServiceModels
    dispatch: Dispatch
    default_account: str
    default_region: str
    max_body_bytes: int = MAX_BODY_BYTES
    strict: bool = False
    """Whether a result with a member that AWS does not have is a fault; for tests."""
    others: OtherServices | None = None
    """Answers the services that are not the emulator's, and what `handled` lacks of the shared ones."""
    handled: frozenset[tuple[str, str]] = frozenset()
    """All (service, operation) that `dispatch` knows."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._answer(request, protocol_of(request), str(uuid4()))
        await response(scope, receive, send)

    async def _answer(self, request: Request, protocol: WireProtocol, request_id: str) -> Response:
        try:
            credential = read_credential(request.headers, request.query_params)
            if credential is not None and credential.service not in self.models.signing_names:
                return await self._ask_others(request, credential, request_id)
            body = await read_content(request, self.max_body_bytes)
            operation = protocol.find_operation(self.models, body)
            if credential is not None and self._is_left_to_others(operation):
                return await self._ask_others(request, credential, request_id, body)
            params = protocol.parse(operation, body)
            check(operation.service, operation.model.input_shape, params)
            caller = self._caller(request, credential, request_id)
            result = await self.dispatch(caller, operation.service, operation.model.name, params)
            answer = protocol.render(operation, result, request_id, self.strict)
            return _response(protocol, answer, request_id)
        except ServiceError as error:
            return _error_response(protocol, error, request_id)
        except Exception:
            log.exception("Request %s failed", request_id)
            fault = ServiceError("InternalFailure", _UNKNOWN_FAULT, status=500)
            return _error_response(protocol, fault, request_id)

    def _is_left_to_others(self, operation: Operation) -> bool:
        is_shared = self.others is not None and operation.service in SHARED_SERVICES
        return is_shared and (operation.service, operation.model.name) not in self.handled

    async def _ask_others(
        self, request: Request, credential: Credential, request_id: str, body: bytes | None = None
    ) -> Response:
        if self.others is None:
            raise _service_not_emulated("", credential.service)
        if body is None:
            body = await read_body(request, MAX_OTHER_BODY_BYTES)
        query = request.scope["query_string"].decode("latin-1")
        path = raw_path(request)
        asked = AwsRequest(
            account_id=account_id(credential, self.default_account),
            region=credential.region or self.default_region,
            service=credential.service,
            method=request.method,
            target=f"{path}?{query}" if query else path,
            headers=dict(request.headers),
            body=body,
        )
        answer = await self.others(asked)
        return Response(answer.body, answer.status, {"x-amzn-RequestId": request_id, **answer.headers})

    def _caller(self, request: Request, credential: Credential | None, request_id: str) -> Caller:
        return Caller(
            account_id=account_id(credential, self.default_account),
            region=credential.region if credential else self.default_region,
            access_key=credential.access_key if credential else "",
            request_id=request_id,
            session_token=request.headers.get("x-amz-security-token", ""),
        )


def is_for_gateway(scope: MutableMapping[str, Any], models: ServiceModels) -> bool:
    """Whether it is an operation by its form; others are S3's or of an unknown service.

    A rest-json operation has a path that could be a bucket's, so it must be signed for its service, too.
    """
    if scope["type"] != "http":
        return False
    headers = Request(scope).headers
    if scope["method"] == "POST" and scope["path"] == "/":
        return "x-amz-target" in headers or _is_form(headers.get("content-type", ""))
    return _is_cbor(Request(scope)) or _is_rest(Request(scope), models)


def _is_cbor(request: Request) -> bool:
    has_its_header = request.headers.get("smithy-protocol") == CBOR
    return has_its_header and request.method == "POST" and CBOR_PATH.fullmatch(request.url.path) is not None


def _is_rest(request: Request, models: ServiceModels) -> bool:
    operation = models.by_path(request.method, raw_path(request))
    if operation is None:
        return False
    try:
        credential = read_credential(request.headers, request.query_params)
    except ServiceError:
        return False
    return credential is not None and credential.service == operation.model.service_model.signing_name


def raw_path(request: Request) -> str:
    """Percent-encoded, as it came."""
    path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return path.decode("latin-1").partition("?")[0]


def is_for_others(scope: MutableMapping[str, Any], models: ServiceModels) -> bool:
    """Whether it was signed for a service that is neither the emulator's nor S3, whatever its form."""
    request = Request(scope)
    try:
        credential = read_credential(request.headers, request.query_params)
    except ServiceError:
        return False
    return credential is not None and credential.service not in {"s3", *models.signing_names}


def refuse_unknown_service(scope: MutableMapping[str, Any], models: ServiceModels) -> Response | None:
    """An answer for a request that is not S3's: 501 with the name of the service that it was signed for.

    None for requests that are unsigned or signed for S3. `sagemaker` is refused as well, because only
    sagemaker-runtime sends what is no operation of ours.
    """
    request = Request(scope)
    protocol, request_id = protocol_of(request), str(uuid4())
    try:
        credential = read_credential(request.headers, request.query_params)
    except ServiceError:
        return None
    if credential is None or credential.service == "s3":
        return None
    what = f"{request.method} {request.url.path} of " if credential.service in models.signing_names else ""
    return _error_response(protocol, _service_not_emulated(what, credential.service), request_id)


def _service_not_emulated(what: str, service: str) -> ServiceError:
    text = f"The emulator does not implement {what}the service {service!r}."
    return ServiceError("NotImplemented", f"{text} See docs/fidelity.md for what it does.", status=501)


def protocol_of(request: Request) -> WireProtocol:
    content_type = request.headers.get("content-type", "")
    target = request.headers.get("x-amz-target")
    if _is_cbor(request):
        return CborProtocol(request.url.path)
    if request.url.path != "/":
        return RestJsonProtocol(request.method, raw_path(request), request.url.query, request.headers)
    if target is None and _is_form(content_type):
        return QueryProtocol()
    version = "1.0" if content_type.startswith("application/x-amz-json-1.0") else "1.1"
    is_query_compatible = request.headers.get("x-amzn-query-mode", "").lower() == "true"
    return JsonProtocol(target or "", f"application/x-amz-json-{version}", is_query_compatible)


def _is_form(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == _FORM


def _error_response(protocol: WireProtocol, error: ServiceError, request_id: str) -> Response:
    return _response(protocol, protocol.render_error(error, request_id), request_id)


def _response(protocol: WireProtocol, answer: Answer, request_id: str) -> Response:
    headers = {"x-amzn-RequestId": request_id, "Content-Type": protocol.content_type, **answer.headers}
    return Response(answer.content, answer.status, headers)
