"""One directory of one host, on its way to S3.

What S3 has of it is noted in a file of the job's work directory, so a new emulator goes on from there: it uploads
nothing twice, and deletes nothing that it does not know.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import anyio
from anyio import from_thread

from emulator.blocking import blocking
from emulator.domain.cluster import FileState
from emulator.domain.object_path import MAX_NAME_BYTES
from emulator.domain.s3_fault import S3Fault
from emulator.domain.sync_directory import SyncDirectory
from emulator.training.parts import TrainingParts
from emulator.training.spooled_files import Slice, read_slice, spool
from emulator.training.sync_plan import UPLOADED, UPLOADING, Files, SyncPlan, plan_sync, read_batches
from emulator.training.volume import require_declared


def record_file(work_dir: Path, directory: SyncDirectory, host: str) -> Path:
    return work_dir / "sync" / f"{directory.kind}-{host}.json"


def write_record(file: Path, synced: Files) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_text(json.dumps(synced), encoding="utf-8")
    new.replace(file)


def read_record(file: Path) -> dict[str, FileState]:
    if not file.exists():
        return {}
    return {path: FileState(*state) for path, state in json.loads(file.read_text(encoding="utf-8")).items()}


class HostSync:
    def __init__(
        self, directory: SyncDirectory, cluster: str, host: str, volume: int, parts: TrainingParts
    ) -> None:
        """`volume`: bytes of the host's storage."""
        self._directory = directory
        self._volume = volume
        self._where = (cluster, host)
        self._parts = parts
        self._work_dir = parts.work_root / cluster
        self._record = record_file(self._work_dir, directory, host)
        self._synced: dict[str, FileState] | None = None
        self._previous: Files = {}
        self._faults: list[S3Fault] = []

    async def look(self, is_final: bool = False) -> bool:
        """Bring S3 up to date; whether there was anything to do. Finally, a file need not be seen twice.

        Raises the first S3Fault when all has been tried, VolumeOutgrownError where the files say that they are more
        than the volume, JobFailure where the container is gone.
        """
        if self._synced is None:
            self._synced = await blocking(self._parts.disk, read_record, self._record)
        now = await self._parts.compute.list_files(*self._where, self._directory.local_path)
        plan, batches = await blocking(self._parts.disk, self._plan, self._synced, now, is_final)
        self._previous, self._faults = now, []
        for batch in batches:
            await self._upload(batch, self._synced, is_final)
        await self._delete(plan.deletions, self._synced)
        if self._faults:
            raise self._faults[0]
        return bool(plan.uploads or plan.deletions)

    def _plan(self, synced: Files, now: Files, is_final: bool) -> tuple[SyncPlan, list[dict[str, FileState]]]:
        """For a worker thread: a container decides how many files there are."""
        require_declared(self._where[1], (state.size for state in now.values()), self._volume)
        plan = plan_sync(synced, now if is_final else self._previous, now)
        return plan, list(read_batches(plan.uploads, now))

    async def has_synced(self) -> bool:
        """Whether S3 has anything of it."""
        return bool(await blocking(self._parts.disk, read_record, self._record))

    async def _upload(self, batch: Files, synced: dict[str, FileState], is_final: bool) -> None:
        with tempfile.TemporaryFile(dir=self._work_dir) as file:
            slices = await blocking(self._parts.syncs, spool, self._archive, batch, file)
            if not is_final:
                slices = await self._unchanged(slices, batch)
                await self._mark(slices, UPLOADING)
            done: dict[str, FileState] = {}
            waiting = iter(slices.items())
            async with anyio.create_task_group() as workers:
                for _ in range(min(len(slices), int(self._parts.syncs.total_tokens))):
                    workers.start_soon(self._upload_some, file, waiting, batch, done)
        synced |= done
        await self._note(synced)
        if not is_final:
            await self._mark(done, UPLOADED)

    async def _upload_some(
        self, file: BinaryIO, waiting: Iterator[tuple[str, Slice]], batch: Files, done: dict[str, FileState]
    ) -> None:
        """One worker of several: they share the iterator."""
        for path, part in waiting:
            try:
                await blocking(self._parts.syncs, self._write, path, file, part)
            except S3Fault as fault:
                self._faults.append(fault)
            else:
                done[path] = batch[path]

    def _write(self, path: str, file: BinaryIO, part: Slice) -> None:
        with self._parts.objects.writer(self._directory.folder.join(path)) as target:
            for chunk in read_slice(file, part):
                from_thread.check_cancelled()
                target.write(chunk)

    async def _unchanged(self, slices: Mapping[str, Slice], batch: Files) -> dict[str, Slice]:
        """Those whose files are still as they were: what was read of them is whole."""
        after = await self._parts.compute.list_files(*self._where, self._directory.local_path, list(slices))
        return {path: part for path, part in slices.items() if after.get(path) == batch[path]}

    async def _mark(self, paths: Mapping[str, object], suffix: str) -> None:
        if not self._directory.has_markers:
            return
        names = [f"{path}{suffix}" for path in paths]
        fitting = [name for name in names if len(PurePosixPath(name).name.encode()) <= MAX_NAME_BYTES]
        if fitting:
            markers = {f"{self._directory.local_path}/{name}": "" for name in fitting}
            await self._parts.compute.put_files(*self._where, markers)

    async def _delete(self, paths: Sequence[str], synced: dict[str, FileState]) -> None:
        for path in paths:
            try:
                await self._parts.objects.delete(self._directory.folder.join(path))
            except S3Fault as fault:
                self._faults.append(fault)
            else:
                del synced[path]
        if paths:
            await self._note(synced)

    async def _note(self, synced: Files) -> None:
        await blocking(self._parts.disk, write_record, self._record, synced)

    @contextmanager
    def _archive(self, path: str) -> Iterator[Iterator[bytes] | None]:
        whole = f"{self._directory.local_path}/{path}"
        with self._parts.compute.archive(*self._where, whole) as stream:
            yield None if stream is None else _until_cancelled(stream)


def _until_cancelled(stream: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in stream:
        from_thread.check_cancelled()
        yield chunk
