"""Where an asynchronous invocation meets S3: its input, and the object that is its outcome."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO

import anyio
from anyio import CapacityLimiter

from emulator.blocking import blocking
from emulator.domain.s3_uri import S3Uri
from emulator.hosting.container_client import ContainerAnswer
from emulator.hosting.invocation_body import InvocationBody
from emulator.objects.object_store import ObjectStore

PIECE = 1024 * 1024
"""Bytes that are read at a time."""


class AsyncObjects:
    """All of it raises S3Fault."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._threads = CapacityLimiter(8)

    @asynccontextmanager
    async def input(self, location: S3Uri) -> AsyncIterator[InvocationBody]:
        found = await self._objects.stat(location)
        reader = self._objects.reader(found)
        stream = await blocking(self._threads, reader.__enter__)
        try:
            yield InvocationBody(self._pieces(stream), found.size)
        finally:
            with anyio.CancelScope(shield=True):
                await blocking(self._threads, reader.__exit__, None, None, None)

    async def _pieces(self, stream: BinaryIO) -> AsyncIterator[bytes]:
        while piece := await blocking(self._threads, stream.read, PIECE):
            yield piece

    async def store(self, target: S3Uri, answer: ContainerAnswer) -> None:
        """The object appears whole, or not at all. Raises ContainerFault too, where the answer breaks off."""
        writer = self._objects.writer(target)
        stream = await blocking(self._threads, writer.__enter__)
        try:
            async for chunk in answer.chunks():
                await blocking(self._threads, stream.write, chunk)
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await blocking(self._threads, writer.__exit__, type(error), error, error.__traceback__)
            raise
        with anyio.CancelScope(shield=True):
            await blocking(self._threads, writer.__exit__, None, None, None)

    async def write(self, target: S3Uri, content: bytes) -> None:
        def write() -> None:
            with self._objects.writer(target) as stream:
                stream.write(content)

        await blocking(self._threads, write)
