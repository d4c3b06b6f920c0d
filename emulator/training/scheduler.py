"""From rows to running jobs, within the machine's budget; going on with what a former process left.

It looks at the rows whenever something changed, and now and then without a signal. Nothing it keeps in memory is
needed after a restart.
"""

import logging
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
from anyio.abc import TaskGroup

from emulator.blocking import blocking
from emulator.domain.cluster import Capacity
from emulator.domain.failure_reason import JobFailure, internal_error
from emulator.domain.progress import Placement
from emulator.domain.reset_scope import ResetScope
from emulator.domain.status import Message, SecondaryStatus
from emulator.domain.stop_reason import RunEnd, StopReason
from emulator.domain.training_job import TrainingJob
from emulator.store.changes import Changes
from emulator.training.admission import Room, Waiting, admit
from emulator.training.deadline import next_deadline
from emulator.training.lifecycle import begin_stop, clean_up, end_stopped, fail, fail_or_retry, innermost, run
from emulator.training.parts import TrainingParts
from emulator.training.placement import PlacementPolicy, gpu_demand, memory_demand, place
from emulator.training.plan import cluster_name, clusters_of
from emulator.training.stop_signal import StopSignal

log = logging.getLogger(__name__)

LOOK_PERIOD = 5.0
"""Seconds; backs up a signal that was lost."""


ATTEMPTS = 5
"""How often a job is taken up again after faults of the emulator's surroundings, such as a lost Engine."""

RETRY_PERIOD = 2.0
"""Seconds; grows with every attempt."""


@dataclass(frozen=True)
class Running:
    job: TrainingJob
    placement: Placement
    stop: StopSignal = field(default_factory=StopSignal)
    task: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    ended: anyio.Event = field(default_factory=anyio.Event)


@dataclass(frozen=True)
class Deleted:
    """What a reset found."""

    training_jobs: int
    unfinished: int
    left: list[str]
    """Clusters whose containers could not be removed yet."""


