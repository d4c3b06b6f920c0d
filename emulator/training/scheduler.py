"""From rows to running jobs, within the machine's budget; going on with what a former process left.

It looks at the rows whenever something changed, and now and then without a signal. Nothing it keeps in memory is
needed after a restart.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from emulator.domain.cluster import Capacity
from emulator.domain.failure_reason import JobFailure, internal_error
from emulator.domain.placement import PlacementPolicy, gpu_demand, memory_demand, place
from emulator.domain.progress import Placement
from emulator.domain.reset_scope import ResetScope
from emulator.domain.status import Message, SecondaryStatus
from emulator.domain.stop_reason import RunEnd, StopReason
from emulator.domain.training_job import TrainingJob
from emulator.exception_groups import innermost
from emulator.occupancy import Holding
from emulator.store.changes import Changes
from emulator.training.admission import Room, Waiting, admit
from emulator.training.deadline import next_deadline
from emulator.training.leftovers import Leftovers
from emulator.training.lifecycle import (
    begin_stop,
    clean_up,
    end_stopped,
    fail,
    fail_or_retry,
    run,
    save_stage,
)
from emulator.training.parts import TrainingParts
from emulator.training.plan import clusters_of
from emulator.training.pool_keeper import PoolKeeper, holding_of
from emulator.training.stop_signal import StopSignal
from emulator.training.warm_pools import begin_pool

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
        self._pools = PoolKeeper(parts)
        self._overtaken: dict[str, int] = {}
        parts.occupancy.on_release(changes.notify)
        self._looking = anyio.Lock()
        self._swept = False
        self.leftovers = Leftovers(parts)
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
                await self._changes.wait(self._pools.seconds_to_expiry(LOOK_PERIOD))

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
            for job in jobs:
                self._parts.occupancy.release(job.arn)
            unfinished = [job for job in jobs if not job.is_final]
            arns = {running.job.arn for running in abandoned}
            left = [job for job in jobs if not job.is_final or job.arn in arns or job.progress.has_warm_pool]
            clusters = {cluster for job in left for cluster in clusters_of(job)}
            await self.leftovers.remove_at_once(clusters)
            yield Deleted(len(jobs), len(unfinished), sorted(clusters & self.leftovers.clusters))

    async def _look(self, tasks: TaskGroup) -> None:
        """Rows are acted on as soon as they are read: a job's own task may end it during any wait."""
        for job in await self._parts.store.unfinished():
            if job.arn in self._running:
                _pass_on(job, self._running[job.arn].stop)
        await self._tidy()
        unfinished = await self._parts.store.unfinished()
        idle = [job for job in unfinished if job.arn not in self._running]
        for job in idle:
            if job.progress.placement is not None:
                self._start(tasks, job, job.progress.placement)
        waiting = [job for job in idle if job.progress.placement is None]
        waiting = [job for job in waiting if not await self._start_warm(tasks, job)]
        is_short = bool(waiting) and not await self._admit_all(tasks, waiting)
        is_wanted = is_short or self._parts.occupancy.has_waiting
        if is_wanted and await self._pools.give_way(self._running):
            self._changes.notify()

    async def _tidy(self) -> None:
        """Free what nobody needs any more."""
        store = self._parts.store
        if not self._swept:
            await self.leftovers.find([*await store.unfinished(), *await store.warm()])
            self._swept = True
        await self.leftovers.remove()
        await self._pools.look(self._running)
        if not self.leftovers.clusters:
            await store.release_finished([*self._running, *(pool.arn for pool in self._pools.pools)])

    async def _start_warm(self, tasks: TaskGroup, job: TrainingJob) -> bool:
        """On the instances of a warm pool, if one matches."""
        if self._stop_reason(job) is not None:
            return False
        taker = await self._pools.hand_over(job)
        if taker is None or taker.progress.placement is None:
            return False
        self._start(tasks, taker, taker.progress.placement)
        return True

    async def _admit_all(self, tasks: TaskGroup, jobs: Sequence[TrainingJob]) -> bool:
        """Start what there is room for. False where a job has to wait."""
        capacity = self._capacity = self._capacity or await self._parts.compute.capacity()
        queue = []
        for job in jobs:
            waiting = await self._judge(job, capacity)
            if waiting is not None:
                queue.append(waiting)
        admitted = admit(queue, self._room(capacity))
        self._count_overtaken(queue, admitted)
        by_arn = {job.arn: job for job in jobs}
        await self._start_all(tasks, [self._place(by_arn[arn], capacity) for arn in admitted])
        for waiting in queue:
            job = by_arn[waiting.arn]
            if job.arn not in admitted and job.progress.secondary_status is not SecondaryStatus.PENDING:
                progress = job.progress.enter(
                    SecondaryStatus.PENDING, Message.PENDING, self._parts.clock.now()
                )
                await self._parts.store.save_progress(job.advance(progress))
        return len(admitted) == len(queue)

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
        used = self._parts.occupancy
        memory = self._policy.memory_budget(capacity.memory_bytes) - used.memory_bytes
        return Room(memory, len(capacity.gpu_ids) - len(used.gpu_ids))

    def _count_overtaken(self, queue: Sequence[Waiting], admitted: Sequence[str]) -> None:
        started, behind = set(admitted), 0
        counts: dict[str, int] = {}
        for waiting in reversed(queue):
            if waiting.arn in started:
                behind += 1
            else:
                counts[waiting.arn] = waiting.overtaken + behind
        self._overtaken = counts

    def _place(self, job: TrainingJob, capacity: Capacity) -> tuple[TrainingJob, Placement]:
        """What the job is given, and nobody else from now on."""
        used = self._parts.occupancy.gpu_ids
        free_gpus = [gpu for gpu in capacity.gpu_ids if gpu not in used]
        placement = place(job.request.resource_config.hosts(), self._policy, capacity, free_gpus)
        self._parts.occupancy.hold(job.arn, holding_of(placement))
        return begin_pool(job, placement), placement

    async def _start_all(self, tasks: TaskGroup, placed: list[tuple[TrainingJob, Placement]]) -> None:
        """Note on the rows what the jobs were given, then start them."""
        try:
            while placed:
                await self._parts.store.save_progress(placed[0][0])
                self._start(tasks, *placed.pop(0))
        finally:
            for job, _ in placed:  # no release, which would tell everybody to look again at once
                self._parts.occupancy.hold(job.arn, Holding(0))

    def _start(self, tasks: TaskGroup, job: TrainingJob, placement: Placement) -> None:
        running = Running(job, placement)
        _pass_on(job, running.stop)
        self._running[job.arn] = running
        self._parts.occupancy.hold(job.arn, holding_of(placement))
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
            if job.is_final and not job.progress.has_warm_pool:
                self._parts.occupancy.release(job.arn)
            running.ended.set()
        self._changes.notify()

    async def _clean_up(self, job: TrainingJob) -> None:
        try:
            await clean_up(job, self._parts)
        except Exception:
            log.exception("Training job %s left something behind; it is removed later.", job.key.name)
            kept = {job.progress.pool} if job.progress.has_warm_pool else set()
            await self.leftovers.remove_at_once(clusters_of(job) - kept)

    async def _run_patiently(self, job: TrainingJob, stop: StopSignal) -> TrainingJob:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await run(job, self._parts, stop)
            except Exception as error:
                log.exception("Training job %s met a fault of the emulator.", job.key.name)
                await anyio.sleep(RETRY_PERIOD * attempt)
                job = await self._parts.store.get(job.key) or job
                reason = internal_error(f"{type(innermost(error)).__name__}; see the emulator's log").reason
        return await save_stage(await fail_or_retry(job, reason, self._parts), self._parts)


def _pass_on(job: TrainingJob, stop: StopSignal) -> None:
    """What callers wish for, to the task that runs the job."""
    if job.stop_requested_at is not None:
        stop.request(StopReason.USER)
    elif job.faults_requested > job.progress.faults:
        stop.request_run_end(RunEnd.FAULT)
    elif job.interruptions_requested > job.progress.interruptions:
        stop.request_run_end(RunEnd.INTERRUPTION)
