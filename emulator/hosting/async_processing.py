"""One accepted asynchronous request, from its place in the queue to the object that is its outcome."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import anyio

from emulator.clock import Clock
from emulator.domain.errors import ServiceError
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_uri import S3Uri
from emulator.hosting.async_objects import AsyncObjects
from emulator.hosting.async_queue import AsyncQueue
from emulator.hosting.container_message import ContainerFault
from emulator.hosting.invocation import Invoker, ModelAnswer
from emulator.hosting.invocation_body import InvocationBody, whole_body
from emulator.hosting.invocation_errors import InvocationError, length_missing, model_error, timed_out
from emulator.hosting.invocation_request import InvocationRequest
from emulator.hosting.routing import PRIMARY
from emulator.objects.object_store import ObjectStore
from emulator.store.async_invocations import AsyncInvocation, AsyncInvocationStore

log = logging.getLogger(__name__)

EXPIRED = "The request expired while it waited in the queue."
"""Content of the failure object; AWS's text is not established."""


@dataclass(frozen=True)
class AsyncLimits:
    request_ttl: float = 21_600
    """Seconds that a request without RequestTTLSeconds waits (API InvokeEndpointAsync)."""
    invocation: float = 900
    """Seconds for one without InvocationTimeoutSeconds (API InvokeEndpointAsync)."""
    waiting: int = 10_000
    """Requests of one endpoint that wait; one more is refused."""


@dataclass(frozen=True)
class AsyncParts:
    rows: AsyncInvocationStore
    objects: ObjectStore
    clock: Clock
    limits: AsyncLimits


class _TurnLost(Exception):  # noqa: N818 - nobody is at fault
    """No instance was in service any more when the request's turn came: no container saw it."""


class AsyncProcessing:
    def __init__(self, invoker: Invoker, parts: AsyncParts) -> None:
        self._invoker = invoker
        self._rows, self._clock, self._limits = parts.rows, parts.clock, parts.limits
        self._objects = AsyncObjects(parts.objects)

    async def run(self, invocation: AsyncInvocation, queue: AsyncQueue) -> None:
        """Until its row is removed. Where there is no outcome, because S3 cannot be reached, the row stays."""
        with queue.place():
            try:
                failure = await self._outcome(invocation, queue)
                if failure is not None and invocation.failure is not None:
                    await self._write_failure(invocation, invocation.failure, failure)
                with anyio.CancelScope(shield=True):
                    await self._rows.remove(invocation)
            except Exception:
                log.exception(
                    "The asynchronous invocation %s has no outcome; it is asked again after the next start.",
                    invocation.inference_id,
                )

    async def _write_failure(self, invocation: AsyncInvocation, target: S3Uri, text: str) -> None:
        """Raises S3Fault where S3 cannot be reached; what it refuses, it would refuse again."""
        try:
            await self._objects.write(target, text.encode())
        except S3Fault as fault:
            if fault.code == "ServiceUnavailable":
                raise
            log.error("The failure of %s cannot be told (%s): %s", invocation.inference_id, fault, text)

    async def _outcome(self, invocation: AsyncInvocation, queue: AsyncQueue) -> str | None:
        """Why it failed, for the failure object."""
        while await self._has_turn(invocation, queue):
            try:
                return await self._ask(invocation, queue)
            except _TurnLost:
                continue
            finally:
                queue.turns.release()
        return EXPIRED

    async def _has_turn(self, invocation: AsyncInvocation, queue: AsyncQueue) -> bool:
        """Wait for its turn. False, without one, where the request expired before."""
        with anyio.move_on_after(self._seconds_left(invocation)):
            await queue.turns.acquire()
            if self._seconds_left(invocation) > 0:
                return True
            queue.turns.release()
        return False

    def _seconds_left(self, invocation: AsyncInvocation) -> float:
        limit = invocation.members.get("RequestTTLSeconds", self._limits.request_ttl)
        return float(limit) - (self._clock.now() - invocation.accepted_at).total_seconds()

    async def _ask(self, invocation: AsyncInvocation, queue: AsyncQueue) -> str | None:
        """Why it failed. Raises _TurnLost."""
        body = await self._rows.body(invocation)
        if body is None:
            return None
        limit = invocation.members.get("InvocationTimeoutSeconds", self._limits.invocation)
        request = InvocationRequest(
            invocation.endpoint, invocation.members, whole_body(body), limit, is_async=True
        )
        with anyio.move_on_after(limit):
            try:
                return await self._invoke(request, invocation.output)
            except ServiceError as error:
                if not queue.is_served and not isinstance(error, InvocationError):
                    raise _TurnLost from error
                return error.message
        return model_error(request.key, PRIMARY, 0, timed_out(PRIMARY)).message

    async def _invoke(self, request: InvocationRequest, output: S3Uri) -> str | None:
        """Why it failed. Raises ServiceError."""

        async def store(found: ModelAnswer) -> None:
            if found.answer.length is None:
                raise length_missing(request.key, found.container)
            await self._objects.store(output, found.answer)

        try:
            async with self._input(request) as body:
                await self._invoker.invoke(replace(request, body=body), store)
        except S3Fault as fault:
            return str(fault)
        except ContainerFault as fault:
            return model_error(request.key, PRIMARY, 0, str(fault)).message
        return None

    @asynccontextmanager
    async def _input(self, request: InvocationRequest) -> AsyncIterator[InvocationBody]:
        location = request.text("InputLocation")
        if location is None:
            yield request.body
            return
        async with self._objects.input(S3Uri.parse(location)) as body:
            yield body
