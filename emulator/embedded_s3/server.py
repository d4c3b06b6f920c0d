"""The embedded S3: an ASGI app with a durable store of its own.

Signatures and the expiry of presigned URLs are not checked: credentials only tell the account and the Region
(see request.read_caller). There is no versioning, no access control and no encryption; what S3 has and this
has not answers NotImplemented (see routes.py).
"""

import logging
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter

from emulator.blocking import blocking
from emulator.clock import Clock
from emulator.domain.caller import Caller
from emulator.domain.default_bucket import default_bucket, is_use
from emulator.domain.reset_scope import ResetScope
from emulator.domain.s3_browsing import ISOLATION
from emulator.embedded_s3 import errors
from emulator.embedded_s3.answer import Answer, Channel, Send, error_answer
from emulator.embedded_s3.blobs import BlobStore
from emulator.embedded_s3.body import ClientGoneError, Receive, RequestBody
from emulator.embedded_s3.bucket_index import delete_buckets, insert_bucket
from emulator.embedded_s3.buckets import check_name
from emulator.embedded_s3.object_index import all_blobs
from emulator.embedded_s3.object_store import EmbeddedObjectStore
from emulator.embedded_s3.records import Bucket, whole_seconds
from emulator.embedded_s3.request import S3Request, read_headers, read_request
from emulator.embedded_s3.routes import find_operation
from emulator.embedded_s3.store import Store
from emulator.sqlite import Database
from emulator.virtual_host import HOST_SUFFIXES

_FILE_THREADS = 8

log = logging.getLogger(__name__)


class EmbeddedS3:
    """`directory` holds everything: index.db, blobs/ and tmp/. One process at a time may use it."""

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        region: str,
        account_id: str,
        host_suffixes: Iterable[str] = HOST_SUFFIXES,
    ) -> None:
        """`region` and `account_id` are those of callers whose credentials don't tell."""
        self._clock = clock
        self._default_caller = Caller(account_id, region, access_key="", request_id="")
        self._suffixes = tuple(host_suffixes)
        self._request_ids = count(int(clock.new_id()[:15], 16))
        index = Database(directory / "index.db", "emulator.embedded_s3.migrations", outlives_power_cuts=True)
        blobs = BlobStore(directory, clock.new_id)
        self._store = Store(index, blobs, CapacityLimiter(_FILE_THREADS), clock)
        self.objects = EmbeddedObjectStore(self._store)
        """The same objects without HTTP."""

    async def start(self) -> None:
        """Remove blobs without a row, left by a crash. Call before the first request, and not later."""
        needed = await self._store.index.run(all_blobs)
        strays = await blocking(self._store.threads, self._store.blobs.remove_others, needed)
        if strays:
            log.info("removed %d blobs that no object refers to", strays)

    def close(self) -> None:
        """Call when no request is under way."""
        self._store.index.close()

    async def create_bucket(self, bucket: str, account_id: str, region: str) -> None:
        """Make a bucket, unless this account has it. Raises InvalidBucketName or BucketAlreadyExists."""
        check_name(bucket)
        new = Bucket(bucket, account_id, region, whole_seconds(self._clock.now()))
        present = await self._store.index.run(insert_bucket, new)
        if present is not None and present.account_id != account_id:
            raise errors.bucket_already_exists(bucket)

    async def clear(self, scope: ResetScope) -> int:
        """Delete the scope's buckets with all that they hold; returns how many. A late part of an upload fails."""
        count, blobs = await self._store.index.run(delete_buckets, scope)
        await self._store.remove(blobs)
        return count

    async def bucket_region(self, bucket: str) -> str | None:
        """The Region it was created in; None where there is no such bucket."""
        return await self.objects.bucket_region(bucket)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        headers = read_headers(scope["headers"])
        body = RequestBody(receive, headers)
        request_id = f"{next(self._request_ids):016X}"
        try:
            answer = await self._answer(scope, headers, body, request_id)
        except ClientGoneError:
            return
        extra = {
            "server": "AmazonS3",
            "x-amz-request-id": request_id,
            "x-amz-id-2": request_id,
            **ISOLATION,
        }
        if "expect" in headers and body.is_untouched:
            # The client may send its body or not; only a new connection is in a known state.
            extra["connection"] = "close"
        channel = Channel(receive, send, scope["method"] == "HEAD", self._store.threads)
        await channel.send_answer(answer, extra)

    async def _answer(
        self, scope: Mapping[str, Any], headers: Mapping[str, str], body: RequestBody, request_id: str
    ) -> Answer:
        try:
            request = read_request(scope, body, headers, self._suffixes, self._caller(request_id))
            operation = find_operation(request)
            await self._make_default_bucket(request)
            return await operation(self._store, request)
        except errors.S3Error as error:
            return error_answer(error, scope["path"], request_id)
        except ClientGoneError:
            raise
        except Exception:  # whatever went wrong, the client speaks S3 and gets S3's answer
            log.exception("request %s: %s %s failed", request_id, scope["method"], scope["path"])
            return error_answer(errors.internal_error(), scope["path"], request_id)

    async def _make_default_bucket(self, request: S3Request) -> None:
        """The first use of `sagemaker-<region>-<account>` by that account makes it. Raises as create_bucket does."""
        owner, region = request.caller.account_id, request.caller.region
        is_it = request.bucket == default_bucket(region, owner)
        is_used = is_it and is_use(request.method, request.key, request.query)
        if is_used and await self.bucket_region(request.bucket) is None:
            await self.create_bucket(request.bucket, owner, region)

    def _caller(self, request_id: str) -> Caller:
        default = self._default_caller
        return Caller(default.account_id, default.region, default.access_key, request_id)
