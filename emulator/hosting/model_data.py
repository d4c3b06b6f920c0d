"""Models' files, fetched and unpacked once for everybody who serves them (API ModelDataSource, ModelDataUrl)."""

import math
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path, PurePosixPath
from weakref import WeakValueDictionary

import anyio
from anyio import CapacityLimiter, from_thread

from emulator.blocking import blocking
from emulator.domain.failure_reason import JobFailure
from emulator.domain.model import S3ModelDataSource
from emulator.domain.model_data_failure import model_data_not_downloaded, model_data_too_slow
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.exception_groups import innermost
from emulator.hosting.model_archive import ArchiveLimits, ModelArchiveFault, extract_model
from emulator.hosting.model_layout import Layout, model_layout
from emulator.objects.object_store import ObjectStore

DIRECTORY = "models"
LIMITS = ArchiveLimits(total_bytes=500 * 2**30, members=1_000_000)
SPARE_BYTES = 2**30
"""That an archive leaves free on the disk: a few bytes of it may unpack to any size."""

PARALLEL_DOWNLOADS = 8

ARCHIVE = PurePosixPath()
"""Where an archive lies: what is in it fills the directory."""


class ModelData:
    """Directories below `work_root/models`, named after what is where in them, so a later process finds them again."""

    def __init__(self, objects: ObjectStore, work_root: Path, disk: CapacityLimiter) -> None:
        self._objects = objects
        self._work_root = work_root
        self._disk = disk
        self._locks: WeakValueDictionary[Path, anyio.Lock] = WeakValueDictionary()
        self._users = 0
        self._removing = anyio.Lock()

    @asynccontextmanager
    async def using(self) -> AsyncIterator[None]:
        """Around `stage` until a row tells what is used: meanwhile nothing is removed."""
        async with self._removing:
            self._users += 1
        try:
            yield
        finally:
            self._users -= 1

    async def stage(self, source: S3ModelDataSource, limit: float = math.inf) -> str:
        """The directory with the model's files, below `work_root`. `limit` in seconds. Raises JobFailure."""
        with anyio.move_on_after(limit):
            return await self._stage(source)
        raise JobFailure(model_data_too_slow(source.s3_uri, limit))

    async def _stage(self, source: S3ModelDataSource) -> str:
        uri = S3Uri.parse(source.s3_uri)
        try:
            if source.compression_type == "Gzip":
                found = await self._objects.stat(uri)
                packed = [(found, ARCHIVE)]
                return await self._once(packed, lambda target: self._extract(found, source.s3_uri, target))
            listed = await self._list(source, uri)
            return await self._once(listed, lambda target: self._download(listed, target))
        except S3Fault as fault:
            raise JobFailure(model_data_not_downloaded(source.s3_uri)) from fault

    def making(self, directory: Path) -> anyio.Lock:
        """To hold by who makes the directory, from the look whether it is there: one at a time."""
        return self._locks.setdefault(directory, anyio.Lock())

    async def keep_only(self, find_used: Callable[[], Awaitable[set[str]]]) -> None:
        """Remove the directories that nobody uses; none at all while somebody is `using`, so call it again then."""
        async with self._removing:
            if not self._users:
                used = await find_used()
                await blocking(self._disk, _remove_others, self._work_root / DIRECTORY, used)

    async def _once(self, layout: Layout, make: Callable[[Path], Awaitable[None]]) -> str:
        name = sha256(repr(sorted(layout)).encode()).hexdigest()[:32]
        target = self._work_root / DIRECTORY / name
        async with self.making(target):
            if not await blocking(self._disk, target.is_dir):
                await make(target)
        return f"{DIRECTORY}/{name}"

    async def _extract(self, found: S3Object, url: str, target: Path) -> None:
        def extract() -> None:
            with self._objects.reader(found) as stream:
                extract_model(stream, url, target, limits_at(target), from_thread.check_cancelled)

        try:
            await blocking(self._disk, extract)
        except ModelArchiveFault as fault:
            raise JobFailure(str(fault)) from fault

    async def _list(self, source: S3ModelDataSource, uri: S3Uri) -> Layout:
        if source.s3_data_type == "S3Object":
            found = await self._objects.stat(uri)
            return model_layout([found], uri.key[: uri.key.rfind("/") + 1], source.s3_uri)
        prefix = uri.key if not uri.key or uri.key.endswith("/") else f"{uri.key}/"
        listed = [found async for found in self._objects.list(S3Uri(uri.bucket, prefix))]
        if not listed:
            raise JobFailure(model_data_not_downloaded(source.s3_uri))
        return model_layout(listed, prefix, source.s3_uri)

    async def _download(self, listed: Layout, target: Path) -> None:
        partial = target.with_name(f".{target.name}.partial")
        await blocking(self._disk, _make_empty, partial, {path.parent for _, path in listed})
        waiting = iter(listed)

        async def work() -> None:
            for found, path in waiting:
                await self._objects.download(found, partial / path)

        try:
            async with anyio.create_task_group() as workers:
                for _ in range(min(PARALLEL_DOWNLOADS, len(listed))):
                    workers.start_soon(work)
        except ExceptionGroup as faults:
            raise innermost(faults) from faults
        await blocking(self._disk, partial.rename, target)


def limits_at(directory: Path) -> ArchiveLimits:
    """For an archive that is unpacked to this directory now, which need not be there yet."""
    existing = next(each for each in directory.parents if each.exists())
    room = max(0, shutil.disk_usage(existing).free - SPARE_BYTES)
    return LIMITS._replace(total_bytes=min(LIMITS.total_bytes, room))


def _make_empty(directory: Path, folders: Iterable[PurePosixPath]) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for folder in folders:
        (directory / folder).mkdir(parents=True, exist_ok=True)


def _remove_others(root: Path, used: set[str]) -> None:
    for directory in root.glob("*"):
        if f"{DIRECTORY}/{directory.name}" not in used:
            shutil.rmtree(directory, ignore_errors=True)
