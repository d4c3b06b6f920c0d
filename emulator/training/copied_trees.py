"""Pure: which staged files a host's container gets as its own: restored checkpoints and their manifest."""

from emulator.domain.cluster import CopiedTree
from emulator.domain.sync_directory import SyncDirectory, SyncKind, sync_directories
from emulator.domain.training_job import TrainingJob, TrainingJobRequest
from emulator.training.checkpoint_channel import NAME, checkpoint_directory
from emulator.training.input_layers import DATA, has_pipes

STAGED = "checkpoints"
"""Below the job's work directory; laid out as a channel's."""
CHECKPOINTS = f"{STAGED}/shared/data/{NAME}"
MANIFEST = f"{STAGED}/manifest"


def copied_trees(job: TrainingJob, host: str) -> tuple[CopiedTree, ...]:
    """The directories that exist at the start; the debugger's library makes its own."""
    time, request = restored_mtime(job), job.request
    trees = [
        CopiedTree(each.local_path, _source(each), time)
        for each in sync_directories(request)
        if each.kind is not SyncKind.DEBUG
    ]
    if needs_manifest(request) and not has_pipes(request, host):
        trees.append(CopiedTree(DATA, MANIFEST, time, replaces=False))
    return tuple(trees)


def needs_manifest(request: TrainingJobRequest) -> bool:
    """`checkpoints-manifest`, unless a channel has the name."""
    names = {channel.channel_name for channel in request.input_data_config}
    return checkpoint_directory(request) is not None and not names & {NAME, f"{NAME}-manifest"}


def restored_mtime(job: TrainingJob) -> int:
    """Of restored files: before anything that the container writes, so that no change of it goes unseen."""
    start = job.progress.training_start_time or job.creation_time
    return int(start.timestamp()) - 1


def _source(directory: SyncDirectory) -> str | None:
    return CHECKPOINTS if directory.kind is SyncKind.CHECKPOINTS else None
