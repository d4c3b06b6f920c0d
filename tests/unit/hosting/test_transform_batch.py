import random

import pytest

from emulator.hosting.transform_batch import Batch, batches
from emulator.hosting.transform_split import Record, split_records
from emulator.training.record_io import framed


def lines(data: bytes, strategy: str, limit: int) -> list[Batch]:
    return list(batches(split_records("Line", [data], limit), strategy, limit))


def test_single_record_sends_bare_records() -> None:
    assert lines(b"a\r\nbb\n\nc", "SingleRecord", 100) == [Batch(b"a", 1), Batch(b"bb", 1), Batch(b"c", 1)]


def test_multi_record_fills_the_payload_and_keeps_line_endings() -> None:
    assert lines(b"aaa\nbbb\nccc\ndd", "MultiRecord", 8) == [Batch(b"aaa\nbbb\n", 2), Batch(b"ccc\ndd", 2)]
    assert lines(b"", "MultiRecord", 8) == lines(b"\n\n", "MultiRecord", 8) == []


def test_a_record_of_the_limit_goes_alone_with_its_framing() -> None:
    assert lines(b"12345678\r\n1\n", "MultiRecord", 8) == [Batch(b"12345678\r\n", 1), Batch(b"1\n", 1)]


def test_record_io_is_framed_in_multi_record_and_bare_in_single_record() -> None:
    frames = [b"".join(framed([content], len(content))) for content in (b"one", b"three", b"")]
    data = b"".join(frames)

    assert list(batches(split_records("RecordIO", [data], 28), "MultiRecord", 28)) == [
        Batch(frames[0] + frames[1], 2),
        Batch(frames[2], 1),
    ]
    assert [
        batch.payload for batch in batches(split_records("RecordIO", [data], 28), "SingleRecord", 28)
    ] == [b"one", b"three", b""]


@pytest.mark.parametrize("limit", [10, 64, 1000])
def test_nothing_is_lost_and_nothing_would_have_fitted(limit: int) -> None:
    random_ = random.Random(limit)
    records = [Record(random_.randbytes(random_.randrange(1, limit + 1))) for _ in range(200)]
    found = list(batches(records, "MultiRecord", limit))

    assert b"".join(batch.payload for batch in found) == b"".join(record.framed for record in records)
    assert sum(batch.records for batch in found) == 200
    assert all(len(batch.payload) <= limit for batch in found)
    begins = [sum(batch.records for batch in found[:n]) for n in range(1, len(found))]
    assert all(
        len(batch.payload) + len(records[begin].framed) > limit
        for batch, begin in zip(found[:-1], begins, strict=True)
    )


def test_batches_are_made_as_records_come() -> None:
    def records():
        yield from (Record(b"12"), Record(b"34"), Record(b"56"))
        raise AssertionError("It was read on.")

    assert next(batches(records(), "MultiRecord", 4)) == Batch(b"1234", 2)
