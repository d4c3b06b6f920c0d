"""EmbeddedObjectStore.reader where its object is replaced at the same time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from emulator.clock import SystemClock
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.embedded_s3.blobs import BlobStore
from emulator.embedded_s3.object_store import LOOKS
from emulator.embedded_s3.server import EmbeddedS3

URI = S3Uri("bucket", "key")


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[EmbeddedS3]:
    s3 = EmbeddedS3(tmp_path, SystemClock(), "us-east-1", "123456789012")
    anyio.run(s3.create_bucket, "bucket", "123456789012", "us-east-1")
    yield s3
    s3.close()


def put(s3: EmbeddedS3, content: bytes) -> S3Object:
    def write() -> None:
        with s3.objects.writer(URI) as file:
            file.write(content)

    async def main() -> S3Object:
        await anyio.to_thread.run_sync(write)
        return await s3.objects.stat(URI)

    return anyio.run(main)


@pytest.mark.parametrize("misses", [0, LOOKS - 1, LOOKS])
def test_a_blob_that_goes_before_it_is_opened_is_looked_up_again(
    s3: EmbeddedS3, monkeypatch: pytest.MonkeyPatch, misses: int
) -> None:
    opened = BlobStore.open
    calls: list[str] = []

    def open_late(self: BlobStore, blob: str, *args: Any, **kwargs: Any) -> Any:
        calls.append(blob)
        if len(calls) <= misses:
            raise FileNotFoundError(blob)
        return opened(self, blob, *args, **kwargs)

    stored = put(s3, b"content")
    monkeypatch.setattr(BlobStore, "open", open_late)
    if misses == LOOKS:
        with pytest.raises(S3Fault, match="InternalError"), s3.objects.reader(stored):
            raise AssertionError
    else:
        with s3.objects.reader(stored) as file:
            assert file.read() == b"content"
    assert len(calls) == min(misses + 1, LOOKS)


def test_a_blob_that_lost_bytes_is_told(s3: EmbeddedS3, tmp_path: Path) -> None:
    stored = put(s3, b"content")
    (blob,) = tmp_path.glob("blobs/*/*")
    blob.write_bytes(b"conten")
    with pytest.raises(S3Fault, match="6 bytes instead of 7"), s3.objects.reader(stored):
        raise AssertionError
