"""The contract of objects/object_store.py: one body for the embedded S3 and for an external one."""

import os
import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from emulator.blocking import abandonable
from emulator.clock import SystemClock
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.embedded_s3.server import EmbeddedS3
from emulator.objects.object_store import ObjectStore
from emulator.objects.s3 import S3ObjectStore
from tests.support.minio_server import ACCESS_KEY, SECRET_KEY, running_minio

BUCKET = "object-store"
EMBEDDED = pytest.param("embedded", id="embedded")
MINIO = pytest.param("minio", id="minio", marks=pytest.mark.minio)

Case = Callable[[ObjectStore], Awaitable[None]]


@pytest.fixture(scope="module", params=[EMBEDDED, MINIO])
def run(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Case], None]]:
    """Runs a coroutine function with a store that has the bucket."""
    directory = tmp_path_factory.mktemp(request.param)
    if request.param == "minio":
        with running_minio(directory) as url:
            external = S3ObjectStore(url, ACCESS_KEY, SECRET_KEY, "us-east-1")
            external._client.make_bucket(BUCKET)
            yield lambda case: anyio.run(case, external)
        return
    embedded = EmbeddedS3(directory, SystemClock(), "us-east-1", "123456789012")
    anyio.run(embedded.create_bucket, BUCKET, "123456789012", "us-east-1")
    yield lambda case: anyio.run(case, embedded.objects)
    embedded.close()


async def put(store: ObjectStore, key: str, *chunks: bytes) -> None:
    def write() -> None:
        with store.writer(S3Uri(BUCKET, key)) as file:
            for chunk in chunks:
                file.write(chunk)

    await anyio.to_thread.run_sync(write)


async def listed(found: AsyncIterator[S3Object]) -> list[S3Object]:
    return [one async for one in found]


def test_list_is_in_binary_order_of_the_keys(run: Callable[[Case], None]) -> None:
    keys = ["order/b", "order/a/z", "order/é", "order/Z", "order/a.txt"]

    async def case(store: ObjectStore) -> None:
        for key in keys:
            await put(store, key, b"x")
        found = await listed(store.list(S3Uri(BUCKET, "order/")))
        assert [one.key for one in found] == sorted(keys, key=lambda key: key.encode())

    run(case)


def test_list_takes_the_prefix_as_text_and_pages_through_all(run: Callable[[Case], None]) -> None:
    async def case(store: ObjectStore) -> None:
        async with anyio.create_task_group() as puts:
            for number in range(1005):
                puts.start_soon(put, store, f"many-{number:04}", b"")
        assert len(await listed(store.list(S3Uri(BUCKET, "many-")))) == 1005
        assert len(await listed(store.list(S3Uri(BUCKET, "many-00")))) == 100
        assert await listed(store.list(S3Uri(BUCKET, "no-such-prefix"))) == []

    run(case)


def test_what_the_writer_wrote_is_downloaded(run: Callable[[Case], None], tmp_path: Path) -> None:
    data = random.Random(7).randbytes(40 * 2**20)

    async def case(store: ObjectStore) -> None:
        await put(store, "large", *(data[n : n + 777_777] for n in range(0, len(data), 777_777)))
        (found,) = await listed(store.list(S3Uri(BUCKET, "large")))
        assert found.size == len(data)
        await store.download(found, tmp_path / "large")
        assert (tmp_path / "large").read_bytes() == data
        assert (tmp_path / "large").stat().st_mode & 0o777 == 0o644
        assert os.listdir(tmp_path) == ["large"]
        assert await store.read(S3Uri(BUCKET, "large"), 10) == data[:10]

    run(case)


def test_a_bucket_has_a_region_where_the_s3_has_regions(run: Callable[[Case], None]) -> None:
    async def case(store: ObjectStore) -> None:
        own = None if isinstance(store, S3ObjectStore) else "us-east-1"
        assert await store.bucket_region(BUCKET) == own
        assert await store.bucket_region("no-such-bucket-here") is None

    run(case)


