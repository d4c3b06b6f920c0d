from pathlib import Path
from typing import Any

import pytest

from emulator.domain.channel import Channel
from emulator.domain.cluster import Mount
from emulator.domain.failure_reason import JobFailure
from emulator.training.file_system_channel import file_system_mount
from tests.support.builders import a_channel

NAME = "fs-0123456789"


def a_file_system_channel(**source: Any) -> Channel:
    members = {
        "FileSystemId": NAME,
        "FileSystemType": "EFS",
        "FileSystemAccessMode": "ro",
        "DirectoryPath": "/data",
    }
    return Channel.model_validate(
        {"ChannelName": "train", "DataSource": {"FileSystemDataSource": {**members, **source}}}
    )


@pytest.mark.parametrize(("access_mode", "read_only"), [("ro", True), ("rw", False)])
def test_file_system_mount_is_at_the_channel_s_path(
    tmp_path: Path, access_mode: str, read_only: bool
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    channel = a_file_system_channel(FileSystemAccessMode=access_mode, DirectoryPath="/link")

    mount = file_system_mount(channel, {NAME: tmp_path})

    assert mount == Mount(str(tmp_path / "data"), "/opt/ml/input/data/train", read_only)


def test_file_system_mount_is_for_file_systems_alone(tmp_path: Path) -> None:
    assert file_system_mount(Channel.model_validate(a_channel()), {NAME: tmp_path}) is None


def test_file_system_mount_of_a_directory_that_is_gone_fails_the_job(tmp_path: Path) -> None:
    with pytest.raises(JobFailure) as failure:
        file_system_mount(a_file_system_channel(), {NAME: tmp_path})

    assert failure.value.reason == (
        "ClientError: Data download failed:channel train: "
        "the file system fs-0123456789 has no directory '/data' that can be read."
    )
