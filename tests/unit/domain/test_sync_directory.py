import pytest

from emulator.domain.s3_uri import S3Uri
from emulator.domain.sync_directory import SyncDirectory, SyncKind, normal_path, sync_directories
from tests.support.builders import a_request, read_request


@pytest.mark.parametrize(
    ("given", "path"),
    [("/state/", "/state"), ("/state", "/state"), ("//state//./x/", "/state/x"), ("/ü b", "/ü b")],
)
def test_normal_path_has_one_form(given: str, path: str) -> None:
    assert normal_path(given) == path


@pytest.mark.parametrize("given", ["state", "", "./x", "/a/../b", "/a/.."])
def test_normal_path_refuses_what_is_not_absolute(given: str) -> None:
    with pytest.raises(ValueError, match="is not an absolute path"):
        normal_path(given)


def test_directories_of_a_request_with_their_defaults() -> None:
    request = read_request(
        a_request(
            CheckpointConfig={"S3Uri": "s3://b/ckpt/"},
            TensorBoardOutputConfig={"S3OutputPath": "s3://b/board/"},
            DebugHookConfig={"S3OutputPath": "s3://b", "LocalPath": "/tensors/"},
        )
    )
    assert sync_directories(request) == (
        SyncDirectory(SyncKind.CHECKPOINTS, "/opt/ml/checkpoints", S3Uri("b", "ckpt/")),
        SyncDirectory(
            SyncKind.TENSOR_BOARD,
            "/opt/ml/output/tensorboard",
            S3Uri("b", "board/Train-1/tensorboard-output"),
        ),
        SyncDirectory(SyncKind.DEBUG, "/tensors", S3Uri("b", "Train-1/debug-output")),
    )
    assert sync_directories(request)[0].folder.join("a/b") == S3Uri("b", "ckpt/a/b")
    assert sync_directories(read_request(a_request())) == ()