def test_an_empty_object_is_an_empty_file(run: Callable[[Case], None], tmp_path: Path) -> None:
    async def case(store: ObjectStore) -> None:
        await put(store, "empty")
        (found,) = await listed(store.list(S3Uri(BUCKET, "empty")))
        await store.download(found, tmp_path / "empty")
        assert (tmp_path / "empty").read_bytes() == b""

    run(case)


def test_a_write_that_fails_leaves_no_object(run: Callable[[Case], None]) -> None:
    async def case(store: ObjectStore) -> None:
        def write() -> None:
            with store.writer(S3Uri(BUCKET, "half")) as file:
                file.write(b"x" * 20_000_000)
                raise LookupError("the reader broke")

        with pytest.raises(LookupError):
            await anyio.to_thread.run_sync(write)
        assert await listed(store.list(S3Uri(BUCKET, "half"))) == []

    run(case)


def test_a_missing_bucket_is_s3s_fault(run: Callable[[Case], None]) -> None:
    async def case(store: ObjectStore) -> None:
        with pytest.raises(S3Fault) as listing:
            await listed(store.list(S3Uri("no-such-bucket-here", "")))
        assert listing.value.code == "NoSuchBucket"

        def write() -> None:
            with store.writer(S3Uri("no-such-bucket-here", "key")) as file:
                file.write(b"x" * 100_000)

        with pytest.raises(S3Fault) as writing:
            await anyio.to_thread.run_sync(write)
        assert writing.value.code == "NoSuchBucket"

    run(case)


def test_the_first_write_to_a_default_bucket_makes_it(run: Callable[[Case], None]) -> None:
    bucket = f"sagemaker-us-east-1-{random.SystemRandom().randrange(10**11, 10**12)}"

    async def case(store: ObjectStore) -> None:
        def write(key: str) -> None:
            with store.writer(S3Uri(bucket, key)) as file:
                file.write(b"x")

        for key in ("first", "second"):
            await anyio.to_thread.run_sync(write, key)
        assert [found.key for found in await listed(store.list(S3Uri(bucket, "")))] == ["first", "second"]
        for key in ("first", "second"):
            await store.delete(S3Uri(bucket, key))

    run(case)


def test_a_missing_key_is_s3s_fault(run: Callable[[Case], None], tmp_path: Path) -> None:
    async def case(store: ObjectStore) -> None:
        with pytest.raises(S3Fault) as reading:
            await store.read(S3Uri(BUCKET, "never-written"), 10)
        assert reading.value.code == "NoSuchKey"
        with pytest.raises(S3Fault):
            await store.download(S3Object(BUCKET, "never-written", 5, "0" * 32), tmp_path / "gone")
        assert os.listdir(tmp_path) == []

    run(case)


def test_an_object_that_changed_since_the_listing_is_refused(
    run: Callable[[Case], None], tmp_path: Path
) -> None:
    async def case(store: ObjectStore) -> None:
        await put(store, "changing", b"first")
        (found,) = await listed(store.list(S3Uri(BUCKET, "changing")))
        await put(store, "changing", b"other")
        with pytest.raises(S3Fault) as fault:
            await store.download(found, tmp_path / "changing")
        assert fault.value.code == "PreconditionFailed"

    run(case)


def test_stat_tells_what_the_listing_tells(run: Callable[[Case], None]) -> None:
    async def case(store: ObjectStore) -> None:
        for key, content in {"stat/ä b+c%2F": b"12345", "stat/empty": b"", "stat/folder/": b""}.items():
            await put(store, key, content)
        found = await listed(store.list(S3Uri(BUCKET, "stat/")))
        assert [one.size for one in found] == [0, 0, 5]
        assert [await store.stat(S3Uri(BUCKET, one.key)) for one in found] == found

    run(case)


