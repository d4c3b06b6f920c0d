"""Pure: the directories of a container that are kept in step with S3 while it runs.

Sources: DG model-checkpoints, API CheckpointConfig, TensorBoardOutputConfig, DebugHookConfig; files of real jobs.
"""

from enum import StrEnum
from pathlib import PurePosixPath
from typing import NamedTuple

from emulator.domain.s3_uri import S3Uri
from emulator.domain.training_job import TrainingJobRequest


class SyncKind(StrEnum):
    """The values of TensorBoard and the debugger are folders of S3OutputPath/<job>."""

    CHECKPOINTS = "checkpoints"
    TENSOR_BOARD = "tensorboard-output"
    DEBUG = "debug-output"


class SyncDirectory(NamedTuple):
    kind: SyncKind
    local_path: str
    """Absolute directory in every host's container, without a slash at the end."""
    folder: S3Uri
    """A file's key is `folder.join(path)`, whatever its host: there are no folders of hosts."""

    @property
    def has_markers(self) -> bool:
        """Whether programs look for `<file>.sagemaker-uploaded` there."""
        return self.kind is not SyncKind.DEBUG


def sync_directories(request: TrainingJobRequest) -> tuple[SyncDirectory, ...]:
    found = []
    if request.checkpoint_config is not None:
        config = request.checkpoint_config
        found.append(
            SyncDirectory(SyncKind.CHECKPOINTS, normal_path(config.local_path), S3Uri.parse(config.s3_uri))
        )
    for kind, output in (
        (SyncKind.TENSOR_BOARD, request.tensor_board_output_config),
        (SyncKind.DEBUG, request.debug_hook_config),
    ):
        if output is not None:
            folder = output_folder(output.s3_output_path, request.training_job_name, kind)
            found.append(SyncDirectory(kind, normal_path(output.local_path), folder))
    return tuple(found)


def output_folder(s3_output_path: str, job_name: str, kind: SyncKind) -> S3Uri:
    """`<S3OutputPath>/<job>/tensorboard-output`, as real jobs have it; without a slash at the end."""
    return S3Uri.parse(s3_output_path).join(job_name, kind)


def normal_path(text: str) -> str:
    """The path without `.`, empty and final segments. Raises ValueError where it is not absolute or has `..`."""
    path = PurePosixPath(text)
    if not path.is_absolute() or ".." in path.parts or "\0" in text:
        raise ValueError(f"{text!r} is not an absolute path without '..'")
    return "/" + "/".join(path.parts[1:])
