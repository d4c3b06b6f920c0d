"""sagemaker-runtime on the emulator's port: `POST /endpoints/<name>/invocations` and its two sisters."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

import anyio
from starlette.datastructures import QueryParams

from emulator.clock import Clock
from emulator.domain.arn import ResourceKey
from emulator.domain.errors import ServiceError
from emulator.hosting.async_invocation import AsyncInvocations
from emulator.hosting.async_processing import AsyncLimits, AsyncParts
from emulator.hosting.background import Background
from emulator.hosting.caller_watch import unless_gone
from emulator.hosting.container_client import ContainerClient
from emulator.hosting.container_message import ContainerFault
from emulator.hosting.data_capture import DataCapture
from emulator.hosting.invocation import Invoker
from emulator.hosting.invocation_body import CallerGone, InvocationBody, receive_body, whole_body
from emulator.hosting.invocation_errors import (
    body_oversize,
    endpoint_not_found,
    invalid_invocation,
    payload_too_large,
)
from emulator.hosting.invocation_head import InvocationHeads, is_member, is_path, is_signed
from emulator.hosting.invocation_metrics import InvocationMetrics
from emulator.hosting.invocation_request import INVOCATION_LIMIT, InvocationRequest
from emulator.hosting.loaded_models import READY_LIMIT, LoadedModels
from emulator.hosting.plain_invocation import PlainInvocation, PlainInvocations, PlainParts
from emulator.hosting.routing import RoutingTable
from emulator.hosting.runtime_answers import RuntimeAnswer
from emulator.metrics.metric_store import MetricStore
from emulator.objects.object_store import ObjectStore
from emulator.relay import Receive, Scope, Send, read_headers
from emulator.store.async_invocations import AsyncInvocationStore
from emulator.wire.identity import Credential, read_credential

log = logging.getLogger(__name__)

PAYLOAD_LIMIT = 25 * 2**20
"""Bytes (DG "Endpoints and quotas"); AWS's older limit is 6 MiB, which botocore's model still has."""

SERVERLESS_PAYLOAD_LIMIT = 4 * 2**20
"""Bytes (DG serverless-endpoints)."""

STREAM_LIMIT = 480.0
"""Seconds for a response stream (DG realtime-endpoints-test-endpoints)."""

ASYNC_PAYLOAD_LIMIT = 128_000
"""Bytes of an inline payload (API InvokeEndpointAsync$Body)."""

READ, BEGUN = "emulator.invocation_head", "emulator.plain_invocation"
"""In the scope: what was read of the head; an invocation that has to be concluded."""

_UNKNOWN_FAULT = "The request processing has failed because of an unknown error, exception or failure."


@dataclass(frozen=True)
class RuntimeLimits:
    invocation: float = INVOCATION_LIMIT
    """Seconds."""
    stream: float = STREAM_LIMIT
    """Seconds."""
    model_ready: float = READY_LIMIT
    """Seconds."""
    asynchronous: AsyncLimits = field(default_factory=AsyncLimits)


@dataclass(frozen=True)
class RuntimeParts:
    routes: RoutingTable
    objects: ObjectStore
    metrics: MetricStore
    async_invocations: AsyncInvocationStore
    clock: Clock
    default_account: str
    default_region: str
    limits: RuntimeLimits = RuntimeLimits()


class Runtime:
    """An ASGI application; `run` has to run beside it."""

    def __init__(self, parts: RuntimeParts) -> None:
        self._parts = parts
        self._client = ContainerClient()
        self._background = Background()
        self._metrics = InvocationMetrics(parts.metrics, parts.clock)
        self._capture = DataCapture(parts.objects, parts.clock)
        loaded = LoadedModels(self._client, self._background, parts.limits.model_ready)
        self._invoker = Invoker(parts.routes, self._client, loaded, self._metrics, self._capture)
        self._heads = InvocationHeads(parts.default_account, parts.default_region)
        limit, note_sessions = parts.limits.invocation, self._invoker.note_sessions
        plain = PlainParts(parts.routes, self._client, self._metrics, note_sessions, limit)
        self.plain = PlainInvocations(plain, self._heads)
        waiting = AsyncParts(parts.async_invocations, parts.objects, parts.clock, parts.limits.asynchronous)
        self._queue = AsyncInvocations(parts.routes, self._invoker, waiting)

    async def run(self) -> None:
        """Until cancelled: what does not belong to one request."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._background.run)
                tasks.start_soon(self._queue.run)
                tasks.start_soon(self._metrics.run)
                tasks.start_soon(self._capture.run)
        finally:
            with anyio.CancelScope(shield=True):
                await self._client.close()

    async def flush(self) -> None:
        """Store metrics and captured data now."""
        await self._metrics.flush()
        await self._capture.flush()

    def takes(self, scope: Scope) -> bool:
        """By its path and its signature."""
        is_its_form = scope["type"] == "http" and scope["method"] == "POST"
        if not is_its_form or not is_path(raw_path(scope)):
            return False
        try:
            _, credential = _read_once(scope)
        except ServiceError:
            return False
        return is_signed(credential)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun: PlainInvocation | None = scope.get(BEGUN)
        request_id = begun.request_id if begun else str(uuid4())
        answer = RuntimeAnswer(send, request_id)
        try:
            if begun is not None:
                await unless_gone(receive, whole_body(b""), begun.conclude(answer.pass_on))
            else:
                await self._answer(scope, receive, answer)
        except CallerGone:
            return
        except ContainerFault as fault:
            log.warning("Request %s: the answer broke off: %s", request_id, fault)
        except ServiceError as error:
            if answer.has_begun:
                log.warning("Request %s: the answer broke off: %s", request_id, error.message)
            else:
                await answer.send_error(error)
        except Exception:
            log.exception("Request %s failed", request_id)
            if not answer.has_begun:
                await answer.send_error(ServiceError("InternalFailure", _UNKNOWN_FAULT, 500))

    async def _answer(self, scope: Scope, receive: Receive, answer: RuntimeAnswer) -> None:
        headers, credential = _read_once(scope)
        seen = tuple([pair for pair in headers.items() if is_member(pair[0])])
        operation, key, members = self._heads.read(raw_path(scope), seen, credential)
        body = await self._body(_content_length(headers), receive, operation, (key, answer.request_id))
        limit = self._parts.limits.invocation
        asked = InvocationRequest(key, members, body, limit, request_id=answer.request_id)
        if operation == "InvokeEndpointAsync":
            await self._enqueue(asked, answer)
            return
        respond = (
            answer.pass_on
            if operation == "InvokeEndpoint"
            else partial(answer.stream, self._parts.limits.stream)
        )
        await unless_gone(receive, body, self._invoker.invoke(asked, respond))

    async def _body(
        self, length: int | None, receive: Receive, operation: str, names: tuple[ResourceKey, str]
    ) -> InvocationBody:
        """Raises ServiceError before it is read, where the endpoint or the length tells enough."""
        key, request_id = names
        route = self._parts.routes.find(key)
        if route is None:
            raise endpoint_not_found(key.name, key.account_id)
        if operation == "InvokeEndpointAsync":
            body = await receive_body(
                receive, length, ASYNC_PAYLOAD_LIMIT, lambda: payload_too_large(ASYNC_PAYLOAD_LIMIT)
            )
            return whole_body(b"".join([piece async for piece in body.stream()]) or body.content or b"")
        if any(variant.is_serverless for variant in route.variants):
            return await receive_body(
                receive, length, SERVERLESS_PAYLOAD_LIMIT, lambda: body_oversize(request_id)
            )
        return await receive_body(receive, length, PAYLOAD_LIMIT, lambda: payload_too_large(PAYLOAD_LIMIT))

    async def _enqueue(self, asked: InvocationRequest, answer: RuntimeAnswer) -> None:
        accepted = await self._queue.accept(asked)
        headers = {"X-Amzn-SageMaker-OutputLocation": str(accepted.output)}
        if accepted.failure is not None:
            headers["X-Amzn-SageMaker-FailureLocation"] = str(accepted.failure)
        await answer.send_json(202, {"InferenceId": accepted.inference_id}, headers)


def raw_path(scope: Scope) -> str:
    """Percent-encoded, as it came."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    return path.decode("latin-1").partition("?")[0]


def _read_once(scope: Scope) -> tuple[dict[str, str], Credential | None]:
    """The headers and who signed them, kept in the scope. Raises ServiceError."""
    found: tuple[dict[str, str], Credential | None] | None = scope.get(READ)
    if found is None:
        headers = read_headers(scope)
        query = QueryParams(scope["query_string"]) if scope["query_string"] else {}
        found = scope[READ] = (headers, read_credential(headers, query))
    return found


def _content_length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length", "")
    if not text:
        return None
    if not text.isdecimal():
        raise invalid_invocation("Content-Length is not a number.")
    return int(text)