@pytest.mark.parametrize(
    ("bucket", "key", "codes"),
    [
        (BUCKET, "stat", {"NoSuchKey"}),
        (BUCKET, "", {"NoSuchKey", "InvalidRequest"}),
        ("no-such-bucket-here", "a", {"NoSuchBucket", "NoSuchKey"}),
        ("No Bucket!", "a", {"NoSuchBucket", "InvalidRequest"}),
    ],
)
def test_stat_of_nothing_is_s3s_fault(
    run: Callable[[Case], None], bucket: str, key: str, codes: set[str]
) -> None:
    async def case(store: ObjectStore) -> None:
        await put(store, "stat/below", b"x")
        with pytest.raises(S3Fault) as fault:
            await store.stat(S3Uri(bucket, key))
        assert fault.value.code in codes

    run(case)


def in_a_thread_of_its_own(fn: Callable[[], None]) -> Awaitable[None]:
    """In one that is no worker thread of the event loop, while the loop goes on."""
    return abandonable(fn)


def test_a_reader_gives_the_whole_or_a_part(run: Callable[[Case], None]) -> None:
    data = random.Random(8).randbytes(3 * 2**20)
    parts = [(0, 10), (2**20, 2**20 + 1), (len(data) - 5, 100), (len(data), None), (len(data) + 9, 1), (7, 0)]

    async def case(store: ObjectStore) -> None:
        await put(store, "read/größe", data)
        await put(store, "read/zero")
        found, zero = await listed(store.list(S3Uri(BUCKET, "read/")))

        def read() -> None:
            with store.reader(found) as file:
                assert b"".join(iter(lambda: file.read(100_003), b"")) == data
                assert file.read(1) == b""
            for offset, length in parts:
                with store.reader(found, offset, length) as file:
                    assert file.read() == data[offset:][:length]
            with store.reader(zero) as file:
                assert file.read() == b""

        await in_a_thread_of_its_own(read)

    run(case)


def test_a_reader_refuses_what_is_gone_or_changed(run: Callable[[Case], None]) -> None:
    async def case(store: ObjectStore) -> None:
        await put(store, "reread/a", b"first")
        await put(store, "reread/empty")
        found, empty = await listed(store.list(S3Uri(BUCKET, "reread/")))
        await put(store, "reread/a", b"other")
        await put(store, "reread/empty", b"no more")
        codes: list[str] = []

        def read() -> None:
            gone = S3Object(BUCKET, "never-written", 0, "0" * 32)
            nowhere = S3Object("no-such-bucket-here", "key", 5, "0" * 32)
            for source in (found, empty, gone, nowhere):
                with pytest.raises(S3Fault) as fault, store.reader(source):
                    raise AssertionError
                codes.append(fault.value.code)

        await in_a_thread_of_its_own(read)
        assert codes == ["PreconditionFailed", "PreconditionFailed", "NoSuchKey", "NoSuchBucket"]

    run(case)


def test_a_reader_never_mixes_two_versions_of_an_object(run: Callable[[Case], None]) -> None:
    async def case(store: ObjectStore) -> None:
        await put(store, "mixed", b"a" * 20_000_000)
        (found,) = await listed(store.list(S3Uri(BUCKET, "mixed")))
        begun = threading.Event()
        seen: set[int] = set()

        def read() -> None:
            with suppress(S3Fault), store.reader(found) as file:
                seen.update(file.read(10))
                begun.set()
                while data := file.read(2**18):
                    seen.update(data)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(in_a_thread_of_its_own, read)
            await anyio.to_thread.run_sync(begun.wait, 30)
            await put(store, "mixed", b"b" * 20_000_000)
        assert seen == set(b"a")

    run(case)


def test_a_deleted_object_is_gone_and_may_be_deleted_again(run: Callable[[Case], None]) -> None:
    async def case(store: ObjectStore) -> None:
        for key in ("deleted/ü b", "deleted/ü b/c"):
            await put(store, key, b"x")
        await store.delete(S3Uri(BUCKET, "deleted/ü b"))
        await store.delete(S3Uri(BUCKET, "deleted/ü b"))
        assert [one.key for one in await listed(store.list(S3Uri(BUCKET, "deleted/")))] == ["deleted/ü b/c"]
        with pytest.raises(S3Fault) as fault:
            await store.delete(S3Uri("no-such-bucket-here", "key"))
        assert fault.value.code == "NoSuchBucket"

    run(case)
