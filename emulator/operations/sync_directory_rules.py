"""Rules on CheckpointConfig, TensorBoardOutputConfig and DebugHookConfig. The texts are ours."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from emulator.domain.errors import ServiceError, validation_error
from emulator.domain.sync_directory import normal_path
from emulator.domain.training_job import CheckpointConfig, DebugHookConfig, TensorBoardOutputConfig
from emulator.operations.rule import Document, s3_uri_rule

MEMBERS = (
    ("CheckpointConfig", "S3Uri", CheckpointConfig),
    ("TensorBoardOutputConfig", "S3OutputPath", TensorBoardOutputConfig),
    ("DebugHookConfig", "S3OutputPath", DebugHookConfig),
)
OF_THE_PLATFORM = ("/opt/ml/input", "/opt/ml/model", "/opt/ml/output/data", "/dev", "/proc", "/sys")
"""Neither inside nor around these: they are mounts of their own, and SageMaker's or the kernel's."""


def check_sync_directories(document: Document) -> Iterator[ServiceError]:
    taken = dict.fromkeys(OF_THE_PLATFORM, "a directory of the platform")
    for member, location, config in MEMBERS:
        given = document.get(member)
        if given is None:
            continue
        yield from s3_uri_rule(given[location], f"{member}.{location}")
        text = given.get("LocalPath", config.model_fields["local_path"].default)
        try:
            path = normal_path(text)
        except ValueError as error:
            yield validation_error(f"{member}.LocalPath: {error}.")
            continue
        for other, whose in taken.items():
            if _overlap(path, other):
                yield validation_error(
                    f"{member}.LocalPath {text} overlaps with {other}, {whose}. Choose another directory."
                )
        taken[path] = f"the LocalPath of {member}"


def _overlap(one: str, other: str) -> bool:
    return PurePosixPath(one).is_relative_to(other) or PurePosixPath(other).is_relative_to(one)
