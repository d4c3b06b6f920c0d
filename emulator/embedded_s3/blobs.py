"""Blobs: immutable files `blobs/<2 hex>/<id>`, which appear whole and durable, or not at all.

Everything here blocks, hence runs in worker threads.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path

from emulator.embedded_s3.digests import Digests

CHUNK = 1024 * 1024
"""Bytes that are read, hashed or written at once."""


class OpenBlob:
    """An open blob, which stays readable when its file is removed meanwhile."""

    def __init__(self, path: Path, prefetch: bool) -> None:
        """With `prefetch`, all of it is read now into `content`. Raises FileNotFoundError."""
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.content = os.pread(self._fd, self.size, 0) if prefetch else None

    @property
    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def read(self, start: int, length: int) -> bytes:
        return os.pread(self._fd, length, start)

    def read_and_close(self, start: int, length: int) -> bytes:
        try:
            return self.read(start, length)
        finally:
            self.close()

    def append_to(self, target: int) -> None:
        """Copy the whole to the end of the file descriptor `target`, inside the kernel where it can."""
        try:
            while os.copy_file_range(self._fd, target, 1 << 30):
                pass
        except (OSError, AttributeError):  # another file system, or not Linux
            with open(os.dup(self._fd), "rb") as source, open(os.dup(target), "ab") as copy:
                shutil.copyfileobj(source, copy, CHUNK)

    def close(self) -> None:
        """May be called twice."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


class BlobSink:
    """A blob that is being written. Ends with `keep` or `discard`; nothing is made before the first byte."""

    def __init__(self, blob: str, temporary: Path, place: Path, digests: Digests) -> None:
        self.size = 0
        self.digests = digests
        self._blob = blob
        self._path = temporary
        self._place = place
        self._fd: int | None = None

    def write(self, data: bytes) -> None:
        self.digests.update(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._open(), view) :]
        self.size += len(data)

    def append(self, blob: OpenBlob) -> None:
        """Add all of another blob. The digests don't see it."""
        blob.append_to(self._open())
        self.size += blob.size

    def keep(self) -> str:
        """Make it durable and give it its place; returns the blob's id."""
        fd = self._open()
        os.fchmod(fd, 0o644)
        os.fsync(fd)
        self._close()
        self._path.rename(self._place)
        _sync_directory(self._place.parent)
        return self._blob

    def discard(self) -> None:
        """Leave nothing behind; without effect on what was kept."""
        if self._fd is not None:
            self._close()
            self._path.unlink(missing_ok=True)

    def _open(self) -> int:
        if self._fd is None:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        return self._fd

    def _close(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)


class BlobStore:
    def __init__(self, directory: Path, new_id: Callable[[], str]) -> None:
        """Use `directory`, making `blobs/` and an empty `tmp/` in it."""
        self._blobs = directory / "blobs"
        self._temporary = directory / "tmp"
        self._new_id = new_id
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir(parents=True)
        for number in range(256):
            folder = self._blobs / f"{number:02x}"
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        _sync_directory(self._blobs)

    def path(self, blob: str) -> Path:
        return self._blobs / blob[:2] / blob

    def open(self, blob: str, prefetch: bool = False) -> OpenBlob:
        """Raises FileNotFoundError."""
        return OpenBlob(self.path(blob), prefetch)

    def sink(self, digests: Digests) -> BlobSink:
        blob = self._new_id()
        return BlobSink(blob, self._temporary / blob, self.path(blob), digests)

    def clone(self, source: OpenBlob) -> str:
        """A new blob with the bytes of `source`: a hard link, as blobs never change, else a copy."""
        blob = self._new_id()
        try:
            os.link(source.path, self.path(blob))
        except OSError:  # removed meanwhile, too many links, or a file system without links
            return self._join([source])
        _sync_directory(self.path(blob).parent)
        return blob

    def concatenate(self, blobs: Sequence[str]) -> str:
        """A new blob of all `blobs`. Raises FileNotFoundError."""
        if len(blobs) == 1:
            with closing(self.open(blobs[0])) as only:
                return self.clone(only)
        return self._join(self.open(blob) for blob in blobs)

    def _join(self, sources: Iterable[OpenBlob]) -> str:
        sink = self.sink(Digests())
        try:
            for source in sources:
                with closing(source):
                    sink.append(source)
            return sink.keep()
        finally:
            sink.discard()

    def remove(self, blobs: Iterable[str]) -> None:
        for blob in blobs:
            self.path(blob).unlink(missing_ok=True)

    def remove_others(self, needed: set[str]) -> int:
        """Remove the blobs that are not `needed`; returns how many."""
        strays = [path for path in self._blobs.glob("??/*") if path.name not in needed]
        for path in strays:
            with suppress(FileNotFoundError):
                path.unlink()
        return len(strays)


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
