"""Paths as the Engine's machine knows them.

Where the emulator runs in a container itself, its data directory is a mount whose source lies elsewhere.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from docker import APIClient
from docker.errors import APIError

_OWN_ID = re.compile(r"/containers/([0-9a-f]{64})/(?:hostname|hosts|resolv\.conf) /etc/")


class EnginePaths:
    def __init__(self, mounts: Sequence[tuple[PurePosixPath, PurePosixPath]] = ()) -> None:
        """`mounts`: (directory here, the same directory on the Engine's machine); none outside a container."""
        self._mounts = sorted(mounts, key=lambda mount: len(mount[0].parts), reverse=True)

    def translate(self, path: Path) -> str:
        """The path on the Engine's machine; unchanged where no mount holds it."""
        for here, there in self._mounts:
            if path.is_relative_to(here):
                return str(there / path.relative_to(here))
        return str(path)


def is_local_engine(base_url: str) -> bool:
    """Whether the Engine at this address runs on our kernel: one behind a socket of this machine, on Linux."""
    return base_url.startswith(("unix://", "http+unix://", "http+docker://")) and sys.platform == "linux"


def find_own_container(mountinfo: str) -> str | None:
    """Id of the container that this process is in, if any.

    `mountinfo` is the text of /proc/self/mountinfo: the Engine mounts files of its own into /etc, from a directory
    that is named after the container. Outside, there are mounts below such directories as well: the shared memory of
    every container that runs.
    """
    own_id = _OWN_ID.search(mountinfo)
    return own_id[1] if own_id else None


def find_engine_paths(api: APIClient, own_container: str | None) -> EnginePaths:
    """Ask the Engine for the mounts of this process's own container."""
    if own_container is None:
        return EnginePaths()
    try:
        container: dict[str, Any] = api.inspect_container(own_container)
    except APIError:
        return EnginePaths()
    mounts = container["Mounts"]
    return EnginePaths([(PurePosixPath(m["Destination"]), PurePosixPath(m["Source"])) for m in mounts])
