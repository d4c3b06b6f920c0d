"""Models' files from an S3 in this process to directories that containers see (API S3ModelDataSource)."""

import io
import tarfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest
from anyio import CapacityLimiter

from emulator.clock import SystemClock
from emulator.domain.failure_reason import JobFailure
from emulator.domain.model import S3ModelDataSource
from emulator.domain.s3_uri import S3Uri
from emulator.embedded_s3.server import EmbeddedS3
from emulator.hosting.model_data import ModelData
from tests.support.builders import ACCOUNT, REGION


class House:
    def __init__(self, directory: Path) -> None:
        self.s3 = EmbeddedS3(directory / "s3", SystemClock(), REGION, ACCOUNT)
        self.work_root = directory / "hosting"
        self.data = ModelData(self.s3.objects, self.work_root, CapacityLimiter(4))

    async def put(self, objects: dict[str, bytes]) -> None:
        for key, content in objects.items():
            await anyio.to_thread.run_sync(self._put, S3Uri("models", key), content)

    def _put(self, uri: S3Uri, content: bytes) -> None:
        with self.s3.objects.writer(uri) as file:
            file.write(content)

    async def stage(
        self, key: str, data_type: str = "S3Prefix", compression: str = "None"
    ) -> dict[str, bytes]:
        """The files by their paths below /opt/ml/model."""
        uri = f"s3://models/{key}"
        source = S3ModelDataSource(s3_uri=uri, s3_data_type=data_type, compression_type=compression)
        root = self.work_root / await self.data.stage(source)
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    async def reason(self, *source: str) -> str:
        with pytest.raises(JobFailure) as failure:
            await self.stage(*source)
        return failure.value.reason


def play(directory: Path, story: Callable[[House], Awaitable[None]]) -> None:
    async def main() -> None:
        house = House(directory)
        try:
            await house.s3.create_bucket("models", ACCOUNT, REGION)
            await story(house)
        finally:
            house.s3.close()

    anyio.run(main)


def archive(**files: bytes) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return output.getvalue()


def test_the_same_objects_laid_out_otherwise_are_another_model(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        packed = archive(weights=b"abc")
        await house.put({"m/v1/weights": b"1", "one/model.tar.gz": packed})
        assert await house.stage("m/") == {"v1/weights": b"1"}
        assert await house.stage("m/v1/") == {"weights": b"1"}
        assert await house.stage("one/model.tar.gz", "S3Object", "Gzip") == {"weights": b"abc"}
        assert await house.stage("one/model.tar.gz", "S3Object", "None") == {"model.tar.gz": packed}

    play(tmp_path, story)
