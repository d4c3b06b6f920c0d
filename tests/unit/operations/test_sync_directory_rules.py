from typing import Any

import pytest

from emulator.operations.sync_directory_rules import check_sync_directories

S3 = {"S3Uri": "s3://b/c"}
OUTPUT = {"S3OutputPath": "s3://b/c"}


def faults(**members: Any) -> list[str]:
    return [error.message for error in check_sync_directories(members)]


def test_defaults_and_directories_of_ones_own_are_fine() -> None:
    assert faults() == []
    assert faults(CheckpointConfig=S3, TensorBoardOutputConfig=OUTPUT, DebugHookConfig=OUTPUT) == []
    assert faults(CheckpointConfig={**S3, "LocalPath": "/state/"}) == []
    assert faults(CheckpointConfig={**S3, "LocalPath": "/opt/ml/input-2"}) == []


@pytest.mark.parametrize(
    "path",
    ["/", "/opt", "/opt/ml", "/opt/ml/input/data/x", "/opt/ml/model", "/opt/ml/output", "/dev/shm", "//proc"],
)
def test_directories_of_the_platform_are_refused(path: str) -> None:
    (first, *_) = faults(CheckpointConfig={**S3, "LocalPath": path})
    assert first.startswith(f"CheckpointConfig.LocalPath {path} overlaps with /")


@pytest.mark.parametrize("path", ["state", "/a/../b"])
def test_paths_that_are_not_absolute_are_refused(path: str) -> None:
    (fault,) = faults(TensorBoardOutputConfig={**OUTPUT, "LocalPath": path})
    assert fault == f"TensorBoardOutputConfig.LocalPath: {path!r} is not an absolute path without '..'."


def test_directories_that_overlap_with_each_other_are_refused() -> None:
    (fault,) = faults(
        CheckpointConfig={**S3, "LocalPath": "/state"},
        DebugHookConfig={**OUTPUT, "LocalPath": "/state/debug/"},
    )
    assert fault == (
        "DebugHookConfig.LocalPath /state/debug/ overlaps with /state, the LocalPath of CheckpointConfig. "
        "Choose another directory."
    )


def test_what_is_no_s3_uri_is_refused() -> None:
    (fault,) = faults(CheckpointConfig={"S3Uri": "http://b/c"})
    assert fault.startswith("CheckpointConfig.S3Uri: ")