class Scheduler:
    def __init__(self, parts: TrainingParts, policy: PlacementPolicy, changes: Changes) -> None:
        self._parts = parts
        self._policy = policy
        self._changes = changes
        self._capacity: Capacity | None = None
        self._running: dict[str, Running] = {}
        self._overtaken: dict[str, int] = {}
        self._looking = anyio.Lock()
        self._swept = False
        self._leftovers: set[str] = set()
        self.trouble: str | None = None
        """Why the last look at the rows failed; None where it did not."""

    async def run(self) -> None:
        """Until cancelled, which means that this process is going down."""
        async with anyio.create_task_group() as tasks:
            while True:
                try:
                    async with self._looking:
                        await self._look(tasks)
                    self.trouble = None
                except ConnectionError as error:
                    self.trouble = str(error)
                    log.warning("Training jobs wait: %s", error)
                except Exception as error:  # whatever it is, the next look may fare better
                    self.trouble = str(error)
                    log.exception("Training jobs wait.")
                await self._changes.wait(LOOK_PERIOD)

    async def destroy_all(self) -> None:
        """Remove every container and all staged input, for an emulator that is not to come back."""
        for cluster in {instance.cluster for instance in await self._parts.compute.find()}:
            await self._parts.compute.destroy(cluster)
        await blocking(self._parts.disk, shutil.rmtree, self._parts.work_root, ignore_errors=True)

    @asynccontextmanager
    async def resetting(self, scope: ResetScope) -> AsyncIterator[Deleted]:
        """The scope's jobs are gone in the block, with all that they ran on; no job starts before it ends.

        What cannot be removed now, because no Engine answers, is tried again at the next look.
        """
        async with self._looking:
            abandoned = [running for running in self._running.values() if scope.holds(*running.job.key[:2])]
            for running in abandoned:
                running.task.cancel()
            for running in abandoned:
                await running.ended.wait()
            jobs = await self._parts.store.delete_all(scope)
            unfinished = [job for job in jobs if not job.is_final]
            arns = {running.job.arn for running in abandoned}
            left = [job for job in jobs if not job.is_final or job.arn in arns]
            clusters = {cluster for job in left for cluster in clusters_of(job)}
            await self._remove_clusters(clusters)
            yield Deleted(len(jobs), len(unfinished), sorted(clusters & self._leftovers))

    async def _remove_clusters(self, clusters: set[str]) -> None:
        self._leftovers |= clusters
        try:
            await self._remove_leftovers()
        except Exception:
            log.exception("Containers of deleted training jobs are left; they are removed later.")
        for cluster in clusters:
            work_dir = self._parts.work_root / cluster
            await blocking(self._parts.disk, shutil.rmtree, work_dir, ignore_errors=True)

    async def _look(self, tasks: TaskGroup) -> None:
        unfinished = await self._parts.store.unfinished()
        if not self._swept:
            await self._sweep(unfinished)
            self._swept = True
        await self._remove_leftovers()
        if not self._leftovers:
            await self._parts.store.release_finished(self._running)
        for job in unfinished:
            if job.arn in self._running:
                _pass_on(job, self._running[job.arn].stop)
        idle = [job for job in unfinished if job.arn not in self._running]
        for job in idle:
            if job.progress.placement is not None:
                self._start(tasks, job, job.progress.placement)
        waiting = [job for job in idle if job.progress.placement is None]
        if waiting:
            await self._admit_some(tasks, waiting)

    async def _sweep(self, unfinished: Sequence[TrainingJob]) -> None:
        """Find what belongs to this installation and to no unfinished job."""
        known = {cluster_name(job) for job in unfinished}
        self._leftovers |= {instance.cluster for instance in await self._parts.compute.find()} - known
        await blocking(self._parts.disk, _remove_others, self._parts.work_root, known)

    async def _remove_leftovers(self) -> None:
        for cluster in list(self._leftovers):
            log.info("Removing what is left of %s.", cluster)
            await self._parts.compute.destroy(cluster)
            self._leftovers.discard(cluster)

    async def _admit_some(self, tasks: TaskGroup, jobs: Sequence[TrainingJob]) -> None:
        capacity = self._capacity = self._capacity or await self._parts.compute.capacity()
        queue = []
        for job in jobs:
            waiting = await self._judge(job, capacity)
            if waiting is not None:
                queue.append(waiting)
        admitted = admit(queue, self._room(capacity))
        self._count_overtaken(queue, admitted)
        by_arn = {job.arn: job for job in jobs}
        for waiting in queue:
            job = by_arn[waiting.arn]
            if job.arn in admitted:
                await self._place(tasks, job, capacity)
            elif job.progress.secondary_status is not SecondaryStatus.PENDING:
                progress = job.progress.enter(
                    SecondaryStatus.PENDING, Message.PENDING, self._parts.clock.now()
                )
                await self._parts.store.save_progress(job.advance(progress))

    async def _judge(self, job: TrainingJob, capacity: Capacity) -> Waiting | None:
        """What the job needs; None for one that ends here, stopped or never able to fit."""
        reason = self._stop_reason(job)
        if reason is not None:
            job = begin_stop(job, reason, self._parts)
            await self._parts.store.save_progress(end_stopped(job, self._parts))
            return None
        hosts = job.request.resource_config.hosts()
        try:
            memory = memory_demand(hosts, self._policy, capacity)
            gpus = sum(gpu_demand(hosts, self._policy, capacity).values())
        except JobFailure as failure:
            await self._parts.store.save_progress(fail(job, failure.reason, self._parts))
            return None
        return Waiting(job.arn, memory, gpus, self._overtaken.get(job.arn, 0))

    def _stop_reason(self, job: TrainingJob) -> StopReason | None:
        """Of a job that waits for room."""
        if job.stop_requested_at is not None:
            return StopReason.USER
        now = self._parts.clock.now()
        deadline = next_deadline(job, now, self._parts.time_scale)
        return deadline.reason if deadline is not None and deadline.time <= now else None

    def _room(self, capacity: Capacity) -> Room:
        memory = sum(running.placement.memory_bytes for running in self._running.values())
        return Room(
            self._policy.memory_budget(capacity.memory_bytes) - memory,
            len(capacity.gpu_ids) - len(self._gpus_in_use()),
        )

    def _gpus_in_use(self) -> frozenset[str]:
        return frozenset(gpu for running in self._running.values() for gpu in running.placement.gpu_ids)

    def _count_overtaken(self, queue: Sequence[Waiting], admitted: Sequence[str]) -> None:
        started, behind = set(admitted), 0
        counts: dict[str, int] = {}
        for waiting in reversed(queue):
            if waiting.arn in started:
                behind += 1
            else:
                counts[waiting.arn] = waiting.overtaken + behind
        self._overtaken = counts

    async def _place(self, tasks: TaskGroup, job: TrainingJob, capacity: Capacity) -> None:
        """Note on the row what the job was given, then start it."""
        used = self._gpus_in_use()
        free_gpus = [gpu for gpu in capacity.gpu_ids if gpu not in used]
        placement = place(job.request.resource_config.hosts(), self._policy, capacity, free_gpus)
        job = replace(job, progress=job.progress.model_copy(update={"placement": placement}))
        await self._parts.store.save_progress(job)
        self._start(tasks, job, placement)

    def _start(self, tasks: TaskGroup, job: TrainingJob, placement: Placement) -> None:
        running = Running(job, placement)
        _pass_on(job, running.stop)
        self._running[job.arn] = running
        tasks.start_soon(self._run, running)

    async def _run(self, running: Running) -> None:
        """Take the job to its end, and free what it had only when its containers are gone."""
        job = running.job
        try:
            with running.task:
                job = await self._run_patiently(job, running.stop)
                if job.is_final:
                    await self._clean_up(job)
        except Exception:
            log.exception(
                "Training job %s could not be ended; the next look takes it up again.", job.key.name
            )
        finally:
            self._running.pop(job.arn, None)
            running.ended.set()
        self._changes.notify()

    async def _clean_up(self, job: TrainingJob) -> None:
        try:
            await clean_up(job, self._parts)
        except Exception:
            log.exception("Training job %s left something behind; it is removed later.", job.key.name)
            self._leftovers.add(cluster_name(job))

    async def _run_patiently(self, job: TrainingJob, stop: StopSignal) -> TrainingJob:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await run(job, self._parts, stop)
            except Exception as error:
                log.exception("Training job %s met a fault of the emulator.", job.key.name)
                await anyio.sleep(RETRY_PERIOD * attempt * self._parts.time_scale)
                job = await self._parts.store.get(job.key) or job
                reason = internal_error(f"{type(innermost(error)).__name__}; see the emulator's log").reason
        job = await fail_or_retry(job, reason, self._parts)
        await self._parts.store.save_progress(job)
        return job


def _pass_on(job: TrainingJob, stop: StopSignal) -> None:
    """What callers wish for, to the task that runs the job."""
    if job.stop_requested_at is not None:
        stop.request(StopReason.USER)
    elif job.faults_requested > job.progress.faults:
        stop.request_run_end(RunEnd.FAULT)
    elif job.interruptions_requested > job.progress.interruptions:
        stop.request_run_end(RunEnd.INTERRUPTION)


def _remove_others(work_root: Path, known: set[str]) -> None:
    """Staged input of jobs that ended just before the emulator did."""
    for directory in work_root.glob("*"):
        if directory.name not in known:
            shutil.rmtree(directory, ignore_errors=True)
