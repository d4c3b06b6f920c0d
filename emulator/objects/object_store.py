"""The seam to S3, as the job plane and the create-time checks use it.

Contract, for every implementation:

- Methods are coroutines that may be called concurrently; blocking work goes to threads inside.
- `S3Fault` is the only exception for a fault of S3 or of the request to it; its `code` is S3's own
  (`NoSuchBucket`, `NoSuchKey`, `AccessDenied`, ...) and its text is S3's message.
- Nothing is held in memory beyond a few chunks, however large the object.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri


class ObjectStore(Protocol):
    async def bucket_region(self, bucket: str) -> str | None:
        """The Region that the bucket was made in. None where there is no such bucket, or where the S3 has no Regions.

        Raises S3Fault.
        """

    def list(self, prefix: S3Uri) -> AsyncIterator[S3Object]:
        """Every object whose key starts with `prefix.key`, in UTF-8 binary order of the keys.

        Raises S3Fault, also in the middle.
        """

    async def stat(self, uri: S3Uri) -> S3Object:
        """The object of exactly this key. Raises S3Fault, `NoSuchKey` where there is none.

        Some S3 servers say `NoSuchKey` of a missing bucket too: the answer to a HEAD has no body.
        """

    async def download(self, source: S3Object, target: Path) -> None:
        """Make `target`, a file with the object's bytes, mode 0644; its directory exists.

        Appears complete or not at all. It may share its bytes with the store (a hard link), so callers
        never write into it. Raises S3Fault where the object is gone, changed or damaged.
        """

    async def read(self, uri: S3Uri, limit: int) -> bytes:
        """The object's bytes, at most `limit` of them. Raises S3Fault."""

    def reader(
        self, source: S3Object, offset: int = 0, length: int | None = None
    ) -> AbstractContextManager[BinaryIO]:
        """For any thread, with or without an event loop: the object's bytes from `offset`, at most `length`.

        `read(n)` gives n bytes unless the end is nearer; there is nothing beyond the object's end. A broken
        connection is made anew where it broke. Raises S3Fault, at the beginning of the block or from a read,
        where the object is gone, changed or damaged; what was read before is right nevertheless.
        """

    async def delete(self, uri: S3Uri) -> None:
        """The object of exactly this key is gone, also where there was none. Raises S3Fault."""

    def writer(self, target: S3Uri) -> AbstractContextManager[BinaryIO]:
        """For worker threads: a binary file to write the object's bytes to. A missing default bucket is made.

        The object appears whole when the `with` ends, and not at all when it ends with an exception.
        Raises S3Fault, from a write or from the end of the block.
        """
