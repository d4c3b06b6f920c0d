"""Artifacts: /opt/ml/model and /opt/ml/output/data of all hosts, merged into one tar.gz each, streamed to S3.

A path that several hosts wrote is taken from the host with the highest number, since the others' would be
overwritten by it. Sources: DG your-algorithms-training-algo-output; docs/fidelity.md for what is our choice.
"""

import io
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from copy import copy
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple

from isal import igzip

from emulator.domain.failure_reason import artifact_upload_failed
from emulator.domain.s3_fault import S3Fault
from emulator.training.volume import require_declared

Archive = Callable[[str], AbstractContextManager[Iterator[bytes] | None]]
"""Host -> the tar stream of the directory on that host, None where there is none."""


Volumes = Mapping[str, int]
"""Bytes of storage by host, of all hosts in their order."""


class Member(NamedTuple):
    """One entry of the merged directories."""

    host: str
    info: tarfile.TarInfo
    content: BinaryIO | None
    """Of a regular file; to be read before the next member is asked for."""
    is_cut_off: bool
    """A hard link whose file is not among the members, as another host wrote that path too."""


COMPRESSION_LEVEL = 1
"""Of 0 to 3; the higher ones cost time and save little."""


def upload_archive(volumes: Volumes, archive: Archive, writer: AbstractContextManager[BinaryIO]) -> bool:
    """For a worker thread: merge and upload. False, with no object written, where all is empty.

    Raises JobFailure.
    """
    output: tarfile.TarFile | None = None
    with told_as_failures(), ExitStack() as stack:
        for member in merged_members(volumes, archive):
            if member.is_cut_off:
                raise artifact_upload_failed(
                    f"{member.info.name!r} on {member.host} is a hard link to {member.info.linkname!r}, "
                    "which another host wrote too."
                )
            if output is None:
                output = _open_output(stack, writer)
            output.addfile(member.info, member.content)
    return output is not None


@contextmanager
def told_as_failures() -> Iterator[None]:
    """What goes wrong while artifacts are read or written becomes the job's failure."""
    try:
        yield
    except tarfile.ReadError as error:
        raise artifact_upload_failed(f"the container's files could not be read: {error}") from error
    except S3Fault as fault:
        raise artifact_upload_failed(str(fault)) from fault


def _open_output(stack: ExitStack, writer: AbstractContextManager[BinaryIO]) -> tarfile.TarFile:
    raw = stack.enter_context(writer)
    compressed = stack.enter_context(
        igzip.IGzipFile(  # type: ignore[no-untyped-call]
            fileobj=raw, mode="wb", compresslevel=COMPRESSION_LEVEL, mtime=0
        )
    )
    return stack.enter_context(tarfile.open(fileobj=compressed, mode="w|", format=tarfile.PAX_FORMAT))


def merged_members(volumes: Volumes, archive: Archive) -> Iterator[Member]:
    """The members of all hosts by relative name, each name once. Raises JobFailure."""
    seen: dict[str, bool] = {}
    for host in reversed(list(volumes)):
        with archive(host) as stream:
            if stream is not None:
                yield from _new_members(host, stream, volumes[host], seen)


def _new_members(host: str, stream: Iterator[bytes], volume: int, seen: dict[str, bool]) -> Iterator[Member]:
    """`seen` tells of each name that other hosts gave whether it is a directory."""
    own: dict[str, bool] = {}
    declared = 0
    with tarfile.open(fileobj=ChunkReader(stream), mode="r|") as tar:
        for found in tar:
            declared += found.size
            require_declared(host, [declared], volume)
            info = relative_member(found)
            if info is None or _is_taken(info.name, seen):
                continue
            is_cut_off = info.islnk() and info.linkname not in own
            own[info.name] = info.isdir()
            content = tar.extractfile(found) if found.isreg() else None
            yield Member(host, info, content, is_cut_off)  # type: ignore[arg-type]
    seen |= own


def _is_taken(name: str, seen: Mapping[str, bool]) -> bool:
    """Another host has it already, or has something else than a directory on the way to it."""
    return name in seen or not all(seen.get(str(folder), True) for folder in PurePosixPath(name).parents)


def relative_member(found: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """The member with a name relative to its directory; None for the directory itself.

    Only files, directories and links are artifacts: devices, FIFOs and sockets are left out.
    """
    name = PurePosixPath(found.name)
    if not name.parts or not (found.isreg() or found.isdir() or found.issym() or found.islnk()):
        return None
    info = copy(found)
    info.name = str(name)
    info.pax_headers = {}
    if info.isreg():
        info.type = tarfile.REGTYPE  # its content is read without holes, so it is no sparse file any more
    if info.islnk():
        info.linkname = str(PurePosixPath(found.linkname))
    return info


class ChunkReader(io.RawIOBase):
    """Chunks of any size, read as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, fewer only at the end; all where it is negative."""
        parts: list[bytes] = []
        missing = size if size >= 0 else sys.maxsize
        while missing > 0 and (chunk := self._rest or next(self._chunks, None)) is not None:
            parts.append(chunk[:missing])
            self._rest = chunk[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)


def read_text_member(stream: Iterator[bytes], limit: int) -> str:
    """The text of the file that the stream holds, at most `limit` characters; empty where it holds another thing."""
    with tarfile.open(fileobj=ChunkReader(stream), mode="r|") as tar:
        found = tar.next()
        content = tar.extractfile(found) if found is not None and found.isreg() else None
        return "" if content is None else content.read(4 * limit).decode("utf-8", "replace")[:limit]
