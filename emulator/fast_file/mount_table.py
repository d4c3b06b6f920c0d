"""The kernel's table of mounts: what is mounted below a directory, and how to take it away.

Source of the format: proc(5), /proc/pid/mountinfo.
"""

import ctypes
import errno
import logging
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)

KIND = "sagemaker-fast-file"
"""The subtype of our mounts: the table shows them as `fuse.sagemaker-fast-file`."""
MOUNT_TABLE = Path("/proc/self/mountinfo")
_MNT_FORCE = 1
"""Also ends the connection, whoever else holds the device: a forked process of ours, for instance."""
_MNT_DETACH = 2
_ESCAPE = re.compile(rb"\\([0-7]{3})")


class MountPoint(NamedTuple):
    path: Path
    kind: str
    """Of file system, such as `ext4` or `fuse.sshfs`."""
    is_shared: bool
    """What is mounted below it appears in other mount namespaces, too."""


def read_mount_table(table: Path = MOUNT_TABLE) -> list[MountPoint]:
    """In the order of mounting; empty where the system has no such table."""
    with suppress(FileNotFoundError):
        return list(parse_mount_table(table.read_bytes()))
    return []


def parse_mount_table(text: bytes) -> Iterator[MountPoint]:
    for line in text.splitlines():
        own, _, file_system = line.partition(b" - ")
        fields = own.split(b" ")
        path = _ESCAPE.sub(lambda octal: bytes([int(octal[1], 8)]), fields[4])
        is_shared = any(option.startswith(b"shared:") for option in fields[6:])
        yield MountPoint(Path(os.fsdecode(path)), file_system.split(b" ")[0].decode(), is_shared)


def remove_dead_mounts(root: Path) -> list[Path]:
    """Take away every mount of ours at or below `root`, and return where they were, the last one first.

    For the start of the emulator, when they can only be those of a former process: they answer nothing, and so
    nobody could remove the directory. A container that still looks at one goes on getting ENOTCONN.
    """
    below = Path(os.path.realpath(root))
    ours = [mount.path for mount in read_mount_table() if mount.kind == f"fuse.{KIND}"]
    found = [path for path in reversed(ours) if path.is_relative_to(below)]
    for path in found:
        detach(path)
        log.info("Took away the FastFile mount that a former process left at %s.", path)
    return found


def detach(path: Path) -> None:
    """Take the mount at `path` away at once, also where somebody uses it; nothing where there is none.

    Raises OSError where it can't be taken away.
    """
    fault = _unmount(path, _MNT_FORCE | _MNT_DETACH)
    if fault == errno.EPERM:
        fault = _unmount(path, _MNT_DETACH)
    if fault == errno.EPERM:
        command = ["fusermount3", "-u", "-z", "-q", "--", str(path)]
        fault = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode and fault
    if fault not in (0, errno.EINVAL, errno.ENOENT):
        raise OSError(fault, os.strerror(fault), str(path))


def _unmount(path: Path, flags: int) -> int:
    """Returns errno, or 0."""
    libc = ctypes.CDLL(None, use_errno=True)
    return 0 if libc.umount2(os.fsencode(path), flags) == 0 else ctypes.get_errno()
