import gzip
import random
from collections.abc import Iterator

import pytest

from emulator.domain.failure_reason import JobFailure
from emulator.domain.gzip_stream import CHUNK, gunzipped

DATA = random.Random(3).randbytes(300_000) + bytes(1_000_000)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[n : n + size] for n in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 7, 1000, 10**7])
@pytest.mark.parametrize(
    ("compressed", "content"),
    [
        (b"", b""),
        (gzip.compress(b"", mtime=0), b""),
        (gzip.compress(b"one", mtime=0), b"one"),
        (
            gzip.compress(b"one", mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(b"two", mtime=0),
            b"onetwo",
        ),
        (gzip.compress(b"one", mtime=0) + bytes(500) + gzip.compress(b"two", mtime=0) + bytes(3), b"onetwo"),
    ],
)
def test_gunzipped_is_the_content_of_all_members(compressed: bytes, content: bytes, size: int) -> None:
    assert b"".join(gunzipped(cut(compressed, size), "a")) == content


@pytest.mark.parametrize("size", [999, 10**7])
def test_gunzipped_gives_no_more_at_once_than_it_says(size: int) -> None:
    chunks = list(gunzipped(cut(gzip.compress(DATA), size), "a"))

    assert b"".join(chunks) == DATA
    assert max(map(len, chunks)) <= CHUNK
    assert all(chunks)


@pytest.mark.parametrize("size", [1, 10**7])
@pytest.mark.parametrize(
    ("damaged", "why"),
    [
        (b"plain text", "is not in gzip format or damaged"),
        (bytes(20), "is not in gzip format or damaged"),
        (gzip.compress(b"one", mtime=0) + b"rubbish", "is not in gzip format or damaged"),
        (gzip.compress(b"one", mtime=0)[:-8] + bytes(8), "is not in gzip format or damaged"),
        (gzip.compress(DATA)[:1000], "is not whole"),
        (gzip.compress(b"one", mtime=0)[:-1], "is not whole"),
        (gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0)[:5], "is not whole"),
    ],
)
def test_damage_fails_the_job_and_names_the_object(damaged: bytes, why: str, size: int) -> None:
    with pytest.raises(JobFailure) as failure:
        list(gunzipped(cut(damaged, size), "the object s3://b/größe.gz"))

    assert failure.value.reason.startswith(
        f"ClientError: Data download failed:the object s3://b/größe.gz {why}"
    )
