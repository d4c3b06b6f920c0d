"""Files of a container, copied to the emulator's disk before S3 sets the pace.

The Engine holds the container while it streams (compute/backend.py), so a slow upload would keep a signal waiting.
"""

import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from typing import BinaryIO, NamedTuple

from emulator.domain.cluster import FileState
from emulator.training.model_artifacts import ChunkReader

CHUNK = 2**20
_HOLE = bytes(CHUNK)

Archive = Callable[[str], AbstractContextManager[Iterator[bytes] | None]]
"""Path below the directory, `.` for all of it -> its tar stream, None where there is nothing."""


class Slice(NamedTuple):
    offset: int
    size: int


def spool(archive: Archive, wanted: Mapping[str, FileState], file: BinaryIO) -> dict[str, Slice]:
    """For a worker thread: append the wanted files to `file`. Tells where each is.

    Those that changed or vanished meanwhile are left out.
    """
    slices: dict[str, Slice] = {}
    if len(wanted) > 1:
        with archive(".") as stream:
            _take(stream, lambda name: name.removeprefix("./"), wanted, file, slices)
    for path in wanted.keys() - slices.keys():
        with archive(path) as stream:
            _take(stream, lambda _name, path=path: path, wanted, file, slices)  # type: ignore[misc]
    file.flush()
    return slices


def _take(
    stream: Iterator[bytes] | None,
    path_of: Callable[[str], str],
    wanted: Mapping[str, FileState],
    file: BinaryIO,
    slices: dict[str, Slice],
) -> None:
    # A file that shrinks while the Engine reads it ends the stream too early.
    with suppress(tarfile.ReadError):
        if stream is None:
            return
        with tarfile.open(fileobj=ChunkReader(stream), mode="r|") as tar:
            for member in tar:
                path = path_of(member.name)
                if member.isreg() and wanted.get(path) == FileState(member.size, int(member.mtime)):
                    content = tar.extractfile(member)
                    assert content is not None
                    slices[path] = _append(content, member.size, file)


def _append(content: object, size: int, file: BinaryIO) -> Slice:
    """Zeros become a hole: in the container they may have been one, which takes nothing of its volume."""
    offset = file.tell()
    while chunk := content.read(CHUNK):  # type: ignore[attr-defined]
        if chunk == _HOLE:
            file.seek(CHUNK, os.SEEK_CUR)
        else:
            file.write(chunk)
    if file.tell() - offset != size:
        raise tarfile.ReadError("the stream ended within a file")
    file.truncate()
    return Slice(offset, size)


def read_slice(file: BinaryIO, part: Slice) -> Iterator[bytes]:
    """Its bytes; several threads may read at once."""
    position, end = part.offset, part.offset + part.size
    while position < end:
        chunk = os.pread(file.fileno(), min(CHUNK, end - position), position)
        position += len(chunk)
        yield chunk
