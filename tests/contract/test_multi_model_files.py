"""The files of multi-model containers, extracted from an S3 in this process."""

import io
import tarfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import anyio

from emulator.clock import SystemClock
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.embedded_s3.server import EmbeddedS3
from emulator.hosting.model_data import ModelData
from emulator.hosting.multi_model import MultiModelFiles
from emulator.hosting.routing import InstanceRoute
from tests.support.builders import ACCOUNT, REGION


def archive() -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w:gz") as tar:
        info = tarfile.TarInfo("weights")
        info.size = 3
        tar.addfile(info, io.BytesIO(b"abc"))
    return output.getvalue()


class SlowStore:
    """Nothing of an object is read before `go_on`."""

    def __init__(self, objects: Any) -> None:
        self.stat = objects.stat
        self._objects = objects
        self.go_on = threading.Event()
        self.readers = 0

    @contextmanager
    def reader(self, source: S3Object) -> Iterator[BinaryIO]:
        self.readers += 1
        assert self.go_on.wait(20)
        with self._objects.reader(source) as file:
            yield file


def play(directory: Path, story: Callable[[MultiModelFiles, SlowStore], Awaitable[None]]) -> None:
    async def main() -> None:
        s3 = EmbeddedS3(directory / "s3", SystemClock(), REGION, ACCOUNT)
        try:
            await s3.create_bucket("models", ACCOUNT, REGION)
            await anyio.to_thread.run_sync(put, s3)
            objects, disk, root = SlowStore(s3.objects), anyio.CapacityLimiter(4), directory / "hosting"
            data = ModelData(objects, root, disk)  # type: ignore[arg-type] - as much of a store as is needed
            parts: Any = SimpleNamespace(objects=objects, work_root=root, disk=disk, model_data=data)
            await story(MultiModelFiles(parts, "cluster", "s3://models/mm/"), objects)
        finally:
            s3.close()

    def put(s3: EmbeddedS3) -> None:
        with s3.objects.writer(S3Uri("models", "mm/a.tar.gz")) as file:
            file.write(archive())

    anyio.run(main)


def test_a_model_that_is_wanted_while_it_is_extracted_is_extracted_once(tmp_path: Path) -> None:
    """As by the load for a container that died meanwhile, and by that for its replacement, which has another route."""

    async def story(files: MultiModelFiles, objects: SlowStore) -> None:
        found: list[str] = []

        async def load() -> None:
            found.append(await files.load(InstanceRoute("AllTraffic-1", ()), "a.tar.gz"))

        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(load)
                await anyio.sleep(0.1)
            objects.go_on.set()
        name = found[0].removeprefix("/opt/ml/models/")
        assert found == [f"/opt/ml/models/{name}"] * 2
        assert objects.readers == 1
        root = tmp_path / "hosting" / "multi-model" / "cluster" / "AllTraffic-1" / name
        assert (root / "weights").read_bytes() == b"abc"

    play(tmp_path, story)
