"""What an operation may use."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from anyio import CancelScope, CapacityLimiter

from emulator.blocking import blocking
from emulator.clock import Clock
from emulator.embedded_s3.blobs import CHUNK, BlobSink, BlobStore
from emulator.embedded_s3.body import RequestBody
from emulator.embedded_s3.digests import Declared, Digests
from emulator.sqlite import Connection, Database

P = ParamSpec("P")
T = TypeVar("T")

SHORT_DOCUMENT = 64 * 1024
"""Bytes that are parsed in a few milliseconds."""


@dataclass(frozen=True)
class Store:
    index: Database
    blobs: BlobStore
    threads: CapacityLimiter
    """For file I/O."""
    clock: Clock

    async def remove(self, blobs: Iterable[str]) -> None:
        """Remove dead blobs, after the transaction that took their rows away."""
        dead = list(blobs)
        if dead:
            await blocking(self.threads, self.blobs.remove, dead)

    async def commit(
        self,
        blob: str,
        fn: Callable[Concatenate[Connection, P], list[str]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Run the transaction that gives `blob` its row, then remove the blobs it returns as dead.

        Where it fails, `blob` itself is dead.
        """
        try:
            dead = await self.index.run(fn, *args, **kwargs)
        except BaseException:
            with CancelScope(shield=True):
                await self.remove([blob])
            raise
        await self.remove(dead)

    async def read(self, document: bytes, reader: Callable[[bytes], T]) -> T:
        """What `reader` makes of an XML document, in a thread where that takes long."""
        if len(document) <= SHORT_DOCUMENT:
            return reader(document)
        return await blocking(self.threads, reader, document)

    async def receive_blob(self, body: RequestBody, algorithms: Iterable[str]) -> tuple[str, BlobSink]:
        """Keep a request's payload as a blob if it is what the request declares; returns its id.

        `algorithms` are computed besides the declared ones. Raises BadDigest, IncompleteBody, ...
        """
        declared = body.declared()
        sink = self.blobs.sink(Digests({*algorithms, *declared.algorithms}))
        try:
            pending: list[bytes] = []
            size = 0
            async for data in body.payload():
                pending.append(data)
                size += len(data)
                if size >= CHUNK:
                    await blocking(self.threads, sink.write, b"".join(pending))
                    pending, size = [], 0
            blob = await blocking(self.threads, _finish, sink, b"".join(pending), declared, body)
        except BaseException:
            sink.discard()
            raise
        return blob, sink


def _finish(sink: BlobSink, rest: bytes, declared: Declared, body: RequestBody) -> str:
    sink.write(rest)
    declared.verify(sink.digests, sink.size, body.trailers)
    return sink.keep()
