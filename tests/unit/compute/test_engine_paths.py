from pathlib import Path, PurePosixPath
from typing import Any
from unittest.mock import Mock

from docker.errors import APIError

from emulator.compute.engine_paths import EnginePaths, find_engine_paths, find_own_container

OWN_ID = "0123456789abcdef" * 4
MOUNTINFO = (
    "612 604 0:53 / / rw,relatime - overlay overlay rw\n"
    f"630 612 254:1 /var/lib/docker/containers/{OWN_ID}/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda1 rw\n"
    f"631 612 254:1 /var/lib/docker/containers/{OWN_ID}/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n"
)


def engine(*mounts: tuple[str, str]) -> Any:
    """A Docker client that knows this process's own container."""
    api = Mock()
    told = [{"Destination": here, "Source": there} for here, there in mounts]
    api.inspect_container.return_value = {"Mounts": told}
    return api


def test_translate_outside_a_container_changes_nothing() -> None:
    assert EnginePaths().translate(Path("/data/work/x")) == "/data/work/x"


def test_translate_takes_the_longest_mount() -> None:
    mounts = [("/data", "/vol/outer"), ("/data/work", "/vol/inner"), ("/other", "/vol/other")]
    paths = EnginePaths([(PurePosixPath(here), PurePosixPath(there)) for here, there in mounts])

    assert paths.translate(Path("/data/work/job/a")) == "/vol/inner/job/a"
    assert paths.translate(Path("/data/work")) == "/vol/inner"
    assert paths.translate(Path("/data/workshop")) == "/vol/outer/workshop"
    assert paths.translate(Path("/database/x")) == "/database/x"


def test_find_engine_paths_asks_for_the_container_that_mountinfo_names() -> None:
    api = engine(("/data", "/var/lib/docker/volumes/emulator/_data"))

    paths = find_engine_paths(api, find_own_container(MOUNTINFO))

    api.inspect_container.assert_called_once_with(OWN_ID)
    assert paths.translate(Path("/data/work")) == "/var/lib/docker/volumes/emulator/_data/work"


def test_find_engine_paths_outside_a_container_asks_nobody() -> None:
    api = engine(("/data", "/elsewhere"))

    paths = find_engine_paths(api, find_own_container("21 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw\n"))

    api.inspect_container.assert_not_called()
    assert paths.translate(Path("/data")) == "/data"


def test_find_engine_paths_of_a_container_of_another_engine() -> None:
    api = engine()
    api.inspect_container.side_effect = APIError("No such container")

    assert find_engine_paths(api, find_own_container(MOUNTINFO)).translate(Path("/data")) == "/data"


def test_find_own_container_takes_no_container_of_the_engines_machine_for_its_own() -> None:
    other = f"0:71 / /var/lib/docker/containers/{OWN_ID}/mounts/shm rw,nosuid - tmpfs shm rw,size=65536k\n"
    assert find_own_container(f"26 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw\n812 26 {other}") is None
