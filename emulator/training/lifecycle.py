"""One training job, from wherever its row says it is to a final status.

The stages stand in the order of the secondary statuses, and each may be entered again: going on after a crash is the
ordinary path.
"""

import shutil
from collections.abc import Awaitable, Callable

import anyio

from emulator.blocking import blocking
from emulator.domain.ecr import EcrRegistry
from emulator.domain.failure_reason import INJECTED, INTERNAL, JobFailure, internal_error
from emulator.domain.image_source import ResolvedImage
from emulator.domain.status import Message, SecondaryStatus
from emulator.domain.stop_reason import RunEnd, StopReason
from emulator.domain.training_job import TrainingJob
from emulator.exception_groups import innermost
from emulator.training.artifact_upload import upload_artifacts
from emulator.training.checkpoint_restore import stage_checkpoints
from emulator.training.deadline import next_deadline
from emulator.training.directory_sync import finish_sync
from emulator.training.input_data import Download, Staging, stage_input
from emulator.training.job_cluster import job_cluster
from emulator.training.live_channels import fast_file_view
from emulator.training.parts import TrainingParts
from emulator.training.plan import cluster_name, former_cluster_name
from emulator.training.run_end import leave_run
from emulator.training.stop_signal import StopSignal
from emulator.training.training_step import train
from emulator.training.warm_pools import keep_downloads, remove_pool, settle

S = SecondaryStatus
Stage = Callable[[TrainingJob, TrainingParts, StopSignal], Awaitable[TrainingJob]]


async def run(job: TrainingJob, parts: TrainingParts, stop: StopSignal) -> TrainingJob:
    """Drive the job to a final status, and return it. What is left of it then is for `clean_up`.

    Raises what is neither the job's fault nor its end (a lost Engine, a full disk); the row says how far it is.
    """
    while not job.is_final:
        async with anyio.create_task_group() as timer:
            timer.start_soon(_keep_deadline, job, parts, stop)
            job = await _next(job, parts, stop)
            timer.cancel_scope.cancel()
        job = await save_stage(job, parts)
    return job


async def save_stage(job: TrainingJob, parts: TrainingParts) -> TrainingJob:
    """What a stage came to; with the end of a job, what becomes of its instances."""
    if job.is_final:
        asked = await parts.store.get(job.key) or job
        job = settle(asked.advance(job.progress), parts.clock.now())
    await parts.store.save_progress(job)
    return job


async def _next(job: TrainingJob, parts: TrainingParts, stop: StopSignal) -> TrainingJob:
    stages: dict[SecondaryStatus, Stage] = {
        S.STARTING: prepare_instances,
        S.PENDING: prepare_instances,
        S.DOWNLOADING: download,
        S.TRAINING: train,
        S.INTERRUPTED: await_instances,
        S.STOPPING: finish_stop,
        S.UPLOADING: upload,
    }
    try:
        return await stages[job.progress.secondary_status](job, parts, stop)
    except (JobFailure, ExceptionGroup) as error:
        fault = innermost(error)
        if not isinstance(fault, JobFailure):
            raise
        # What the stage saved before it failed, such as an earlier verdict, counts.
        return await fail_or_retry(await parts.store.get(job.key) or job, fault.reason, parts)


async def prepare_instances(job: TrainingJob, parts: TrainingParts, stop: StopSignal) -> TrainingJob:
    if stop.reason is not None:
        return begin_stop(job, stop.reason, parts)
    stop.begin_run()
    preparing = job.advance(job.progress.say(Message.PREPARING, parts.clock.now()))
    await parts.store.save_progress(preparing)
    await _remove_former_run(job, parts)
    return preparing.advance(preparing.progress.begin_run(Message.DOWNLOADING, parts.clock.now()))


async def _remove_former_run(job: TrainingJob, parts: TrainingParts) -> None:
    former = former_cluster_name(job)
    if former is not None:
        await parts.compute.destroy(former)
        await blocking(parts.disk, shutil.rmtree, parts.work_root / former, ignore_errors=True)


async def download(job: TrainingJob, parts: TrainingParts, stop: StopSignal) -> TrainingJob:
    """Input data and, meanwhile, network and image."""
    cluster = await job_cluster(job, parts)
    images: list[ResolvedImage] = []
    with stop.interrupts():
        async with anyio.create_task_group() as preparation:
            preparation.start_soon(parts.compute.prepare, cluster)
            preparation.start_soon(_fetch_image, job, parts, images)
            job = await _stage(job, parts)
            await parts.store.save_progress(job)
    if stop.reason is not None:
        return begin_stop(job, stop.reason, parts)
    if stop.run_end is RunEnd.FAULT:
        raise internal_error(INJECTED)
    if stop.run_end is not None:
        return await leave_run(job, stop.run_end, parts)
    return job.advance(job.progress.enter(S.TRAINING, Message.TRAINING, parts.clock.now(), image=images[0]))


