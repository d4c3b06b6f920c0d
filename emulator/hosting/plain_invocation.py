"""InvokeEndpoint without a task of its own, for nearly all requests: small ones, to endpoints of single containers.

What is unusual in any way is declined before anything has happened: then `runtime.py` does all of it in more steps.
What turns out to be unusual later, such as a long answer or an error, goes on in a task from there. `begin`, and then

- `on_end`, `take_answer`: nearly always;
- `on_end`, `take_answer` that has none, `conclude`: what is unusual;
- `abandon`, before `on_end`: the caller is gone.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter
from typing import NamedTuple
from uuid import uuid4

from emulator.domain.arn import ResourceKey
from emulator.domain.errors import ServiceError
from emulator.hosting.container_client import ContainerAnswer, ContainerClient
from emulator.hosting.container_connection import ContainerConnection
from emulator.hosting.container_message import ContainerFault, header_lines
from emulator.hosting.container_pipeline import broken, refused
from emulator.hosting.invocation import ModelAnswer, Respond, error_status
from emulator.hosting.invocation_body import whole_body
from emulator.hosting.invocation_errors import InvocationError
from emulator.hosting.invocation_head import CACHE, InvocationHeads, is_path, is_signed
from emulator.hosting.invocation_metrics import InvocationMetrics, Invoked
from emulator.hosting.invocation_request import InvocationRequest
from emulator.hosting.routing import InstanceRoute, RoutingTable, Traffic, VariantRoute
from emulator.hosting.runtime_answers import model_headers, raw_headers
from emulator.relay import RawHeaders, read_headers
from emulator.wire.identity import read_credential

LARGEST_BODY = 64 * 1024
"""Bytes of a request that is held as a whole."""

UNUSUAL = frozenset(
    {"SessionId", "TargetModel", "TargetContainerHostname", "InferenceComponentName", "EnableExplanations"}
)
"""Members of requests that are declined."""


class RequestHead(NamedTuple):
    """All of a POST's head that counts here, as it came."""

    target: bytes
    """Path and query."""
    credential: bytes
    """The start of Authorization, up to the first comma."""
    members: tuple[tuple[bytes, bytes], ...]
    """Headers that are members of the operation, their names in lower case."""

    @property
    def size(self) -> int:
        """Bytes."""
        return (
            len(self.target)
            + len(self.credential)
            + sum([len(name) + len(value) for name, value in self.members])
        )


class Wish(NamedTuple):
    """What a head says."""

    target: bytes
    """Path of the request, as it came."""
    key: ResourceKey
    """The endpoint's."""
    target_variant: str | None
    lines: bytes
    """The headers for the container."""


class PlainAnswer(NamedTuple):
    """A success, to be sent as it is."""

    headers: RawHeaders
    content: bytes


@dataclass(frozen=True)
class PlainParts:
    table: RoutingTable
    client: ContainerClient
    metrics: InvocationMetrics
    note_sessions: Callable[[ResourceKey, InstanceRoute, ContainerAnswer], None]
    limit: float
    """Seconds for a container's answer."""


class PlainInvocations:
    def __init__(self, parts: PlainParts, heads: InvocationHeads) -> None:
        self._parts = parts
        self._heads = heads
        self._wish = lru_cache(CACHE)(self._read)

    def begin(
        self, head: RequestHead, body: bytes, on_end: Callable[["PlainInvocation"], None]
    ) -> "PlainInvocation | None":
        """None where the request is declined. Else it is on its way to a container; the loop calls `on_end` once."""
        wish = self._wish(head)
        if wish is None:
            return None
        table = self._parts.table
        route = table.find(wish.key)
        if route is None or not route.is_plain:
            return None
        variant = route.variant(wish.target_variant) if wish.target_variant else table.next(wish.key)
        instance = variant.choose() if variant else None
        if variant is None or instance is None:
            return None
        begun = self._send(wish, variant, instance, body, on_end)
        if begun is not None and wish.target_variant is None:
            table.note_choice(wish.key, variant)
        return begun

    def _send(
        self,
        wish: Wish,
        variant: VariantRoute,
        instance: InstanceRoute,
        body: bytes,
        on_end: Callable[["PlainInvocation"], None],
    ) -> "PlainInvocation | None":
        """None where no connection rests."""
        invocation = PlainInvocation(self._parts, wish, variant, instance, on_end)
        url = f"{instance.urls[0]}/invocations"
        connection = self._parts.client.begin(url, wish.lines, body, invocation.end)
        if connection is None:
            return None
        invocation.start(connection, self._parts.table.traffic(wish.key, variant.name))
        return invocation

    def _read(self, head: RequestHead) -> Wish | None:
        path = head.target.decode("latin-1")
        if not is_path(path):
            return None
        try:
            credential = read_credential({"authorization": head.credential.decode("latin-1")}, {})
            named = tuple(read_headers({"headers": head.members}).items())
            operation, key, members = self._heads.read(path, named, credential)
            request = InvocationRequest(key, members, whole_body(b""))
            lines = header_lines(request.container_headers(is_last=True))
        except (ServiceError, ContainerFault):
            return None
        if operation != "InvokeEndpoint" or not is_signed(credential) or UNUSUAL & members.keys():
            return None
        return Wish(head.target, key, request.text("TargetVariant"), lines)


