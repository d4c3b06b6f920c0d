"""model.tar.gz, unpacked once into a directory of its own (DG your-algorithms-inference-code, ModelDataUrl).

The archive is untrusted: where its members may go is model_tree.py's, how much of anything there may be is here.
"""

import errno
import io
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple, Protocol

from isal import igzip, igzip_lib

from emulator.domain.failure_reason import gib
from emulator.domain.model_data_failure import model_archive_invalid, model_archive_too_large
from emulator.hosting.model_tree import ModelTree, UnsafeMember

DAMAGE: tuple[type[Exception], ...] = (
    tarfile.TarError,
    igzip.BadGzipFile,
    igzip_lib.IsalError,  # type: ignore[assignment,unused-ignore]
    EOFError,
)
"""What tarfile and isal raise for data that is not what it should be."""

CHUNK = 1024 * 1024
HEADERS_LIMIT = 1024 * 1024
"""Bytes at most between the content of one member and the next: headers, which tarfile holds in memory."""

IMPOSSIBLE_NAMES = {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ELOOP}


class ModelArchiveFault(Exception):  # noqa: N818 - the model's owner is at fault, not the emulator
    """The text is a FailureReason."""


class ArchiveLimits(NamedTuple):
    total_bytes: int
    """Of the content of all members, unpacked; what is really read counts, not what a header says."""
    members: int


def extract_model(
    source: BinaryIO,
    url: str,
    directory: Path,
    limits: ArchiveLimits,
    check_cancelled: Callable[[], None] = lambda: None,
) -> None:
    """For a worker thread: `directory` appears with everything in it, or not at all.

    It must not be there yet, and nobody else may unpack into it meanwhile; what a killed process left of it is
    cleared away. `check_cancelled` is called between chunks and may raise to stop. `source` is read to its end, and
    `url` names it in faults. Files get 0644 or 0755, directories 0755, all of them the emulator's user and time.

    Raises ModelArchiveFault for what is wrong with the archive; whatever `source`, `check_cancelled` and the disk
    raise goes through, so a full disk (OSError) is no fault of the archive.
    """
    partial = directory.with_name(f".{directory.name}.partial")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    try:
        _Extraction(url, limits, check_cancelled).run(source, ModelTree(partial))
        partial.rename(directory)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


class _Extraction:
    def __init__(self, url: str, limits: ArchiveLimits, check_cancelled: Callable[[], None]) -> None:
        self._url = url
        self._limits = limits
        self._check_cancelled = check_cancelled
        self._written = 0

    def run(self, source: BinaryIO, tree: ModelTree) -> None:
        try:
            with igzip.IGzipFile(fileobj=_Source(source), mode="rb") as unpacked:  # type: ignore[no-untyped-call]
                tar = _Rationed(unpacked)
                self._extract(tar, tree)
                self._read_to_the_end(tar)
        except _SourceFailed as failed:
            raise failed.cause from None
        except DAMAGE as error:
            raise self._invalid(f"It is damaged or no tar.gz: {error}.") from error
        except (_TooManyHeaders, RecursionError):
            raise self._invalid("Its headers are too long.") from None

    def _extract(self, source: "_Rationed", tree: ModelTree) -> None:
        source.allow(HEADERS_LIMIT)
        with tarfile.open(fileobj=source, mode="r|", tarinfo=_StrictTarInfo) as archive:  # type: ignore[call-overload]
            count = 0
            while (member := archive.next()) is not None:
                _forget(archive)
                count += 1
                if count > self._limits.members:
                    raise self._too_large(f"More than {self._limits.members} members.")
                self._check_cancelled()
                source.allow(HEADERS_LIMIT + max(member.size, 0))
                self._add(archive, member, tree)
                source.allow(HEADERS_LIMIT)

    def _add(self, archive: tarfile.TarFile, member: tarfile.TarInfo, tree: ModelTree) -> None:
        try:
            if member.isdir():
                tree.add_directory(member.name)
            elif member.issym():
                tree.add_symbolic_link(member.name, member.linkname)
            elif member.islnk():
                tree.add_hard_link(member.name, member.linkname)
            elif member.isreg() and (content := archive.extractfile(member)) is not None:
                with closing(content):
                    tree.add_file(member.name, self._chunks(content), bool(member.mode & 0o111))
            else:
                raise UnsafeMember("is a device, a FIFO or of an unknown kind")
        except UnsafeMember as unsafe:
            raise self._invalid(f"{member.name!r} {unsafe}.") from None
        except OSError as error:
            if error.errno not in IMPOSSIBLE_NAMES:
                raise
            raise self._invalid(f"{member.name!r} has a name that no file can have.") from error

    def _chunks(self, content: IO[bytes]) -> Iterator[bytes]:
        while chunk := content.read(CHUNK):
            self._written += len(chunk)
            if self._written > self._limits.total_bytes:
                raise self._too_large(f"More than {gib(self._limits.total_bytes)} unpacked.")
            self._check_cancelled()
            yield chunk

    def _read_to_the_end(self, source: "_Rationed") -> None:
        """The padding behind the last member, and gzip's checksum."""
        source.allow(self._limits.total_bytes + HEADERS_LIMIT)
        while source.read(CHUNK):
            self._check_cancelled()

    def _invalid(self, why: str) -> ModelArchiveFault:
        return ModelArchiveFault(model_archive_invalid(self._url, why))

    def _too_large(self, why: str) -> ModelArchiveFault:
        return ModelArchiveFault(model_archive_too_large(self._url, why))


def _forget(archive: tarfile.TarFile) -> None:
    """tarfile keeps all members, and what the global headers of all of them say."""
    archive.members.clear()  # type: ignore[attr-defined]
    archive.pax_headers = {}


class _SourceFailed(Exception):  # noqa: N818 - carries another error past the ones that are the archive's
    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _TooManyHeaders(Exception):  # noqa: N818
    pass


class _Source(io.RawIOBase):
    """What the source raises is told apart from what is raised because of its content."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        try:
            data = self._source.read(len(buffer))
        except Exception as error:
            raise _SourceFailed(error) from error
        buffer[: len(data)] = data
        return len(data)


class _Reading(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Rationed:
    """Gives no more bytes than were allowed: tarfile reads some kinds of header whole, however long they are."""

    def __init__(self, source: _Reading) -> None:
        self._source = source
        self._left = 0

    def allow(self, size: int) -> None:
        self._left = size

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _TooManyHeaders
        return data


class _StrictTarInfo(tarfile.TarInfo):
    """A damaged header is an error, also behind the first one, where tarfile takes it for the end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> "_StrictTarInfo":
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.HeaderError as error:
            if isinstance(error, tarfile.EOFHeaderError | tarfile.EmptyHeaderError):  # type: ignore[attr-defined]
                raise
            raise tarfile.ReadError(str(error)) from error
        except ValueError as error:  # what tarfile raises for numbers in sparse files' headers that are none
            raise tarfile.ReadError(str(error)) from error
