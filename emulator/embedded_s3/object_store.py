"""The embedded S3's objects without HTTP, as the job plane uses them.

The contract is the Protocol ObjectStore in emulator/objects/object_store.py.
"""

import io
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from emulator.blocking import blocking, on_loop
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.embedded_s3 import errors
from emulator.embedded_s3.blobs import CHUNK, BlobSink, OpenBlob
from emulator.embedded_s3.bucket_index import find_bucket, require_bucket, require_bucket_to_fill
from emulator.embedded_s3.checksums import DEFAULT_ALGORITHM, FULL_OBJECT, ObjectChecksum
from emulator.embedded_s3.description import DEFAULT_CONTENT_TYPE
from emulator.embedded_s3.digests import Digests
from emulator.embedded_s3.key_pages import Page, Selection, list_page
from emulator.embedded_s3.object_index import delete_object, open_object, put_object, require_object
from emulator.embedded_s3.records import BucketTarget, ObjectDescription, StoredObject, whole_seconds
from emulator.embedded_s3.store import Store
from emulator.sqlite import Connection

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

READ_BUFFER = 128 * 1024
"""Bytes that a reader asks its blob for at once."""

LOOKS = 3
"""At an object that others overwrite again and again."""


class EmbeddedObjectStore:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def bucket_region(self, bucket: str) -> str | None:
        found = await self._store.index.run(find_bucket, bucket)
        return found.region if found else None

    async def list(self, prefix: S3Uri) -> AsyncIterator[S3Object]:
        start: bytes | None = b""
        while start is not None:
            page = await self._store.index.run(_read_page, prefix, start)
            for listed in page.contents:
                yield S3Object(prefix.bucket, listed.key, listed.size, listed.etag)
            start = page.next_start

    async def stat(self, uri: S3Uri) -> S3Object:
        stored = await self._store.index.run(require_object, BucketTarget(uri.bucket), uri.key)
        return S3Object(uri.bucket, stored.key, stored.size, stored.etag)

    async def download(self, source: S3Object, target: Path) -> None:
        stored, blob = await self._open(S3Uri(source.bucket, source.key))
        with closing(blob):
            _require_same(stored, source)
            await blocking(self._store.threads, self._place, blob, stored.size, target)

    async def read(self, uri: S3Uri, limit: int) -> bytes:
        stored, blob = await self._open(uri)
        with closing(blob):
            return await blocking(self._store.threads, blob.read, 0, min(limit, stored.size))

    @contextmanager
    def reader(self, source: S3Object, offset: int = 0, length: int | None = None) -> Iterator[BinaryIO]:
        stored, blob = self._open_now(S3Uri(source.bucket, source.key))
        with closing(blob):
            _require_same(stored, source)
            _require_whole(blob, stored.size)
            end = stored.size if length is None else min(stored.size, offset + length)
            with io.BufferedReader(_BlobFile(blob, offset, end), READ_BUFFER) as file:
                yield file

    async def delete(self, uri: S3Uri) -> None:
        await self._store.remove(
            await self._store.index.run(delete_object, BucketTarget(uri.bucket), uri.key, {})
        )

    @contextmanager
    def writer(self, target: S3Uri) -> Iterator[BinaryIO]:
        on_loop(self._store.index.run, require_bucket_to_fill, target.bucket, self._store.clock.now())
        sink = self._store.blobs.sink(Digests({DEFAULT_ALGORITHM}))
        file = _SinkFile(sink)
        buffered = io.BufferedWriter(file, CHUNK)
        try:
            yield buffered
            buffered.flush()
            self._put(target, sink)
        finally:
            file.is_over = True
            buffered.close()
            sink.discard()

    async def _open(self, uri: S3Uri) -> tuple[StoredObject, OpenBlob]:
        return await self._store.index.run(open_object, self._store.blobs, BucketTarget(uri.bucket), uri.key)

    def _open_now(self, uri: S3Uri) -> tuple[StoredObject, OpenBlob]:
        """For any thread. A blob may go between the look at its row and its opening: then its row has gone, too."""
        target = BucketTarget(uri.bucket)
        for _ in range(LOOKS):
            with suppress(FileNotFoundError):
                return self._store.index.look(open_object, self._store.blobs, target, uri.key)
        raise S3Fault("InternalError", f"The bytes of {uri} cannot be found.")

    def _place(self, blob: OpenBlob, size: int, target: Path) -> None:
        _require_whole(blob, size)
        temporary = target.with_name(f".{self._store.clock.new_id()}.part")
        try:
            try:
                os.link(blob.path, temporary)
            except OSError:  # removed meanwhile, too many links, or another file system
                _copy(blob, temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def _put(self, target: S3Uri, sink: BlobSink) -> None:
        digests = sink.digests
        stored = StoredObject(
            key=target.key,
            blob=sink.keep(),
            size=sink.size,
            etag=digests.md5,
            last_modified=whole_seconds(self._store.clock.now()),
            checksum=ObjectChecksum(DEFAULT_ALGORITHM, digests.value(DEFAULT_ALGORITHM), FULL_OBJECT),
            description=ObjectDescription({"content-type": DEFAULT_CONTENT_TYPE}),
        )
        on_loop(self._store.commit, stored.blob, put_object, BucketTarget(target.bucket), stored, {})


def _read_page(conn: Connection, prefix: S3Uri, start: bytes) -> Page:
    require_bucket(conn, BucketTarget(prefix.bucket))
    return list_page(conn, prefix.bucket, Selection(prefix=prefix.key, start=start))


def _require_same(stored: StoredObject, listed: S3Object) -> None:
    if stored.etag != listed.etag or stored.size != listed.size:
        raise errors.precondition_failed("If-Match")


def _require_whole(blob: OpenBlob, size: int) -> None:
    if blob.size != size:
        raise S3Fault("InternalError", f"The stored object has {blob.size} bytes instead of {size}.")


def _copy(blob: OpenBlob, target: Path) -> None:
    with target.open("xb") as copy:
        blob.append_to(copy.fileno())
        os.fchmod(copy.fileno(), 0o644)


class _BlobFile(io.RawIOBase):
    """The file object that `io` wants around the bytes of a blob from `start` to before `end`."""

    def __init__(self, blob: OpenBlob, start: int, end: int) -> None:
        self._blob = blob
        self._position = start
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        data = self._blob.read(self._position, max(0, min(len(view), self._end - self._position)))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


class _SinkFile(io.RawIOBase):
    """The file object that `io` wants around a sink."""

    def __init__(self, sink: BlobSink) -> None:
        self._sink = sink
        self.is_over = False
        """What still comes, from a buffer that is closed after a failure, is dropped."""

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer") -> int:
        raw = bytes(data)
        if not self.is_over:
            self._sink.write(raw)
        return len(raw)
