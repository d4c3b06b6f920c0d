import random
import struct
from collections.abc import Iterator, Sequence
from tempfile import SpooledTemporaryFile

import pytest

from emulator.training.record_io import PART_LIMIT, framed, framed_of_unknown_length

MAGIC = 0xCED7230A
LIMIT = 12


def spool() -> SpooledTemporaryFile[bytes]:
    return SpooledTemporaryFile(5)


def parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(flag, bytes) of every part."""
    while data:
        magic, word = struct.unpack_from("<II", data)
        assert magic == MAGIC
        size = word & (1 << 29) - 1
        padded = size + -size % 4
        assert data[8 + size : 8 + padded] == bytes(padded - size)
        yield word >> 29, data[8 : 8 + size]
        data = data[8 + padded :]


def records(data: bytes) -> list[bytes]:
    """As SageMaker's TensorFlow extensions read them: a part of flag 1 or 2 has another one behind it."""
    found: list[bytes] = []
    record = b""
    for flag, content in parts(data):
        record += content
        if flag not in (1, 2):
            found.append(record)
            record = b""
    assert record == b""
    return found


def both_ways(chunks: Sequence[bytes], limit: int = LIMIT) -> bytes:
    known = b"".join(framed(iter(chunks), sum(map(len, chunks)), limit))
    assert b"".join(framed_of_unknown_length(iter(chunks), spool, limit)) == known
    return known


def test_a_record_is_magic_length_bytes_and_padding() -> None:
    assert both_ways([b"hel", b"lo"]) == b"\x0a\x23\xd7\xce" + b"\x05\0\0\0" + b"hello" + b"\0\0\0"
    assert both_ways([b"1234"]) == b"\x0a\x23\xd7\xce" + b"\x04\0\0\0" + b"1234"


@pytest.mark.parametrize("chunks", [[], [b""], [b"", b""]])
def test_an_empty_record_is_a_header(chunks: list[bytes]) -> None:
    assert both_ways(chunks) == b"\x0a\x23\xd7\xce\0\0\0\0"


@pytest.mark.parametrize(
    ("length", "flags"),
    [(0, [0]), (11, [0]), (12, [0]), (13, [1, 3]), (24, [1, 3]), (25, [1, 2, 3]), (60, [1, 2, 2, 2, 3])],
)
def test_a_record_above_the_limit_is_several_parts(length: int, flags: list[int]) -> None:
    framed_parts = list(parts(both_ways([bytes(length)])))

    assert [flag for flag, _ in framed_parts] == flags
    assert all(len(content) == LIMIT for _, content in framed_parts[:-1])


def test_the_real_limit_is_what_29_bits_tell() -> None:
    def chunks(length: int) -> Iterator[bytes]:
        yield from (bytes(2**20) for _ in range(length // 2**20))
        yield bytes(length % 2**20)

    def headers(length: int) -> list[bytes]:
        return [chunk for chunk in framed(chunks(length), length) if len(chunk) == 8 and any(chunk)]

    assert PART_LIMIT == 2**29 - 1
    assert headers(2**29 - 1) == [struct.pack("<II", MAGIC, 2**29 - 1)]
    assert headers(2**29) == [struct.pack("<II", MAGIC, word) for word in (1 << 29 | 2**29 - 1, 3 << 29 | 1)]


def test_any_records_come_back_as_they_were() -> None:
    random_ = random.Random(5)
    for limit in (1, 3, 4, 7, 64, 1000):
        contents = [random_.randbytes(random_.randrange(100)) for _ in range(30)]
        contents.append(struct.pack("<I", MAGIC) * 9)
        stream = b""
        for content in contents:
            cuts = sorted(random_.choices(range(len(content) + 1), k=4))
            pairs = zip([0, *cuts], [*cuts, len(content)], strict=True)
            stream += both_ways([content[begin:end] for begin, end in pairs], limit)
        assert records(stream) == contents


@pytest.mark.parametrize("announced", [4, 6, 0])
def test_a_wrong_length_is_no_record(announced: int) -> None:
    with pytest.raises(ValueError, match="was announced"):
        list(framed([b"12345"], announced))


def test_who_waits_for_a_long_record_may_stop_between_its_chunks() -> None:
    taken = []
    chunks = framed_of_unknown_length((taken.append(n) or b"12345678" for n in range(100)), spool)

    assert [next(chunks), next(chunks)] == [b"", b""]
    assert taken == [0, 1]
