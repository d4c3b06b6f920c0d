"""Checkpoints of an earlier job or run, staged for every host before its container is made (DG model-checkpoints)."""

from pathlib import Path

from emulator.blocking import blocking
from emulator.domain.cluster import FileState
from emulator.domain.sync_directory import SyncDirectory
from emulator.domain.training_job import TrainingJob
from emulator.training.checkpoint_channel import NAME, checkpoint_channel, checkpoint_directory
from emulator.training.copied_trees import CHECKPOINTS, MANIFEST, STAGED, needs_manifest, restored_mtime
from emulator.training.host_sync import record_file, write_record
from emulator.training.input_data import Staging, stage_input
from emulator.training.input_layers import has_pipes, pipe_directory
from emulator.training.parts import TrainingParts


async def stage_checkpoints(job: TrainingJob, parts: TrainingParts) -> None:
    """After the input. All hosts get everything, and S3 counts as having it. Raises JobFailure."""
    directory = checkpoint_directory(job.request)
    if directory is None:
        return
    request = job.request.model_copy(update={"input_data_config": (checkpoint_channel(directory),)})
    work_dir = parts.work_dir(job)
    staging = Staging(request, work_dir / STAGED, parts.objects, parts.disk)
    await stage_input(staging)
    await blocking(parts.disk, _note_restored, job, directory, work_dir)
    await blocking(parts.disk, _place_manifest, job, work_dir)


def _note_restored(job: TrainingJob, directory: SyncDirectory, work_dir: Path) -> None:
    root, mtime = work_dir / CHECKPOINTS, restored_mtime(job)
    files = [path for path in root.rglob("*") if path.is_file()]
    restored = {path.relative_to(root).as_posix(): FileState(path.stat().st_size, mtime) for path in files}
    for host in job.request.resource_config.hosts():
        write_record(record_file(work_dir, directory, host.name), restored)


def _place_manifest(job: TrainingJob, work_dir: Path) -> None:
    """Where its tree is, and beside the FIFOs of a host whose /opt/ml/input/data is a directory of ours."""
    name = f"{NAME}-manifest"
    text = (work_dir / CHECKPOINTS).with_name(name).read_text(encoding="utf-8")
    hosts = [host.name for host in job.request.resource_config.hosts()]
    piped = [work_dir / pipe_directory(host) for host in hosts if has_pipes(job.request, host)]
    for folder in (work_dir / MANIFEST, *piped) if needs_manifest(job.request) else ():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
