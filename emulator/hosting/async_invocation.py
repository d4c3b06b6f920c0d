"""InvokeEndpointAsync: requests that wait on rows, read their input from S3 and leave their outcome there.

A request is on its row from before it is accepted until its outcome is in S3 or its endpoint is gone, so an emulator
that is killed loses none. What was under way then is asked again by the next one: at least once, not exactly once.
"""

import anyio
from anyio.abc import TaskGroup

from emulator.domain.arn import ResourceKey
from emulator.domain.s3_uri import S3Uri
from emulator.hosting.async_processing import AsyncParts, AsyncProcessing
from emulator.hosting.async_queue import AsyncQueue
from emulator.hosting.invocation import Invoker
from emulator.hosting.invocation_errors import endpoint_not_found, invalid_invocation, service_unavailable
from emulator.hosting.invocation_request import InvocationRequest
from emulator.hosting.routing import EndpointRoute, RoutingTable
from emulator.store.async_invocations import AsyncInvocation


class AsyncInvocations:
    """`run` has to run beside it."""

    def __init__(self, table: RoutingTable, invoker: Invoker, parts: AsyncParts) -> None:
        self._table = table
        self._invoker = invoker
        self._rows, self._clock, self._limits = parts.rows, parts.clock, parts.limits
        self._processing = AsyncProcessing(invoker, parts)
        self._queues: dict[ResourceKey, AsyncQueue] = {}
        self._tasks: TaskGroup | None = None
        self._has_begun = anyio.Event()
        table.watch(self)

    async def run(self) -> None:
        """Until cancelled, which leaves the rows of all that has no outcome; begins with those of a former process."""
        async with anyio.create_task_group() as self._tasks:
            for invocation in await self._rows.all():
                self._start(invocation, self._queue(invocation.endpoint))
            self._has_begun.set()
            await anyio.sleep_forever()

    async def accept(self, request: InvocationRequest) -> AsyncInvocation:
        """Queue it, durably. `request.body` is the inline payload, whole. Raises ServiceError."""
        await self._has_begun.wait()
        name, route = request.key.name, self._invoker.route_of(request)
        if route.async_config is None:
            raise invalid_invocation(f"Endpoint {name} has no AsyncInferenceConfig: use InvokeEndpoint.")
        if bool(request.body.content) == ("InputLocation" in request.members):
            raise invalid_invocation("Give either InputLocation or Body.")
        queue = self._queue(request.key)
        if queue.waiting >= self._limits.waiting:
            raise service_unavailable(f"{self._limits.waiting} requests wait for endpoint {name}.")
        accepted = None
        with queue.place():
            accepted = await self._rows.add(self._invocation(request, route), request.body.content or b"")
            if accepted is not None:
                self._start(accepted, queue)
        if accepted is None:
            raise endpoint_not_found(name, request.key.account_id)
        return accepted

    def route_changed(self, key: ResourceKey) -> None:
        queue = self._queues.get(key)
        if queue is not None:
            queue.fit(self._table.find(key))

    async def endpoint_deleted(self, key: ResourceKey) -> None:
        queue = self._queues.pop(key, None)
        if queue is not None:
            await queue.close()

    def _queue(self, key: ResourceKey) -> AsyncQueue:
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = AsyncQueue()
            queue.fit(self._table.find(key))
        return queue

    def _invocation(self, request: InvocationRequest, route: EndpointRoute) -> AsyncInvocation:
        assert route.async_config is not None
        members, paths = request.members, route.async_config.output_config
        extension = (
            [members["S3OutputPathExtension"].strip("/")] if "S3OutputPathExtension" in members else []
        )
        object_id = self._clock.new_id()
        file = members.get("Filename", f"{object_id}.out")
        failure = S3Uri.parse(paths.s3_failure_path) if paths.s3_failure_path else None
        return AsyncInvocation(
            endpoint=request.key,
            accepted_at=self._clock.now(),
            members={"InferenceId": self._clock.new_id(), **members},
            output=S3Uri.parse(paths.s3_output_path).join(*extension, file),
            failure=failure.join(*extension, f"{object_id}-error.out") if failure else None,
        )

    def _start(self, invocation: AsyncInvocation, queue: AsyncQueue) -> None:
        assert self._tasks is not None, "AsyncInvocations.run has not begun"
        self._tasks.start_soon(self._processing.run, invocation, queue)
