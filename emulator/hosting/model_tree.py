"""The directory that an untrusted archive is unpacked into: nothing that is written leaves it.

Nobody else writes below the root meanwhile. Then two rules are enough: nothing is written through a symbolic link,
and `..` stands only at the beginning of a link's target, at most as often as the link is deep. So every link leads
to a place inside, also by way of other links, in whatever order they come.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

FILE_MODE = 0o644
EXECUTABLE = 0o111
DIRECTORY_MODE = 0o755
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

Parts = tuple[str, ...]
"""The names on the way from the root."""


class UnsafeMember(ValueError):  # noqa: N818 - the archive is at fault
    """The text says what is wrong with the member, without its name: "is a device"."""


class ModelTree:
    """For a worker thread. A path that comes again replaces the file or link that is there, as tar does.

    Every method takes names as an archive has them, relative, and raises UnsafeMember, or OSError.
    """

    def __init__(self, root: Path) -> None:
        """`root` is an empty directory."""
        self._root = root
        self._directories: set[Parts] = {()}
        root.chmod(DIRECTORY_MODE)

    def add_directory(self, name: str) -> None:
        self._make_directory(parts_of(name))

    def add_file(self, name: str, content: Iterable[bytes], is_executable: bool) -> None:
        """Owner, times, setuid bits and the like are not taken over."""
        path = self._free_place(parts_of(name))
        descriptor = os.open(path, NEW_FILE, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for chunk in content:
                file.write(chunk)
            os.fchmod(descriptor, FILE_MODE | (EXECUTABLE if is_executable else 0))

    def add_symbolic_link(self, name: str, target: str) -> None:
        parts = parts_of(name)
        _check_target(len(parts) - 1, target)
        os.symlink(target, self._free_place(parts))

    def add_hard_link(self, name: str, target: str) -> None:
        """`target` is a file that came before, by its name in the archive."""
        source_parts, parts = parts_of(target), parts_of(name)
        source = self._path(source_parts)
        if source_parts[:-1] not in self._directories or not _is_file(source):
            raise UnsafeMember(f"is a hard link to {target!r}, which is no file that came before it")
        if source_parts != parts:
            os.link(source, self._free_place(parts), follow_symlinks=False)

    def _free_place(self, parts: Parts) -> Path:
        if not parts:
            raise UnsafeMember("has the name of the directory itself")
        self._make_directory(parts[:-1])
        path = self._path(parts)
        if parts in self._directories:
            raise UnsafeMember("has the name of a directory that came before it")
        path.unlink(missing_ok=True)
        return path

    def _make_directory(self, parts: Parts) -> None:
        if parts in self._directories:
            return
        self._make_directory(parts[:-1])
        path = self._path(parts)
        if os.path.lexists(path):
            raise UnsafeMember(f"needs {'/'.join(parts)!r} as a directory, which came as a file or a link")
        path.mkdir()
        path.chmod(DIRECTORY_MODE)
        self._directories.add(parts)

    def _path(self, parts: Parts) -> Path:
        return self._root.joinpath(*parts)


def parts_of(name: str) -> Parts:
    """Raises UnsafeMember where the name is not one inside."""
    if name.startswith("/"):
        raise UnsafeMember("has an absolute name")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise UnsafeMember("has '..' in its name")
    if "\0" in name or len(parts) > MAX_DEPTH:
        raise UnsafeMember("has a name that no file can have")
    return parts


MAX_DEPTH = 200
"""Names in a path; the system's limit is 4096 bytes."""


def _check_target(depth: int, target: str) -> None:
    """`depth`: directories between the root and the link."""
    parts = [part for part in target.split("/") if part not in ("", ".")]
    up = next((n for n, part in enumerate(parts) if part != ".."), len(parts))
    if target.startswith("/") or up > depth or ".." in parts[up:]:
        raise UnsafeMember(f"is a link to {target!r}, which may be outside of the archive")
    if not target or "\0" in target:
        raise UnsafeMember("is a link to nothing")


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False
