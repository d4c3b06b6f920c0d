"""Can this process make a FUSE mount that the Docker Engine, and so a container, can read?"""

import importlib
import os
import shutil
import stat
from collections.abc import Sequence
from ctypes.util import find_library
from functools import cache
from pathlib import Path
from types import ModuleType

from emulator.fast_file.faults import FastFileError
from emulator.fast_file.mount_table import MountPoint, read_mount_table

DEVICE = Path("/dev/fuse")
FUSE_CONF = Path("/etc/fuse.conf")
PROCESS_STATUS = Path("/proc/self/status")
MOUNTED_IN_CONTAINERS = frozenset({Path("/etc/hosts"), Path("/etc/hostname"), Path("/etc/resolv.conf")})
"""Every container engine mounts files of its own there."""
_CAP_SYS_ADMIN = 21

INSTALL = "install it (Debian and Ubuntu: apt-get install fuse3)"


@cache
def availability(directory: Path) -> str | None:
    """None where mounts below `directory` will work; else one sentence that says what to do.

    Nothing is mounted. The first call loads libfuse (some 10 ms, longer where it is missing), so make it in a worker
    thread; the answer stays for the life of the process.
    """
    if not DEVICE.exists():
        return (
            "there is no /dev/fuse: load the kernel's module fuse, or give it to the emulator's container "
            "(--device /dev/fuse --cap-add SYS_ADMIN)."
        )
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return f"this process may not open {DEVICE}: give it leave to (chmod 666 is the usual mode)."
    try:
        load_session()
    except FastFileError as error:
        return str(error)
    return why_not_mounted(PROCESS_STATUS.read_text()) or why_not_seen(
        Path(os.path.realpath(directory)), read_mount_table()
    )


@cache
def load_session() -> tuple[ModuleType, ModuleType]:
    """The modules `callbacks` and `session` of this package, whose import needs libfuse. Raises FastFileError."""
    library = find_library("fuse3")
    if library is None:
        raise FastFileError(f"libfuse 3 is missing: {INSTALL}.")
    # mfusepy would take libfuse 2 where both are installed. The variable stays: other threads may be going through all
    # of them, and one that vanishes meanwhile is an error there.
    os.environ["FUSE_LIBRARY_PATH"] = library
    try:
        return _import("callbacks"), _import("session")
    except (ImportError, OSError, AttributeError) as error:
        raise FastFileError(f"libfuse 3 can't be used ({error}): {INSTALL}.") from error


def _import(name: str) -> ModuleType:
    return importlib.import_module(f"emulator.fast_file.{name}")


def why_not_mounted(status: str) -> str | None:
    """`status`: the text of /proc/self/status."""
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    if int(fields.get("CapEff", "0"), 16) >> _CAP_SYS_ADMIN & 1:
        return None
    helper = shutil.which("fusermount3")
    if helper is None:
        return f"fusermount3, which mounts for ordinary users, is missing: {INSTALL}."
    if int(fields.get("NoNewPrivs", "0")) or not Path(helper).stat().st_mode & stat.S_ISUID:
        return "fusermount3 may not become root here, and the emulator is not root."
    if not allows_others(FUSE_CONF.read_text() if FUSE_CONF.exists() else ""):
        return "only root may read an ordinary user's mount: add the line user_allow_other to /etc/fuse.conf."
    return None


def allows_others(fuse_conf: str) -> bool:
    return any(line.split("#")[0].strip() == "user_allow_other" for line in fuse_conf.splitlines())


def why_not_seen(directory: Path, mounts: Sequence[MountPoint]) -> str | None:
    """In a container our mounts are our own, unless the volume that they lie in hands them on to the machine."""
    if MOUNTED_IN_CONTAINERS.isdisjoint(mount.path for mount in mounts):
        return None
    holding = [mount for mount in mounts if directory.is_relative_to(mount.path)]
    if holding and max(holding, key=lambda mount: len(mount.path.parts)).is_shared:
        return None
    return (
        "the emulator runs in a container, and the Docker Engine does not see what is mounted there: "
        "bind-mount the data directory with propagation rshared."
    )
