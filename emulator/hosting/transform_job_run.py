"""One transform job: from its row to a final status.

After a restart of the emulator the job gets new containers, and goes on with the objects whose output is not written
yet. Nothing but the row and the ledger in the work directory is needed for that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio import CancelScope, CapacityLimiter
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from emulator.blocking import blocking
from emulator.domain.ecr import EcrRegistry
from emulator.domain.failure_reason import JobFailure
from emulator.domain.progress import Placement
from emulator.domain.transform_job import TransformJob, TransformJobStatus
from emulator.exception_groups import innermost
from emulator.hosting.container_client import ContainerClient
from emulator.hosting.data_processing import DataProcessor
from emulator.hosting.parts import HostingParts
from emulator.hosting.placement import await_room
from emulator.hosting.transform_cluster import TransformCluster
from emulator.hosting.transform_failure import job_logs
from emulator.hosting.transform_fault import TransformFault
from emulator.hosting.transform_inputs import TransformLedger, TransformObject, list_objects
from emulator.hosting.transform_instance import TransformInstance
from emulator.hosting.transform_invocation import Invoker, ask_parameters
from emulator.hosting.transform_log import DataLog
from emulator.hosting.transform_object import Pace, Transformation
from emulator.hosting.transform_parameters import Told, decide, is_decided
from emulator.hosting.transform_plan import cluster_name, compile_job, hosts_of
from emulator.occupancy import Holding
from emulator.store.transform_jobs import TransformJobStore

S = TransformJobStatus
THREADS = 4
"""Of one job, for S3 and for the splitting and joining of records."""

DIRECTORY = "transforms"
"""Below the hosting work directory: a ledger for each unfinished job, named after its cluster."""


@dataclass
class TransformJobRun:
    job: TransformJob
    parts: HostingParts
    store: TransformJobStore
    artifacts: set[str] = field(default_factory=set, init=False)
    """Directories of models' files that the job needs; no row tells them."""
    _lost: JobFailure | None = field(default=None, init=False)
    """Why its first container that ended did so."""
    _working: CancelScope = field(default_factory=CancelScope, init=False)
    _cluster: TransformCluster | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._threads = CapacityLimiter(THREADS)
        self._noting = anyio.Lock()
        self._ledger = TransformLedger(self.parts.work_root / DIRECTORY / cluster_name(self.job))

    async def run(self, stop: anyio.Event) -> TransformJob:
        """To the final status, which is told and not saved. What is left of the job is for `clean_up`.

        Raises what is neither the job's fault nor its end (a lost Engine, a full disk).
        """
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._heed, stop)
                facts = await self._work(tasks, stop)
                if self._cluster is not None:
                    await self._cluster.stop()
                tasks.cancel_scope.cancel()
        except ExceptionGroup as faults:
            raise innermost(faults) from faults
        return self.finished(**facts)

    def finished(self, **facts: Any) -> TransformJob:
        now = self.parts.clock.now()
        return self.job.advance(**facts, end_time=now, last_modified_time=now)

    async def clean_up(self) -> None:
        """Remove everything but outputs and logs."""
        await self.parts.compute.destroy(cluster_name(self.job))
        await blocking(self.parts.disk, self._ledger.remove)

    async def _heed(self, stop: anyio.Event) -> None:
        await stop.wait()
        self._working.cancel()

    def _lose(self, failure: JobFailure) -> None:
        self._lost = self._lost or failure
        self._working.cancel()

    async def _work(self, tasks: TaskGroup, stop: anyio.Event) -> dict[str, Any]:
        """What the job's progress is in the end.

        The checkpoint tells of a cancellation that a task group within kept to itself: it may do so when the tasks in
        it were cancelled before their host.
        """
        with self._working:
            try:
                faults = await self._transform(tasks)
                await checkpoint()
            except JobFailure as failure:
                return _failed(failure.reason)
            return _failed(job_logs(faults[0])) if faults else {"status": S.COMPLETED}
        if stop.is_set() or self._lost is None:
            return {"status": S.STOPPED}
        return _failed(self._lost.reason)

    async def _transform(self, tasks: TaskGroup) -> list[TransformFault]:
        """All that the job is for. Raises JobFailure."""
        placement = await self._place()
        waiting = await self._waiting_objects()
        self._cluster = await self._provide(placement)
        await self._cluster.start(tasks)
        urls = await self._cluster.await_health()
        client = ContainerClient()
        try:
            instances = [await self._instance(name, found, client) for name, found in urls.items()]
            await _share(waiting, instances)
        finally:
            with CancelScope(shield=True):
                await client.close()
        return [fault for instance in instances for fault in instance.faults]

    async def _place(self) -> Placement:
        """Limits for the instances, once there is room: noted on the row."""
        placement = self.job.progress.placement
        if placement is None:
            placement = await await_room(self.job, hosts_of(self.job), self.parts)
            hold(self.job, placement, self.parts)
            now = self.parts.clock.now()
            self.job = self.job.advance(placement=placement, start_time=now, last_modified_time=now)
            await self.store.save_progress(self.job)
        return placement

    async def _waiting_objects(self) -> list[TransformObject]:
        """Those without output. They are listed once, whatever lies in the bucket after a restart."""
        listed = await blocking(self._threads, self._ledger.read)
        if listed is None:
            listed = await list_objects(self.job, self.parts.objects)
            await blocking(self._threads, self._ledger.write, listed)
        done = await blocking(self._threads, self._ledger.done)
        return [wanted for wanted in listed if str(wanted.output) not in done]

    async def _provide(self, placement: Placement) -> TransformCluster:
        """With models' files and images."""
        key, pipeline = self.job.key, self.job.model.pipeline
        artifacts: list[str | None] = []
        async with self.parts.model_data.using():
            for container in pipeline:
                source = container.data_source
                artifacts.append(await self.parts.model_data.stage(source) if source else None)
            self.artifacts |= {artifact for artifact in artifacts if artifact}
        caller = EcrRegistry(key.account_id, key.region)
        images = [await self.parts.compute.fetch_image(container.image, caller) for container in pipeline]
        spec = compile_job(self.job, placement, [image.name for image in images], artifacts)
        return TransformCluster(self.job, spec, self.parts, self._lose)

    async def _instance(self, name: str, urls: tuple[str, ...], client: ContainerClient) -> TransformInstance:
        """Choice: of a pipeline, the first container tells its /execution-parameters."""
        request, parts = self.job.request, self.parts
        told = Told({}) if is_decided(request) else await ask_parameters(client, urls[0])
        parameters = decide(request, told.values)
        log = DataLog.of(self.job, name, parts.logs, parts.clock)
        await log.say([*told.remarks, str(parameters)])
        given, result = request.transform_input, request.transform_output
        how = Transformation(
            request=request,
            parameters=parameters,
            processor=DataProcessor(
                request.data_processing, given.content_type, result.accept, given.split_type
            ),
            invoker=Invoker(client, urls, request, parameters.max_payload_in_mb == 0, parts.time_scale),
            objects=parts.objects,
            threads=self._threads,
            pace=Pace.of(parameters),
        )
        return TransformInstance(how, log, self._note_done)

    async def _note_done(self, wanted: TransformObject) -> None:
        async with self._noting:
            await blocking(self._threads, self._ledger.note_done, wanted.output)


async def _share(objects: Sequence[TransformObject], instances: Sequence[TransformInstance]) -> None:
    """Choice: by key, object i to instance i mod n."""
    try:
        async with anyio.create_task_group() as work:
            for number, instance in enumerate(instances):
                work.start_soon(instance.transform, objects[number :: len(instances)])
    except ExceptionGroup as faults:
        raise innermost(faults) from faults


def holder(job: TransformJob) -> str:
    """Not the ARN alone: after a reset another job of the name may run while the first one's containers go."""
    return f"{job.arn}#{cluster_name(job)}"


def hold(job: TransformJob, placement: Placement, parts: HostingParts) -> None:
    parts.occupancy.hold(holder(job), Holding(placement.memory_bytes, placement.gpu_ids))


def _failed(reason: str) -> dict[str, Any]:
    return {"status": S.FAILED, "failure_reason": reason}
