"""An external S3 through the `minio` SDK, whose calls run in worker threads."""

import io
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import urllib3
from anyio import CapacityLimiter, from_thread
from minio import Minio
from minio.datatypes import Object
from minio.error import MinioException, S3Error
from urllib3 import BaseHTTPResponse

from emulator.blocking import blocking
from emulator.domain.default_bucket import place_by_name
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.objects.resuming_reader import READ_BUFFER, ResumingReader

P = ParamSpec("P")
T = TypeVar("T")

PARALLEL_CALLS = 16
ATTEMPTS = 5
CHUNK = 2**20
PART_SIZE = 16 * 2**20
"""Bytes of an uploaded part; 10,000 of them are the largest object."""


class S3ObjectStore:
    """See objects/object_store.py for the contract."""

    def __init__(self, endpoint_url: str, access_key: str, secret_key: str, region: str) -> None:
        url = urlsplit(endpoint_url)
        pool = urllib3.PoolManager(
            maxsize=PARALLEL_CALLS,
            timeout=urllib3.Timeout(connect=10, read=60),
            retries=urllib3.Retry(total=ATTEMPTS, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
        )
        self._client = Minio(
            url.netloc,
            access_key=access_key,
            secret_key=secret_key,
            secure=url.scheme == "https",
            region=region,
            http_client=pool,
        )
        self._limiter = CapacityLimiter(PARALLEL_CALLS)

    async def create_bucket(self, bucket: str) -> None:
        """Make a bucket unless it is there. Raises S3Fault."""
        await self._call(self._create_bucket, bucket)

    def _create_bucket(self, bucket: str) -> None:
        try:
            if not self._client.bucket_exists(bucket):
                self._client.make_bucket(bucket)
        except ValueError as error:  # the SDK's own check of the name
            raise S3Fault("InvalidBucketName", str(error)) from error

    async def bucket_region(self, bucket: str) -> str | None:
        """An S3 outside of AWS has one Region, whatever the jobs' are: so none is told."""
        return None

    async def list(self, prefix: S3Uri) -> AsyncIterator[S3Object]:
        found = self._client.list_objects(prefix.bucket, prefix=prefix.key, recursive=True)
        while page := await self._call(_next_page, found):
            for entry in page:
                yield _to_s3_object(entry)

    async def stat(self, uri: S3Uri) -> S3Object:
        return _to_s3_object(await self._call(self._client.stat_object, uri.bucket, uri.key))

    async def download(self, source: S3Object, target: Path) -> None:
        await self._call(self._download, source, target)

    def _download(self, source: S3Object, target: Path) -> None:
        unfinished = target.with_name(f".{uuid4().hex}.partial")
        try:
            with unfinished.open("wb") as file, self.reader(source) as content:
                os.fchmod(file.fileno(), 0o644)
                while chunk := content.read(CHUNK):
                    from_thread.check_cancelled()
                    file.write(chunk)
            unfinished.rename(target)
        finally:
            unfinished.unlink(missing_ok=True)

    @contextmanager
    def reader(self, source: S3Object, offset: int = 0, length: int | None = None) -> Iterator[BinaryIO]:
        end = source.size if length is None else min(source.size, offset + length)
        content = ResumingReader(partial(self._get, source), source, offset, end)
        with io.BufferedReader(content, READ_BUFFER) as file:
            content.begin()
            yield file

    def _get(self, source: S3Object, start: int, end: int) -> BaseHTTPResponse:
        """An answer with the bytes of just this version of the object. Raises S3Fault."""
        is_whole = start == 0 and end == source.size
        return _tell_s3_fault(
            lambda: self._client.get_object(
                source.bucket,
                source.key,
                offset=start,
                length=0 if is_whole else end - start,
                request_headers={"If-Match": f'"{source.etag}"'},
            )
        )

    async def read(self, uri: S3Uri, limit: int) -> bytes:
        return await self._call(self._read, uri, limit)

    def _read(self, uri: S3Uri, limit: int) -> bytes:
        response = self._client.get_object(uri.bucket, uri.key)
        try:
            return bytes(response.read(limit, decode_content=False))
        finally:
            response.close()
            response.release_conn()

    async def delete(self, uri: S3Uri) -> None:
        await self._call(self._client.remove_object, uri.bucket, uri.key)

    @contextmanager
    def writer(self, target: S3Uri) -> Iterator[BinaryIO]:
        if place_by_name(target.bucket) is not None:
            _tell_s3_fault(lambda: self._create_bucket(target.bucket))
        upload = _PipedUpload(self._client, target)
        try:
            yield upload.file
        except BaseException:
            upload.abort()
            raise
        upload.finish()

    async def _call(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await blocking(self._limiter, lambda: _tell_s3_fault(lambda: fn(*args, **kwargs)))


class _PipedUpload:
    """An upload of unknown length: the SDK wants to read what our caller wants to write."""

    def __init__(self, client: Minio, target: S3Uri) -> None:
        read_end, write_end = os.pipe()
        self.file: BinaryIO = io.FileIO(write_end, "wb")
        self._source = _AbortableReader(read_end)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._upload, args=(client, target), daemon=True)
        self._thread.start()

    def _upload(self, client: Minio, target: S3Uri) -> None:
        try:
            client.put_object(target.bucket, target.key, self._source, length=-1, part_size=PART_SIZE)
        except Exception as error:
            self._error = error
        finally:
            self._source.close()

    def finish(self) -> None:
        """Wait until the object is whole. Raises S3Fault."""
        self.file.close()
        self._thread.join()
        _tell_s3_fault(self._raise)

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def abort(self) -> None:
        """End without an object. An error of S3 behind a broken pipe is the one to tell."""
        self._source.aborted = True
        with suppress(OSError):
            self.file.close()
        self._thread.join()
        if self._error is not None and not isinstance(self._error, _AbortedError):
            _tell_s3_fault(self._raise)


class _AbortedError(Exception):
    """The writer gave up; keeps the SDK from completing the upload."""


class _AbortableReader(io.FileIO):
    aborted = False

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size) or b""
        if not data and self.aborted:
            raise _AbortedError
        return data


def _next_page(found: Iterator[Object]) -> list[Object]:
    return list(islice(found, 1000))


def _to_s3_object(entry: Object) -> S3Object:
    return S3Object(entry.bucket_name, str(entry.object_name), entry.size or 0, str(entry.etag).strip('"'))


def _tell_s3_fault(call: Callable[[], T]) -> T:
    """Make the call; the SDK's errors become S3Fault."""
    try:
        return call()
    except S3Error as error:
        raise S3Fault(str(error.code), str(error.message)) from error
    except ValueError as error:  # the SDK's own check of a bucket's or a key's name
        raise S3Fault("InvalidRequest", str(error)) from error
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        raise S3Fault("ServiceUnavailable", f"S3 does not answer as expected: {error}") from error
