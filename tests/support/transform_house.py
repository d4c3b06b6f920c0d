"""A transform plane with an S3 in this process; several may follow each other on one directory and backend."""

import math
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio

from emulator.clock import SystemClock
from emulator.compute.fake import FakeBackend, Script
from emulator.domain.arn import ResourceKey
from emulator.domain.misfit import Misfit
from emulator.domain.placement import PlacementPolicy
from emulator.domain.s3_uri import S3Uri
from emulator.domain.transform_job import TransformJob
from emulator.embedded_s3.server import EmbeddedS3
from emulator.hosting.parts import HostingParts
from emulator.hosting.routing import RoutingTable
from emulator.hosting.transform_log import GROUP
from emulator.hosting.transform_plane import TransformPlane
from emulator.logs.filter_pattern import parse_filter_pattern
from emulator.logs.log_event import MAX_NS, LogGroupKey
from emulator.logs.log_queries import Filtering
from emulator.logs.log_store import LogStore
from emulator.occupancy import Occupancy
from emulator.sqlite import Database
from emulator.store.changes import Changes
from emulator.store.endpoints import EndpointStore
from emulator.store.transform_jobs import TransformJobStore
from tests.support.batch_model import BatchModel
from tests.support.builders import ACCOUNT, REGION
from tests.support.hosting_requests import a_transform_job
from tests.support.web import PATIENCE

KEY = ResourceKey(ACCOUNT, REGION, "transform-job", "Transform-1")
SERVES = Script(after=math.inf)


def backend_of(model: BatchModel) -> FakeBackend:
    """On which every container is this model."""
    hosts = ["algo-1", "algo-2", "algo-1-c1", "algo-1-c2"]
    compute = FakeBackend(dict.fromkeys(hosts, SERVES))
    compute.addresses = dict.fromkeys(hosts, model.address)
    return compute


@dataclass
class House:
    directory: Path
    compute: FakeBackend
    budget: int = 64 * 2**30
    ping_seconds: float = 20.0
    """In which a container must be healthy."""

    def __post_init__(self) -> None:
        clock, self.changes, self._stack = SystemClock(), Changes(), ExitStack()
        state, logs = (
            Database(self.directory / f"{file}.db", f"emulator.{package}.migrations")
            for file, package in (("state", "store"), ("logs", "logs"))
        )
        self.s3 = EmbeddedS3(self.directory / "s3", clock, REGION, ACCOUNT)
        for part in (state, logs, self.s3):
            self._stack.callback(part.close)
        self.store = TransformJobStore(state, self.changes)
        self.parts = HostingParts(
            endpoints=EndpointStore(state, Changes()),
            objects=self.s3.objects,
            logs=LogStore(logs),
            compute=self.compute,
            clock=clock,
            occupancy=Occupancy(),
            policy=PlacementPolicy(lambda _: self.budget, 0, 0.0, Misfit.STRICT, Misfit.SCALE),
            routes=RoutingTable(),
            work_root=self.directory / "hosting",
            time_scale=0.001,
            least_ping_seconds=self.ping_seconds,
        )
        self.plane = TransformPlane(self.parts, self.store, self.changes)

    def close(self) -> None:
        self._stack.close()

    async def put(self, objects: dict[str, bytes], bucket: str = "inputs") -> None:
        for key, content in objects.items():
            await anyio.to_thread.run_sync(self._put, S3Uri(bucket, key), content)

    def _put(self, uri: S3Uri, content: bytes) -> None:
        with self.parts.objects.writer(uri) as file:
            file.write(content)

    async def outputs(self, bucket: str = "artifacts") -> dict[str, bytes]:
        found = [one async for one in self.parts.objects.list(S3Uri(bucket, ""))]
        return {one.key: await self.parts.objects.read(S3Uri(bucket, one.key), one.size) for one in found}

    async def create(self, model: dict[str, Any] | None = None, **members: Any) -> None:
        job = a_transform_job(**members)
        assert await self.store.create(replace(job, model_document=model or job.model_document), {})

    async def eventually(self, condition: Callable[[], bool]) -> None:
        with anyio.fail_after(PATIENCE):
            while not condition():
                await anyio.sleep(0.01)

    async def until(self, condition: Callable[[TransformJob], bool]) -> TransformJob:
        with anyio.fail_after(PATIENCE):
            while True:
                job = await self.store.get(KEY)
                if job is not None and condition(job):
                    return job
                await anyio.sleep(0.01)

    async def end(self) -> TransformJob:
        """When everything that the job had is gone."""
        job = await self.until(lambda job: job.is_final)
        with anyio.fail_after(PATIENCE):
            while await self.compute.find() or self.parts.occupancy.memory_bytes:
                await anyio.sleep(0.01)
        return job

    async def run(self, objects: dict[str, bytes], **members: Any) -> TransformJob:
        await self.put(objects)
        await self.create(**members)
        return await self.end()

    async def lines(self, suffix: str = "/data-log") -> list[str]:
        """Of all streams with this end, without the time."""
        everything = Filtering(parse_filter_pattern(""), True, None, 0, MAX_NS, 10_000)
        group = LogGroupKey(ACCOUNT, REGION, GROUP)
        page = await self.parts.logs.filter_prefix(group, "Transform-1/i-", everything)
        found = page.events if page else []
        messages = [event.message for stream, event in found if stream.key.name.endswith(suffix)]
        return [message.partition("]: ")[2] or message for message in messages]


Story = Callable[[House], Awaitable[None]]


def play(directory: Path, backend: FakeBackend, story: Story, **options: Any) -> None:
    """The story, while the plane runs; then the plane goes down as an emulator does."""

    async def main() -> None:
        house = House(directory, backend, **options)
        try:
            for bucket in ("inputs", "artifacts"):
                await house.s3.create_bucket(bucket, ACCOUNT, REGION)
            async with anyio.create_task_group() as tasks:
                await house.plane.note_holdings()
                tasks.start_soon(house.plane.run)
                await story(house)
                tasks.cancel_scope.cancel()
        finally:
            house.close()

    anyio.run(main)
