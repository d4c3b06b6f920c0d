"""The containers of a running transform job, from their start to their end."""

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from emulator.domain.cluster import ClusterSpec
from emulator.domain.failure_reason import JobFailure
from emulator.domain.transform_job import TransformJob
from emulator.hosting.parts import HostingParts
from emulator.hosting.plan import container_host
from emulator.hosting.serving_container import ServingContainer
from emulator.hosting.transform_failure import VERDICT_LIMIT, container_ended, no_ping
from emulator.hosting.transform_log import container_stream
from emulator.hosting.transform_plan import hosts_of
from emulator.logs.log_event import LogEvent

PING_LIMIT = 30 * 60.0
"""Seconds from the start until /ping has to be healthy (AWS's word in amazon-sagemaker-examples#815)."""

STOP_LIMIT = 2.0
"""Seconds between SIGTERM and SIGKILL: the job is over, and nobody wants to wait. AWS's is not established."""

KILL_LIMIT = 30.0
"""Seconds for the end of the log of a container that was killed: an Engine that is busy takes its time to tell it."""


@dataclass
class TransformCluster:
    job: TransformJob
    spec: ClusterSpec
    parts: HostingParts
    on_loss: Callable[[JobFailure], None]
    """Called when a container ends, whatever the reason is."""
    _ended: list[anyio.Event] = field(default_factory=list, init=False)
    _is_healthy: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        specs = {spec.host: spec for spec in self.spec.instances}
        count = len(self.job.model.pipeline)
        self.instances = {
            host.name: tuple(
                ServingContainer(
                    self.spec,
                    specs[container_host(host.name, position, count)],
                    container_stream(self.job, host.name, position),
                    self.parts,
                )
                for position in range(count)
            )
            for host in hosts_of(self.job)
        }

    @property
    def _containers(self) -> list[ServingContainer]:
        return [container for containers in self.instances.values() for container in containers]

    async def start(self, tasks: TaskGroup) -> None:
        """All containers anew: those of a former process may be busy with requests that nobody waits for.

        Raises JobFailure.
        """
        compute = self.parts.compute
        await compute.prepare(self.spec)
        for container in self._containers:
            await compute.discard(self.spec.name, container.spec.host)
            await compute.create(self.spec, container.spec, self.parts.work_root)
        for instance, containers in self.instances.items():
            for container in containers:
                await self._open_stream(instance, container)
                await compute.start(self.spec.name, container.spec.host)
                ended = anyio.Event()
                self._ended.append(ended)
                tasks.start_soon(self._watch, container, ended)

    async def _open_stream(self, instance: str, container: ServingContainer) -> None:
        """With what the user should know of the instance's limits as its first lines."""
        placement, now = self.job.progress.placement, self.parts.clock.now()
        await self.parts.logs.create_stream(container.stream, now)
        notices = placement.notices.get(instance, ()) if placement else ()
        if notices and await self.parts.logs.last_timestamp_ns(container.stream) is None:
            stamp = int(self.job.creation_time.timestamp()) * 10**9
            await self.parts.logs.put(container.stream, [LogEvent(stamp, text) for text in notices], now)

    async def _watch(self, container: ServingContainer, ended: anyio.Event) -> None:
        try:
            end = await container.watch()
        except JobFailure as failure:
            self.on_loss(failure)
        else:
            kind = self.job.request.transform_resources.instance_type
            limit = container.spec.limits.memory_bytes
            self.on_loss(container_ended(end, kind, limit, self._is_healthy))
        ended.set()

    async def await_health(self) -> dict[str, tuple[str, ...]]:
        """URLs of each instance's containers. Raises JobFailure."""
        urls = {}
        try:
            with anyio.fail_after(self.parts.ping_seconds(PING_LIMIT)):
                async with self.parts.pings() as client:
                    for instance, containers in self.instances.items():
                        urls[instance] = tuple([await each.await_health(client) for each in containers])
        except TimeoutError:
            raise no_ping("") from None
        except (JobFailure, ConnectionError) as error:
            await anyio.sleep(VERDICT_LIMIT)
            raise no_ping(str(error)) from error
        self._is_healthy = True
        return urls

    async def stop(self) -> None:
        """End what runs; what it still says is stored. Removing it is up to the caller."""
        for signal, limit in (("SIGTERM", STOP_LIMIT), ("SIGKILL", KILL_LIMIT)):
            for container in self._containers[: len(self._ended)]:
                await self.parts.compute.signal(self.spec.name, container.spec.host, signal)
            with anyio.move_on_after(limit):
                for ended in self._ended:
                    await ended.wait()
                return
