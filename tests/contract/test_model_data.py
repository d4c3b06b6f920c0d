"""Models' files from an S3 in this process to directories that containers see (API S3ModelDataSource)."""

import io
import shutil
import tarfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import anyio
import pytest
from anyio import CapacityLimiter

from emulator.clock import SystemClock
from emulator.domain.failure_reason import JobFailure
from emulator.domain.model import S3ModelDataSource
from emulator.domain.model_data_failure import model_data_not_downloaded, model_data_too_slow
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.embedded_s3.server import EmbeddedS3
from emulator.hosting.model_data import SPARE_BYTES, ModelData
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
        self, key: str, data_type: str = "S3Prefix", compression: str = "None", **limit: float
    ) -> dict[str, bytes]:
        """The files by their paths below /opt/ml/model."""
        uri = f"s3://models/{key}"
        source = S3ModelDataSource(s3_uri=uri, s3_data_type=data_type, compression_type=compression)
        root = self.work_root / await self.data.stage(source, **limit)
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    async def reason(self, *source: str, **limit: float) -> str:
        with pytest.raises(JobFailure) as failure:
            await self.stage(*source, **limit)
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


def test_an_object_that_goes_during_the_download_fails_the_deployment(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.put({"m/a": b"1", "m/b": b"2"})
        download = house.s3.objects.download

        async def lose(source: S3Object, target: Path) -> None:
            await house.s3.objects.delete(S3Uri("models", source.key))
            await download(source, target)

        house.s3.objects.download = lose  # type: ignore[method-assign]
        assert await house.reason("m/") == model_data_not_downloaded("s3://models/m/")

    play(tmp_path, story)


@pytest.mark.parametrize("source", [("m/",), ("m/a", "S3Object"), ("m/a", "S3Object", "Gzip")])
def test_no_objects_fail_the_deployment(tmp_path: Path, source: tuple[str, ...]) -> None:
    async def story(house: House) -> None:
        await house.put({"mm/a": b"1"})
        assert await house.reason(*source) == model_data_not_downloaded(f"s3://models/{source[0]}")

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (["w", "w/part1"], "'m/w' would be both a file and a directory"),
        (["w/part1/x", "w"], "'m/w' would be both a file and a directory"),
        (["a/../../b"], "The key 'm/a/../../b' has '..' as a name"),
        (["a/./b"], "The key 'm/a/./b' has '.' as a name"),
        (["a//b"], "The key 'm/a//b' has an empty or blank name"),
        (["/a"], "The key 'm//a' has an empty or blank name"),
        (["a/ /b"], "The key 'm/a/ /b' has an empty or blank name"),
        (["a", "folder/"], "The key 'm/folder/' has an empty or blank name"),
        (["a", ""], "The key 'm/' has an empty or blank name"),
        (["é" * 128], "has a name of more than 255 bytes"),
    ],
)
def test_keys_that_make_no_files_fail_the_deployment(tmp_path: Path, keys: list[str], why: str) -> None:
    async def story(house: House) -> None:
        await house.put({f"m/{key}": b"1" for key in keys})
        reason = await house.reason("m/")
        assert reason.startswith('Failed to download model data from URL "s3://models/m/". ')
        assert why in reason
        assert not (house.work_root / "models").exists()

    play(tmp_path, story)


def test_an_archive_that_the_disk_has_no_room_for_fails_the_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = SPARE_BYTES + 1000
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, free))

    async def story(house: House) -> None:
        await house.put({"large.tar.gz": archive(m=b"x" * 1001), "small.tar.gz": archive(m=b"x" * 1000)})
        assert "The model data archive is too large." in await house.reason(
            "large.tar.gz", "S3Object", "Gzip"
        )
        assert await house.stage("small.tar.gz", "S3Object", "Gzip") == {"m": b"x" * 1000}

    play(tmp_path, story)


def test_odd_names_are_kept(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        odd = {
            "a b": b"1",
            "%2F": b"2",
            "a%2Fb/c+d": b"3",
            "größe/数据": b"4",
            "..a/b..": b"5",
            "x" * 255: b"6",
        }
        await house.put({f"m/{name}": content for name, content in odd.items()})
        assert await house.stage("m/") == odd

    play(tmp_path, story)


def test_many_small_objects_are_one_model(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.put({f"m/{number % 7}/{number}": b"%d" % number for number in range(200)})
        found = await house.stage("m/")
        assert (len(found), found["3/157"]) == (200, b"157")

    play(tmp_path, story)


@pytest.mark.parametrize("source", [("m/",), ("m/model.tar.gz", "S3Object", "Gzip")])
def test_a_model_that_takes_longer_than_its_time_fails_the_deployment_and_can_be_had_later(
    tmp_path: Path, source: tuple[str, ...]
) -> None:
    async def story(house: House) -> None:
        store: Any = house.s3.objects
        reader, download = store.reader, store.download

        async def slow_download(source: S3Object, target: Path) -> None:
            await anyio.sleep(0.5)
            await download(source, target)

        @contextmanager
        def slow_reader(source: S3Object) -> Iterator[BinaryIO]:
            time.sleep(0.5)
            with reader(source) as file:
                yield file

        await house.put({"m/model.tar.gz": archive(weights=b"abc")})
        store.reader, store.download = slow_reader, slow_download
        reason = await house.reason(*source, limit=0.1)
        assert reason == model_data_too_slow(f"s3://models/{source[0]}", 0.1)
        assert await house.stage(*source, limit=60.0)

    play(tmp_path, story)
