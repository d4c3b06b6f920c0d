"""Checkpoints, TensorBoard's and the debugger's output: in S3 while the job runs, and whole in the end.

All hosts write to the same folder, as on SageMaker; on a clash of names the later upload stays.
"""

import logging
from collections.abc import Awaitable, Callable

import anyio

from emulator.blocking import blocking
from emulator.domain.failure_reason import JobFailure, artifact_upload_failed
from emulator.domain.s3_fault import S3Fault
from emulator.domain.sync_directory import SyncDirectory, SyncKind, sync_directories
from emulator.domain.training_job import TrainingJob
from emulator.training.host_sync import HostSync
from emulator.training.parts import TrainingParts
from emulator.training.plan import cluster_name
from emulator.training.volume import VolumeOutgrownError, volume_sizes

log = logging.getLogger(__name__)

PERIOD = 2.0
"""Seconds between two looks. A file's time has whole seconds, so it must be more than one."""
LONGEST_PERIOD = 10.0
"""Seconds, where nothing changes."""
GROWTH = 1.5
SHARE = 0.1
"""Most of the time that may be spent looking: the Engine holds the container meanwhile."""


async def sync_until(
    over: Callable[[], Awaitable[None]],
    on_outgrown: Callable[[str], None],
    job: TrainingJob,
    parts: TrainingParts,
) -> None:
    """Keep S3 up to date until `over` returns.

    A look that fails is logged; a later one or `finish_sync` makes up for it. `on_outgrown` gets the reason where a
    host says that it has more than its volume.
    """
    if not sync_directories(job.request):
        return
    async with anyio.create_task_group() as tasks:
        for directory, sync in _all(job, parts):
            tasks.start_soon(_keep_looking, sync, on_outgrown, f"{job.key.name}: {directory.local_path}")
        await over()
        tasks.cancel_scope.cancel()


async def finish_sync(job: TrainingJob, parts: TrainingParts) -> None:
    """After the containers ended: all that they left. May be entered again. Raises JobFailure."""
    for directory, sync in _all(job, parts):
        try:
            await sync.look(is_final=True)
            if directory.kind is SyncKind.DEBUG and await sync.has_synced():
                await blocking(parts.syncs, _write_end_of_job, directory, parts)
        except S3Fault as fault:
            raise artifact_upload_failed(f"{fault} ({directory.folder})") from fault


def _all(job: TrainingJob, parts: TrainingParts) -> list[tuple[SyncDirectory, HostSync]]:
    cluster = cluster_name(job)
    volumes = volume_sizes(job.request.resource_config).items()
    directories = sync_directories(job.request)
    return [
        (each, HostSync(each, cluster, host, volume, parts))
        for each in directories
        for host, volume in volumes
    ]


async def _keep_looking(sync: HostSync, on_outgrown: Callable[[str], None], what: str) -> None:
    period = PERIOD
    while True:
        began = anyio.current_time()
        try:
            is_busy = await sync.look()
        except VolumeOutgrownError as failure:
            on_outgrown(failure.reason)
            return
        except JobFailure:
            return  # the container is gone: its watcher tells
        except Exception as error:
            log.warning("%s could not be synchronised now: %s", what, error)
            is_busy = False
        period = PERIOD if is_busy else min(period * GROWTH, LONGEST_PERIOD)
        await anyio.sleep(max(period, (anyio.current_time() - began) / SHARE))


def _write_end_of_job(directory: SyncDirectory, parts: TrainingParts) -> None:
    """The empty object after which the debugger's readers wait for nothing more."""
    with parts.objects.writer(directory.folder.join("training_job_end.ts")):
        pass
