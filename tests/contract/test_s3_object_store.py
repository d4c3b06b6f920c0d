"""The embedded S3's in-process face: the ObjectStore of the job plane."""

import hashlib
import os
import tarfile
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import anyio.to_thread
import pytest

from emulator.clock import SystemClock
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.embedded_s3.errors import S3Error
from emulator.embedded_s3.server import EmbeddedS3
from emulator.objects.object_store import ObjectStore

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
ACCOUNT = "000000000000"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def s3(tmp_path: Path) -> AsyncIterator[EmbeddedS3]:
    server = EmbeddedS3(tmp_path / "s3", SystemClock(), "us-east-1", ACCOUNT)
    await server.start()
    await server.create_bucket("bucket", ACCOUNT, "us-east-1")
    yield server
    server.close()


def write(store: ObjectStore, key: str, body: bytes) -> None:
    with store.writer(S3Uri("bucket", key)) as file:
        file.write(body)


async def put(s3: EmbeddedS3, key: str, body: bytes) -> S3Object:
    store: ObjectStore = s3.objects
    await anyio.to_thread.run_sync(write, store, key, body)
    return S3Object("bucket", key, len(body), hashlib.md5(body).hexdigest())


async def test_writer_list_and_read(s3: EmbeddedS3) -> None:
    one, two = await put(s3, "p/1", b"one"), await put(s3, "p/2", b"")
    await put(s3, "q", b"other")
    assert [found async for found in s3.objects.list(S3Uri("bucket", "p/"))] == [one, two]
    assert await s3.objects.read(S3Uri("bucket", "p/1"), 100) == b"one"
    assert await s3.objects.read(S3Uri("bucket", "p/1"), 2) == b"on"


async def test_list_reads_all_pages(s3: EmbeddedS3) -> None:
    for number in range(1050):
        await put(s3, f"{number:04}", b"")
    keys = [found.key async for found in s3.objects.list(S3Uri("bucket", ""))]
    assert keys == [f"{number:04}" for number in range(1050)]


async def test_download_links_the_bytes(s3: EmbeddedS3, tmp_path: Path) -> None:
    body = os.urandom(3 * MIB)
    source = await put(s3, "k", body)
    target = tmp_path / "target"
    target.write_bytes(b"old")
    await s3.objects.download(source, target)
    assert target.read_bytes() == body
    assert target.stat().st_mode & 0o777 == 0o644
    assert target.stat().st_nlink == 2
    await put(s3, "k", b"new")
    assert target.read_bytes() == body
    assert target.stat().st_nlink == 1
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["target"]


async def test_download_copies_where_links_are_impossible(
    s3: EmbeddedS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise OSError("links are not supported")

    monkeypatch.setattr(os, "link", refuse)
    body = os.urandom(3 * MIB)
    await s3.objects.download(await put(s3, "k", body), tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == body
    assert (tmp_path / "target").stat().st_nlink == 1
    assert (tmp_path / "target").stat().st_mode & 0o777 == 0o644


async def test_download_of_a_changed_object_fails(s3: EmbeddedS3, tmp_path: Path) -> None:
    source = await put(s3, "k", b"old")
    await put(s3, "k", b"new")
    with pytest.raises(S3Fault) as fault:
        await s3.objects.download(source, tmp_path / "target")
    assert fault.value.code == "PreconditionFailed"
    assert not (tmp_path / "target").exists()


async def test_download_of_a_damaged_object_fails(s3: EmbeddedS3, tmp_path: Path) -> None:
    source = await put(s3, "k", b"whole")
    (blob,) = (path for path in (tmp_path / "s3" / "blobs").rglob("*") if path.is_file())
    blob.write_bytes(b"half")
    with pytest.raises(S3Fault):
        await s3.objects.download(source, tmp_path / "target")
    assert not (tmp_path / "target").exists()


async def test_missing_objects_and_buckets(s3: EmbeddedS3, tmp_path: Path) -> None:
    with pytest.raises(S3Fault) as fault:
        await s3.objects.read(S3Uri("bucket", "missing"), 1)
    assert fault.value.code == "NoSuchKey"
    with pytest.raises(S3Fault) as fault:
        await s3.objects.download(S3Object("bucket", "missing", 1, "x"), tmp_path / "target")
    assert fault.value.code == "NoSuchKey"
    with pytest.raises(S3Fault) as fault:
        [found async for found in s3.objects.list(S3Uri("missing", ""))]
    assert fault.value.code == "NoSuchBucket"


async def test_writer_without_bucket_fails(s3: EmbeddedS3) -> None:
    def write_to_nowhere() -> None:
        with s3.objects.writer(S3Uri("missing", "k")) as file:
            file.write(b"x")

    with pytest.raises(S3Fault) as fault:
        await anyio.to_thread.run_sync(write_to_nowhere)
    assert fault.value.code == "NoSuchBucket"


async def test_writer_that_fails_leaves_nothing(s3: EmbeddedS3, tmp_path: Path) -> None:
    def write_half() -> None:
        with s3.objects.writer(S3Uri("bucket", "k")) as file:
            file.write(os.urandom(3 * MIB))
            raise RuntimeError("the disk of the job is gone")

    with pytest.raises(RuntimeError):
        await anyio.to_thread.run_sync(write_half)
    assert [found async for found in s3.objects.list(S3Uri("bucket", ""))] == []
    files = [path for path in (tmp_path / "s3").rglob("*") if path.is_file()]
    assert [path for path in files if not path.name.startswith("index.db")] == []


async def test_writer_takes_a_tar(s3: EmbeddedS3) -> None:
    body = os.urandom(3 * MIB + 17)

    def write_tar() -> None:
        with (
            s3.objects.writer(S3Uri("bucket", "model.tar.gz")) as file,
            tarfile.open(fileobj=file, mode="w|gz") as tar,
        ):
            member = tarfile.TarInfo("model.bin")
            member.size = len(body)
            tar.addfile(member, BytesIO(body))

    await anyio.to_thread.run_sync(write_tar)
    packed = await s3.objects.read(S3Uri("bucket", "model.tar.gz"), 10 * MIB)
    with tarfile.open(fileobj=BytesIO(packed)) as tar:
        unpacked = tar.extractfile("model.bin")
        assert unpacked is not None
        assert unpacked.read() == body


async def test_create_bucket_and_its_region(s3: EmbeddedS3) -> None:
    await s3.create_bucket("paris", ACCOUNT, "eu-west-3")
    await s3.create_bucket("paris", ACCOUNT, "eu-west-3")
    assert await s3.bucket_region("paris") == "eu-west-3"
    assert await s3.bucket_region("nowhere") is None
    with pytest.raises(S3Error) as error:
        await s3.create_bucket("paris", "111111111111", "eu-west-3")
    assert error.value.code == "BucketAlreadyExists"
    with pytest.raises(S3Error) as error:
        await s3.create_bucket("Not A Name", ACCOUNT, "eu-west-3")
    assert error.value.code == "InvalidBucketName"