async def _stage(job: TrainingJob, parts: TrainingParts) -> TrainingJob:
    view = await fast_file_view(job, parts)
    keep = _download_of(job, parts)
    staging = Staging(job.request, parts.work_dir(job), parts.objects, parts.disk, keep, view)
    staged = await stage_input(staging)
    await stage_checkpoints(job, parts)
    facts = {**staged._asdict(), "fast_file": view}
    return job.advance(job.progress.say(Message.DOWNLOADING_IMAGE, parts.clock.now(), **facts))


def _download_of(job: TrainingJob, parts: TrainingParts) -> Download | None:
    pool = job.progress.pool
    return None if pool is None else keep_downloads(parts.objects, parts.work_root / pool, parts.disk)


async def await_instances(job: TrainingJob, parts: TrainingParts, stop: StopSignal) -> TrainingJob:
    """Interrupted: nothing runs until new spot instances come."""
    await _remove_former_run(job, parts)
    stop.begin_run()
    since = job.progress.transitions[-1].start_time
    with stop.interrupts():
        left = since + parts.interrupted_period - parts.clock.now()
        await anyio.sleep(max(0.0, left.total_seconds()))
    if stop.reason is not None:
        return begin_stop(job, stop.reason, parts)
    return job.advance(job.progress.enter(S.STARTING, Message.STARTING, parts.clock.now()))


async def _fetch_image(job: TrainingJob, parts: TrainingParts, images: list[ResolvedImage]) -> None:
    image = job.request.algorithm_specification.training_image or ""
    images.append(await parts.compute.fetch_image(image, EcrRegistry(job.key.account_id, job.key.region)))


async def finish_stop(job: TrainingJob, parts: TrainingParts, stop: StopSignal) -> TrainingJob:
    """End what runs; where nothing was launched there is nothing to upload either."""
    if job.progress.launched_at is not None:
        return await train(job, parts, stop)
    return end_stopped(job, parts)


async def upload(job: TrainingJob, parts: TrainingParts, stop: StopSignal) -> TrainingJob:
    """Both archives, also of a job that failed or was stopped; then the verdict that is on the row."""
    try:
        await finish_sync(job, parts)
        await upload_artifacts(job, parts)
    except JobFailure as failure:
        return fail(job, failure.reason, parts)
    progress, now = job.progress, parts.clock.now()
    if progress.failure_reason is not None:
        return fail(job, progress.failure_reason, parts)
    if progress.stop_reason is not None:
        return end_stopped(job, parts)
    if stop.reason is StopReason.USER:
        return job.advance(progress.finish(S.STOPPED, now, stop_reason=stop.reason))
    return job.advance(progress.finish(S.COMPLETED, now))


def begin_stop(job: TrainingJob, reason: StopReason, parts: TrainingParts) -> TrainingJob:
    now = parts.clock.now()
    return job.advance(job.progress.enter(S.STOPPING, Message.STOPPING, now, stop_reason=reason))


def end_stopped(job: TrainingJob, parts: TrainingParts) -> TrainingJob:
    reason = job.progress.stop_reason or StopReason.USER
    return job.advance(job.progress.finish(reason.verdict, parts.clock.now()))


def fail(job: TrainingJob, reason: str, parts: TrainingParts) -> TrainingJob:
    """Failed; what was found first stays the reason."""
    first = job.progress.failure_reason or reason
    return job.advance(job.progress.finish(S.FAILED, parts.clock.now(), failure_reason=first))


async def fail_or_retry(job: TrainingJob, reason: str, parts: TrainingParts) -> TrainingJob:
    """RetryStrategy forgives internal errors, as long as there is no other verdict (API RetryStrategy).

    So does a spot interruption that is under way: those instances are lost anyway.
    """
    progress, strategy = job.progress, job.request.retry_strategy
    verdicts = (progress.failure_reason, progress.stop_reason, job.stop_requested_at)
    is_open = progress.secondary_status in (S.DOWNLOADING, S.TRAINING) and verdicts == (None, None, None)
    attempts = strategy.maximum_retry_attempts if strategy else 0
    if reason.startswith(INTERNAL) and is_open and progress.run_end is not None:
        return await leave_run(job, progress.run_end, parts)
    if reason.startswith(INTERNAL) and is_open and progress.retries < attempts:
        return await leave_run(job, RunEnd.FAULT, parts)
    return fail(job, reason, parts)


async def clean_up(job: TrainingJob, parts: TrainingParts) -> None:
    """Remove containers, volumes, network and staged input of a finished job."""
    await _remove_former_run(job, parts)
    await parts.compute.destroy(cluster_name(job))
    await blocking(parts.disk, shutil.rmtree, parts.work_dir(job), ignore_errors=True)
    if job.progress.pool is not None and not job.progress.has_warm_pool:
        await remove_pool(job.progress.pool, parts)


async def _keep_deadline(job: TrainingJob, parts: TrainingParts, stop: StopSignal) -> None:
    now = parts.clock.now()
    deadline = next_deadline(job, now, parts.time_scale)
    if deadline is not None:
        await anyio.sleep(max(0.0, (deadline.time - now).total_seconds()))
        stop.request(deadline.reason)
