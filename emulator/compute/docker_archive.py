"""Tar streams to and from the Engine."""

import io
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

CHUNK = 2**20


def pack_files(directories: Iterable[str], files: Mapping[str, str]) -> bytes:
    """A tar for `/` with the directories (0755) and texts (0644), all owned by root."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for directory in directories:
            tar.addfile(_directory(directory.lstrip("/")))
        for path, text in files.items():
            data = text.encode()
            tar.addfile(_file(path.lstrip("/"), len(data)), io.BytesIO(data))
    return buffer.getvalue()


def stream_trees(layers: Iterable[Path], target: str = "/") -> Iterator[bytes]:
    """A tar for `/` of what the directory `target` shall hold: the merged trees, root-owned, read file by file."""
    root = PurePosixPath(target.lstrip("/"))
    for layer in layers:
        for path in sorted(layer.rglob("*")):
            name = str(root / path.relative_to(layer).as_posix())
            if path.is_dir():
                yield _header(_directory(name))
            else:
                yield from _stream_file(path, name)
    yield bytes(2 * tarfile.BLOCKSIZE)


def stream_copy(source: Path | None, target: str, mtime: int, replaces: bool) -> Iterator[bytes]:
    """A tar for `/` that makes the absolute directory `target`, with the tree in it; all root-owned.

    `replaces`: a file of that name comes first. The Engine then removes what is there, whole, and then the file for
    the directory.
    """
    root = target.lstrip("/")
    if replaces:
        yield _header(_file(root, 0))
    yield _header(_directory(root))
    paths = sorted(source.rglob("*")) if source else ()
    for path in paths:
        name = f"{root}/{os.path.relpath(path, source)}"
        if path.is_dir():
            yield _header(_directory(name))
        else:
            yield from _stream_file(path, name, mtime)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _stream_file(path: Path, name: str, mtime: int = 0) -> Iterator[bytes]:
    info = _file(name, path.stat().st_size)
    size, info.mtime = info.size, mtime
    yield _header(info)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
    yield bytes(-size % tarfile.BLOCKSIZE)


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape")


def _directory(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    return info


def _file(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info