class PlainInvocation:
    """One under way."""

    def __init__(
        self,
        parts: PlainParts,
        wish: Wish,
        variant: VariantRoute,
        instance: InstanceRoute,
        on_end: Callable[["PlainInvocation"], None],
    ) -> None:
        self.request_id = str(uuid4())
        self.target = wish.target
        self._parts = parts
        self._key = wish.key
        self._variant = variant
        self._instance = instance
        self._on_end: Callable[[PlainInvocation], None] | None = on_end
        self._began = perf_counter()
        self._seconds = 0.0

    def start(self, connection: ContainerConnection, traffic: Traffic) -> None:
        self._connection = connection
        self._traffic = traffic
        self._timer = asyncio.get_running_loop().call_later(self._parts.limit, connection.give_up)
        traffic.__enter__()
        self._instance.__enter__()

    def end(self) -> None:
        """The connection has news."""
        self._timer.cancel()
        self._seconds = perf_counter() - self._began
        if self._on_end is not None:
            self._on_end(self)

    def take_answer(self) -> PlainAnswer | None:
        """And it is over. None where there is more to it: then `conclude` has to follow."""
        connection = self._connection
        if not connection.has_small_answer or not 200 <= connection.status < 300:
            return None
        found = self._found()
        content = connection.take()
        headers = {**model_headers(found), "Content-Length": str(len(content))}
        self._parts.note_sessions(self._key, self._instance, found.answer)
        self._leave()
        self._record(0, self._seconds)
        return PlainAnswer(raw_headers(self.request_id, headers), content)

    async def conclude(self, respond: Respond) -> None:
        """Raises ServiceError, or ContainerFault where the answer broke off while it was passed on."""
        found = self._found()
        try:
            await self._pass_on(found, respond)
        except (InvocationError, ContainerFault) as error:
            self._record(error_status(error), found.answer.seconds if found.answer.status else None)
            raise
        else:
            self._record(0, found.answer.seconds)
        finally:
            self._leave()

    async def _pass_on(self, found: ModelAnswer, respond: Respond) -> None:
        try:
            if self._connection.fault is not None:
                raise self._connection.fault
            await found.answer.read_small()
        except ContainerFault as fault:
            raise broken(self._key, found.container, fault) from fault
        if not found.answer.is_success:
            raise await refused(self._key, found.container, found.answer)
        self._parts.note_sessions(self._key, self._instance, found.answer)
        await respond(found)

    def abandon(self) -> None:
        self._on_end = None
        self._timer.cancel()
        self._connection.close()
        self._leave()

    def _found(self) -> ModelAnswer:
        answer = ContainerAnswer(self._connection, self._parts.limit, self._seconds)
        return ModelAnswer(self._variant.name, self._variant.containers[0].name, answer)

    def _leave(self) -> None:
        self._parts.client.give_back(self._connection)
        self._instance.__exit__()
        self._traffic.__exit__()

    def _record(self, error_status: int, model_seconds: float | None) -> None:
        total, variant = perf_counter() - self._began, self._variant
        self._parts.metrics.record(
            Invoked(self._key, variant.name, len(variant.instances), error_status, total, model_seconds)
        )
