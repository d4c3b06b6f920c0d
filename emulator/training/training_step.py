"""Training: the containers run; who ended them, and why.

Rules that a crash in the middle taught: verdict and stop reason are on the row before anybody is signalled, and only
exits seen before that are blamed.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

import anyio

from emulator.blocking import blocking
from emulator.domain.cluster import ClusterSpec, InstanceExit
from emulator.domain.failure_reason import (
    INJECTED,
    MAX_LENGTH,
    JobFailure,
    algorithm_error,
    internal_error,
    out_of_memory,
)
from emulator.domain.progress import Progress
from emulator.domain.status import Message, SecondaryStatus
from emulator.domain.stop_reason import RunEnd
from emulator.domain.training_job import TrainingJob
from emulator.training.algorithm_metrics import final_metrics
from emulator.training.directory_sync import finish_sync, sync_until
from emulator.training.host_watch import watch_host
from emulator.training.job_cluster import job_cluster
from emulator.training.live_channels import live_channels
from emulator.training.log_pump import open_streams
from emulator.training.model_artifacts import read_text_member
from emulator.training.opt_ml import FAILURE
from emulator.training.parts import TrainingParts
from emulator.training.run_end import leave_run
from emulator.training.stop_signal import StopSignal


class Hosts:
    """How the hosts of one cluster are doing, as their watchers tell."""

    def __init__(self, hosts: tuple[str, ...], is_fresh: bool) -> None:
        self._hosts = hosts
        self.is_fresh = is_fresh
        """Whether nothing of them was seen before, by this process or another."""
        self.exits: dict[str, InstanceExit] = {}
        self.fault: JobFailure | None = None
        self.outgrown: str | None = None
        """Why the job must fail, where a host needs more than its storage volume."""
        self._changed = anyio.Event()

    def note(self, end: InstanceExit | JobFailure) -> None:
        if isinstance(end, JobFailure):
            self.fault = self.fault or end
        else:
            self.exits[end.host] = end
        self._tell()

    def note_outgrown(self, reason: str) -> None:
        self.outgrown = self.outgrown or reason
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    @property
    def running(self) -> list[str]:
        return [host for host in self._hosts if host not in self.exits]

    @property
    def culprit(self) -> InstanceExit | None:
        """The first host that failed, by the time it ended."""
        failed = [end for end in self.exits.values() if end.exit_code != 0]
        return min(failed, key=lambda end: end.finished_at, default=None)

    def is_decided(self) -> bool:
        is_to_fail = self.fault is not None or self.culprit is not None or self.outgrown is not None
        return is_to_fail or not self.running

    def is_over(self) -> bool:
        return self.fault is not None or not self.running

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()


async def train(job: TrainingJob, parts: TrainingParts, stop: StopSignal) -> TrainingJob:
    """From the start of the containers, or from wherever they are, until all have ended. Raises JobFailure."""
    cluster = await job_cluster(job, parts)
    hosts = Hosts(cluster.hosts, is_fresh=job.progress.launched_at is None)
    if not hosts.is_fresh:
        await _require_all(cluster, parts)
    async with live_channels(job, parts, hosts.is_fresh, hosts.note) as live:
        if hosts.is_fresh:
            if live.mounts:
                await _discard_all(cluster, parts)
            job = await _launch(job, cluster, parts)
        job = await _watch(job, cluster, hosts, parts, stop)
        told = {"channel_bytes": live.bytes_by_channel(), "fast_file_fault": live.fault()}
        job = await _save(job, parts, job.progress.model_copy(update=told))
    if hosts.fault is not None:
        raise hosts.fault
    if job.progress.run_end is not None:
        await finish_sync(job, parts)
        return await leave_run(job, job.progress.run_end, parts)
    metrics = await final_metrics(job, parts)
    now = parts.clock.now()
    uploading = job.progress.enter(SecondaryStatus.UPLOADING, Message.UPLOADING, now, final_metrics=metrics)
    return job.advance(uploading)


async def _watch(
    job: TrainingJob, cluster: ClusterSpec, hosts: Hosts, parts: TrainingParts, stop: StopSignal
) -> TrainingJob:
    """Until all have ended, or the fault is known that makes them worthless."""
    async with anyio.create_task_group() as watchers:
        for instance in cluster.instances:
            watch = partial(watch_host, job, instance, hosts.is_fresh, parts, hosts.note_outgrown)
            watchers.start_soon(_note_end, watch, hosts)
        over = partial(hosts.until, hosts.is_over)
        watchers.start_soon(sync_until, over, hosts.note_outgrown, job, parts)
        job = await _follow(job, cluster, hosts, parts, stop)
        if hosts.fault is not None:
            watchers.cancel_scope.cancel()
    return job


async def _launch(job: TrainingJob, cluster: ClusterSpec, parts: TrainingParts) -> TrainingJob:
    """All instances together or none: nothing is started before everything is created."""
    await open_streams(job, cluster.hosts, parts)
    work_dir = parts.work_dir(job)
    async with anyio.create_task_group() as creations:
        for instance in cluster.instances:
            creations.start_soon(parts.compute.create, cluster, instance, work_dir)
    async with anyio.create_task_group() as starts:
        for host in cluster.hosts:
            starts.start_soon(parts.compute.start, cluster.name, host)
    now = parts.clock.now()
    return await _save(job, parts, job.progress.say(Message.TRAINING, now, launched_at=now))


async def _discard_all(cluster: ClusterSpec, parts: TrainingParts) -> None:
    """A launch that broke off may have left containers; they look at mounts that are gone."""
    for host in cluster.hosts:
        await parts.compute.discard(cluster.name, host)


async def _require_all(cluster: ClusterSpec, parts: TrainingParts) -> None:
    found = {instance.host for instance in await parts.compute.find() if instance.cluster == cluster.name}
    missing = [host for host in cluster.hosts if host not in found]
    if missing:
        raise internal_error(f"the containers of {', '.join(missing)} are gone")


async def _note_end(watch: Callable[[], Awaitable[InstanceExit]], hosts: Hosts) -> None:
    try:
        hosts.note(await watch())
    except JobFailure as failure:
        hosts.note(failure)


async def _follow(
    job: TrainingJob, cluster: ClusterSpec, hosts: Hosts, parts: TrainingParts, stop: StopSignal
) -> TrainingJob:
    progress = job.progress
    if (progress.stop_reason, progress.failure_reason, progress.run_end) == (None, None, None):
        schedule = partial(_interrupt_on_schedule, job, parts, stop)
        await _first_of(lambda: hosts.until(hosts.is_decided), stop.wait, schedule)
        job = await _decide(job, cluster, hosts, parts, stop)
    if hosts.running and hosts.fault is None:
        await _end_others(job, cluster, hosts, parts)
    return job


async def _decide(
    job: TrainingJob, cluster: ClusterSpec, hosts: Hosts, parts: TrainingParts, stop: StopSignal
) -> TrainingJob:
    """Put on the row why training is over, before anybody is signalled."""
    now = parts.clock.now()
    if hosts.fault is not None:
        return job
    reason = hosts.outgrown
    if reason is None and hosts.culprit is not None:
        reason = await _blame(job, cluster, hosts.culprit, parts)
    if reason is not None:
        return await _save(job, parts, job.progress.say(Message.TRAINING, now, failure_reason=reason))
    if hosts.running and stop.reason is not None:
        stopping = job.progress.enter(
            SecondaryStatus.STOPPING, Message.STOPPING, now, stop_reason=stop.reason
        )
        return await _save(job, parts, stopping)
    if hosts.running and stop.run_end is RunEnd.FAULT:
        raise internal_error(INJECTED)
    if hosts.running and stop.run_end is not None:
        return await _save(job, parts, job.progress.say(Message.TRAINING, now, run_end=stop.run_end))
    return job


async def _interrupt_on_schedule(job: TrainingJob, parts: TrainingParts, stop: StopSignal) -> None:
    schedule, number = parts.spot_interruptions, job.progress.scheduled_interruptions
    seconds = schedule.seconds(job.key.name, number) if schedule else None
    if seconds is None or not job.request.enable_managed_spot_training:
        await anyio.sleep_forever()
    else:
        ran = parts.clock.now() - (job.progress.launched_at or parts.clock.now())
        await anyio.sleep(max(0.0, seconds - ran.total_seconds()))
        stop.request_run_end(RunEnd.INTERRUPTION)


async def _blame(job: TrainingJob, cluster: ClusterSpec, culprit: InstanceExit, parts: TrainingParts) -> str:
    if culprit.oom_killed:
        types = {host.name: host.instance_type for host in job.request.resource_config.hosts()}
        limits = {instance.host: instance.limits.memory_bytes for instance in cluster.instances}
        limit = limits[culprit.host]
        return out_of_memory(culprit.host, types[culprit.host], limit, culprit.peak_memory_bytes or limit)
    text = await blocking(parts.verdicts, _failure_file, cluster.name, culprit.host, parts)
    return algorithm_error(culprit.exit_code, text or culprit.detail)


def _failure_file(cluster: str, host: str, parts: TrainingParts) -> str:
    with parts.compute.archive(cluster, host, FAILURE) as stream:
        return "" if stream is None else read_text_member(stream, MAX_LENGTH)


async def _end_others(job: TrainingJob, cluster: ClusterSpec, hosts: Hosts, parts: TrainingParts) -> None:
    await _signal(cluster.name, hosts, "SIGTERM", parts)
    with anyio.move_on_after(_grace_left(job, parts)):
        await hosts.until(hosts.is_over)
    if hosts.running:
        await _signal(cluster.name, hosts, "SIGKILL", parts)
    await hosts.until(hosts.is_over)


async def _signal(cluster: str, hosts: Hosts, signal: str, parts: TrainingParts) -> None:
    async with anyio.create_task_group() as signals:
        for host in hosts.running:
            signals.start_soon(parts.compute.signal, cluster, host, signal)


def _grace_left(job: TrainingJob, parts: TrainingParts) -> float:
    """Seconds; after a restart of the emulator the grace goes on from where it was."""
    last = job.progress.transitions[-1]
    since: datetime = (
        last.start_time if last.status is SecondaryStatus.STOPPING else job.progress.last_modified_time
    )
    return max(0.0, (since + parts.stop_grace - parts.clock.now()).total_seconds())


async def _first_of(*waits: Callable[[], Awaitable[None]]) -> None:
    async with anyio.create_task_group() as group:

        async def wait(fn: Callable[[], Awaitable[None]]) -> None:
            await fn()
            group.cancel_scope.cancel()

        for fn in waits:
            group.start_soon(wait, fn)


async def _save(job: TrainingJob, parts: TrainingParts, progress: Progress) -> TrainingJob:
    job = job.advance(progress)
    await parts.store.save_progress(job)
    return job
