"""InvokeEndpointAsync: requests that wait in memory, read their input from S3 and leave their answer there.

The queue is lost when the emulator ends, and what waits for an endpoint goes with it.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import anyio
from anyio import CapacityLimiter

from emulator.blocking import blocking
from emulator.clock import Clock
from emulator.domain.arn import ResourceKey
from emulator.domain.errors import ServiceError
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_uri import S3Uri
from emulator.hosting.background import Background
from emulator.hosting.container_message import ContainerFault
from emulator.hosting.invocation import Invoker, ModelAnswer
from emulator.hosting.invocation_body import InvocationBody
from emulator.hosting.invocation_errors import invalid_invocation, model_error, service_unavailable, timed_out
from emulator.hosting.invocation_request import InvocationRequest
from emulator.hosting.routing import PRIMARY, EndpointRoute, RoutingTable
from emulator.objects.object_store import ObjectStore

log = logging.getLogger(__name__)

TTL_DEFAULT, TIMEOUT_DEFAULT = 21_600, 900
"""Seconds (API InvokeEndpointAsync)."""

CONCURRENT_DEFAULT = 4
"""Per instance; "SageMaker chooses an optimal value" (API AsyncInferenceClientConfig)."""

QUEUE_LIMIT = 10_000
"""Requests of one endpoint that wait."""

PIECE = 1024 * 1024


@dataclass(frozen=True)
class Accepted:
    """What the caller is told, and where the outcome goes."""

    inference_id: str
    output: S3Uri
    failure: S3Uri | None


class AsyncInvocations:
    def __init__(
        self,
        table: RoutingTable,
        invoker: Invoker,
        objects: ObjectStore,
        clock: Clock,
        background: Background,
    ) -> None:
        self._table = table
        self._invoker = invoker
        self._objects = objects
        self._clock = clock
        self._background = background
        self._slots: dict[ResourceKey, CapacityLimiter] = {}
        self._threads = CapacityLimiter(8)

    def accept(self, request: InvocationRequest) -> Accepted:
        """Put it in the queue. `request.body` is the inline payload, whole. Raises ServiceError."""
        route = self._invoker.route_of(request)
        name, members = request.key.name, request.members
        if route.async_config is None:
            raise invalid_invocation(f"Endpoint {name} has no AsyncInferenceConfig: use InvokeEndpoint.")
        if bool(request.body.content) == ("InputLocation" in members):
            raise invalid_invocation("Give either InputLocation or Body.")
        slots = self._slots_of(request.key, route)
        if slots.statistics().tasks_waiting >= QUEUE_LIMIT:
            raise service_unavailable(f"{QUEUE_LIMIT} requests wait for endpoint {name}.")
        accepted = _accepted(route, members, self._clock.new_id(), self._clock.new_id())
        with_id = {**members, "InferenceId": accepted.inference_id}
        job = replace(
            request,
            members=with_id,
            limit=members.get("InvocationTimeoutSeconds", TIMEOUT_DEFAULT),
            is_async=True,
        )
        self._background.start(self._process, job, accepted, slots)
        return accepted

    def _slots_of(self, key: ResourceKey, route: EndpointRoute) -> CapacityLimiter:
        slots = self._slots.setdefault(key, CapacityLimiter(1))
        client = route.async_config.client_config if route.async_config else None
        each = (client and client.max_concurrent_invocations_per_instance) or CONCURRENT_DEFAULT
        slots.total_tokens = each * max(1, sum(len(variant.instances) for variant in route.variants))
        return slots

    def _resize(self, key: ResourceKey) -> None:
        """To the instances that there are now."""
        route = self._table.find(key)
        if route is not None:
            self._slots_of(key, route)
        else:
            self._slots.pop(key, None)

    async def _process(self, request: InvocationRequest, accepted: Accepted, slots: CapacityLimiter) -> None:
        try:
            failure = await self._queued(request, accepted, slots)
            if failure is not None and accepted.failure is not None and self._table.find(request.key):
                await self._write(accepted.failure, failure.encode())
        except Exception:
            log.exception("The asynchronous invocation %s was lost.", accepted.inference_id)

    async def _queued(
        self, request: InvocationRequest, accepted: Accepted, slots: CapacityLimiter
    ) -> str | None:
        """Why it failed, for the failure object."""
        with anyio.move_on_after(request.members.get("RequestTTLSeconds", TTL_DEFAULT)) as waiting:
            await slots.acquire()
        if waiting.cancelled_caught:
            return "The request expired while it waited in the queue."
        try:
            with anyio.move_on_after(request.limit):
                return await self._invoke(request, accepted)
            return model_error(request.key, PRIMARY, 0, timed_out(PRIMARY)).message
        finally:
            slots.release()
            self._resize(request.key)

    async def _invoke(self, request: InvocationRequest, accepted: Accepted) -> str | None:
        async def store(found: ModelAnswer) -> None:
            await self._store(accepted.output, found)

        try:
            async with self._input(request) as body:
                await self._invoker.invoke(replace(request, body=body), store)
        except ServiceError as error:
            return error.message
        except S3Fault as fault:
            return f"{fault.code}: {fault}"
        except ContainerFault as fault:
            return model_error(request.key, PRIMARY, 0, str(fault)).message
        return None

    @asynccontextmanager
    async def _input(self, request: InvocationRequest) -> AsyncIterator[InvocationBody]:
        location = request.text("InputLocation")
        if location is None:
            yield request.body
            return
        found = await self._objects.stat(S3Uri.parse(location))
        reader = self._objects.reader(found)
        stream = await blocking(self._threads, reader.__enter__)
        try:
            yield InvocationBody(self._pieces(stream), found.size)
        finally:
            with anyio.CancelScope(shield=True):
                await blocking(self._threads, reader.__exit__, None, None, None)

    async def _pieces(self, stream: BinaryIO) -> AsyncIterator[bytes]:
        while piece := await blocking(self._threads, stream.read, PIECE):
            yield piece

    async def _store(self, target: S3Uri, found: ModelAnswer) -> None:
        writer = self._objects.writer(target)
        stream = await blocking(self._threads, writer.__enter__)
        try:
            async for chunk in found.answer.chunks():
                await blocking(self._threads, stream.write, chunk)
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await blocking(self._threads, writer.__exit__, type(error), error, error.__traceback__)
            raise
        with anyio.CancelScope(shield=True):
            await blocking(self._threads, writer.__exit__, None, None, None)

    async def _write(self, target: S3Uri, content: bytes) -> None:
        def write() -> None:
            with self._objects.writer(target) as stream:
                stream.write(content)

        await blocking(self._threads, write)


def _accepted(
    route: EndpointRoute, members: Mapping[str, Any], inference_id: str, object_id: str
) -> Accepted:
    assert route.async_config is not None
    paths = route.async_config.output_config
    extension = [members["S3OutputPathExtension"].strip("/")] if "S3OutputPathExtension" in members else []
    output = S3Uri.parse(paths.s3_output_path).join(*extension, members.get("Filename", f"{object_id}.out"))
    failure = S3Uri.parse(paths.s3_failure_path) if paths.s3_failure_path else None
    return Accepted(
        members.get("InferenceId", inference_id),
        output,
        failure.join(*extension, f"{object_id}-error.out") if failure else None,
    )
