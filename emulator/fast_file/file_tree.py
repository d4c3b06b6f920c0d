"""Pure: the directories that a channel's files make up.

Paths are bytes relative to the mount, as the kernel has them: `/` is the channel's directory, `/a/b.csv` a file.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath

from emulator.domain.s3_object import S3Object

ROOT = b"/"

Folder = dict[bytes, bool]
"""Name -> whether it is a directory, in the order of the files."""

Node = S3Object | Folder


class FileTree:
    """Immutable, so any thread may read it."""

    def __init__(self, files: Mapping[PurePosixPath, S3Object]) -> None:
        """`files`: relative paths without `..`. Raises ValueError where one is the folder of another."""
        folders: dict[bytes, Folder] = {ROOT: {}}
        self._nodes: dict[bytes, Node] = {}
        for path, source in files.items():
            parent = ROOT
            for name in path.parts[:-1]:
                parent = _enter(folders, parent, name)
            folders[parent][_encode(path.name)] = False
            self._nodes[_join(parent, path.name)] = source
        clash = next((path for path in folders if path in self._nodes), None)
        if clash is not None:
            raise ValueError(f"{clash!r} is a file and a folder")
        self._nodes.update(folders)

    def find(self, path: bytes) -> Node | None:
        return self._nodes.get(path)


def _enter(folders: dict[bytes, Folder], parent: bytes, name: str) -> bytes:
    """The path of the folder `name` in `parent`, which is made where it is missing."""
    path = _join(parent, name)
    if path not in folders:
        folders[path] = {}
        folders[parent][_encode(name)] = True
    return path


def _join(parent: bytes, name: str) -> bytes:
    return (b"" if parent == ROOT else parent) + b"/" + _encode(name)


def _encode(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
