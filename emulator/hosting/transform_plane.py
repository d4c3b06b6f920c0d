"""Rows of transform jobs -> running tasks, one each; going on with what a former process left.

A job waits for room in the task that runs it, so all of them wait side by side: the one that fits first goes first.
Nothing in memory is needed after a restart.
"""

import logging
import shutil
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.abc import TaskGroup

from emulator.blocking import blocking
from emulator.domain.failure_reason import internal_error
from emulator.domain.reset_scope import ResetScope
from emulator.domain.transform_job import TransformJob, TransformJobStatus
from emulator.exception_groups import innermost
from emulator.hosting.parts import HostingParts
from emulator.hosting.transform_job_run import DIRECTORY, TransformJobRun, hold, holder
from emulator.hosting.transform_plan import cluster_name
from emulator.store.changes import Changes
from emulator.store.transform_jobs import TransformJobStore

log = logging.getLogger(__name__)

LOOK_PERIOD = 5.0
"""Seconds; backs up a signal that was lost."""

ATTEMPTS = 5
"""How often a job is taken up again after faults of the emulator's surroundings, such as a lost Engine."""

RETRY_PERIOD = 2.0
"""Seconds; grows with every attempt."""


@dataclass(eq=False)
class Running:
    run: TransformJobRun
    stop: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    ended: anyio.Event = field(default_factory=anyio.Event)


class TransformPlane:
    def __init__(self, parts: HostingParts, store: TransformJobStore, changes: Changes) -> None:
        """`changes` is what the store notifies; nobody else waits for it."""
        self._parts = parts
        self._store = store
        self._changes = changes
        self._running: dict[str, Running] = {}
        self._left: dict[str, TransformJobRun] = {}
        """Jobs that are over, and could not be cleaned up yet, by cluster."""
        self._looking = anyio.Lock()
        self._swept = False

    async def note_holdings(self) -> None:
        """After a restart: what the rows hold of this machine, noted before anybody is admitted."""
        for job in await self._store.unfinished():
            if job.progress.placement is not None:
                hold(job, job.progress.placement, self._parts)

    async def run(self) -> None:
        """Until cancelled, which leaves all containers as they are."""
        async with anyio.create_task_group() as tasks:
            while True:
                try:
                    async with self._looking:
                        await self._look(tasks)
                except Exception:  # whatever it is, the next look may fare better
                    log.exception("Transform jobs wait.")
                await self._changes.wait(LOOK_PERIOD)

    async def clusters(self) -> set[str]:
        """All that may exist on the backend: of unfinished jobs, and of those that are being cleaned up."""
        ending = {cluster_name(running.run.job) for running in self._running.values()} | self._left.keys()
        return ending | {cluster_name(job) for job in await self._store.unfinished()}

    @property
    def artifacts(self) -> set[str]:
        """Directories of models' files that running jobs use, below the work directory."""
        runs = [running.run for running in self._running.values()]
        return {artifact for run in (*runs, *self._left.values()) for artifact in run.artifacts}

    @asynccontextmanager
    async def resetting(self, scope: ResetScope) -> AsyncIterator[int]:
        """The scope's jobs are gone in the block, with their containers. Yields how many there were."""
        async with self._looking:
            abandoned = [each for each in self._running.values() if scope.holds(*each.run.job.key[:2])]
            for running in abandoned:
                running.scope.cancel()
            for running in abandoned:
                await running.ended.wait()
            jobs = await self._store.delete_all(scope)
            left = {run.job.arn: run for run in (each.run for each in abandoned)}
            left |= {
                job.arn: TransformJobRun(job, self._parts, self._store) for job in jobs if not job.is_final
            }
            for run in left.values():
                await self._clean_up(run)
            yield len(jobs)

    async def destroy_all(self) -> None:
        """For an emulator that is not to come back: the containers. Should it come back, its jobs go on."""
        for cluster in await self.clusters():
            await self._parts.compute.destroy(cluster)

    async def _look(self, tasks: TaskGroup) -> None:
        unfinished = await self._store.unfinished()
        if not self._swept:
            known = {cluster_name(job) for job in unfinished}
            await blocking(self._parts.disk, _remove_others, self._parts.work_root / DIRECTORY, known)
            self._swept = True
        for run in list(self._left.values()):
            await self._clean_up(run)
        for job in unfinished:
            running = self._running.get(job.arn)
            if running is None:
                running = self._start(tasks, job)
            if job.stop_requested_at is not None:
                running.stop.set()

    def _start(self, tasks: TaskGroup, job: TransformJob) -> Running:
        running = self._running[job.arn] = Running(TransformJobRun(job, self._parts, self._store))
        tasks.start_soon(self._run, running)
        return running

    async def _run(self, running: Running) -> None:
        """Take the job to its end; what it had is free when its containers are gone."""
        name = running.run.job.key.name
        try:
            with running.scope:
                await self._store.save_progress(await self._run_patiently(running))
                await self._clean_up(running.run)
        except Exception:
            log.exception("Transform job %s could not be ended; the next look takes it up again.", name)
        finally:
            self._running.pop(running.run.job.arn, None)
            running.ended.set()

    async def _run_patiently(self, running: Running) -> TransformJob:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await running.run.run(running.stop)
            except Exception as error:
                job = running.run.job
                log.exception("Transform job %s met a fault of the emulator.", job.key.name)
                await anyio.sleep(RETRY_PERIOD * attempt)
                running.run = TransformJobRun(job, self._parts, self._store)
                reason = internal_error(f"{type(innermost(error)).__name__}; see the emulator's log").reason
        return running.run.finished(status=TransformJobStatus.FAILED, failure_reason=reason)

    async def _clean_up(self, run: TransformJobRun) -> None:
        cluster = cluster_name(run.job)
        try:
            await run.clean_up()
        except Exception:
            self._left[cluster] = run
            log.exception("Transform job %s left something behind; it is removed later.", run.job.key.name)
        else:
            self._left.pop(cluster, None)
            self._parts.occupancy.release(holder(run.job))


def _remove_others(root: Path, known: Collection[str]) -> None:
    """Ledgers of jobs that ended just before the emulator did."""
    for directory in root.glob("*"):
        if directory.name not in known:
            shutil.rmtree(directory, ignore_errors=True)
