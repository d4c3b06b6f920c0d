import random
import struct
from collections.abc import Iterator

import pytest

from emulator.hosting.transform_fault import TransformFault
from emulator.hosting.transform_split import MEGABYTE, masked_crc32c, payload_limit, split_records
from emulator.training.record_io import framed as record_io

MAGIC = struct.pack("<I", 0xCED7230A)
NOISE = random.Random(2).randbytes(5000)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[n : n + size] for n in range(0, len(data), size))


def framed(content: bytes, part_limit: int = 2**29 - 1) -> bytes:
    return b"".join(record_io([content], len(content), part_limit))


def part(flag: int, content: bytes) -> bytes:
    return MAGIC + struct.pack("<I", flag << 29 | len(content)) + content + bytes(-len(content) % 4)


def tf_record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return b"".join(
        (
            length,
            struct.pack("<I", masked_crc32c(length)),
            content,
            struct.pack("<I", masked_crc32c(content)),
        )
    )


def contents(split_type: str, data: bytes, limit: int = 10**6, size: int = 7) -> list[bytes]:
    return [record.content for record in split_records(split_type, cut(data, size), limit)]


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a,1\nb,2\n", [b"a,1", b"b,2"]),
        (b"a\nlast", [b"a", b"last"]),
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"\n\na\n\r\n\n b \n\n", [b"a", b" b "]),
        (b"a\rb\n", [b"a\rb"]),
        ("größe\u2028\x85\x0c\n".encode(), ["größe\u2028\x85\x0c".encode()]),
        (b"\0\n\0", [b"\0", b"\0"]),
    ],
)
def test_lines(data: bytes, lines: list[bytes], size: int) -> None:
    assert contents("Line", data, size=size) == lines


def test_a_framed_line_keeps_its_ending() -> None:
    records = split_records("Line", [b"a\r\nb\n\nc"], 100)

    assert [record.framed for record in records] == [b"a\r\n", b"b\n", b"c"]


@pytest.mark.parametrize("data", [b"", b"a\nb\n", NOISE])
def test_no_split_is_one_record(data: bytes) -> None:
    assert contents("None", data) == [data]


@pytest.mark.parametrize("size", [1, 5, 4096])
def test_record_io(size: int) -> None:
    wanted = [b"", b"1", b"1234", NOISE, MAGIC * 3]
    data = b"".join(map(framed, wanted))
    records = list(split_records("RecordIO", cut(data, size), 10**6))

    assert [record.content for record in records] == wanted
    assert b"".join(record.framed for record in records) == data


def test_record_io_of_several_parts_gets_the_magic_number_back() -> None:
    data = part(1, b"abcd") + part(2, b"") + part(3, b"ef") + part(0, b"next")
    records = list(split_records("RecordIO", [data], 100))

    assert [record.content for record in records] == [b"abcd" + MAGIC + MAGIC + b"ef", b"next"]
    assert b"".join(record.framed for record in records) == data


def test_the_magic_numbers_between_parts_count() -> None:
    data = part(1, b"abcd") + part(3, b"efgh")

    assert contents("RecordIO", data, limit=12) == [b"abcd" + MAGIC + b"efgh"]
    with pytest.raises(TransformFault, match="is larger than MaxPayloadInMB"):
        contents("RecordIO", data, limit=11)


def test_masked_crc32c_is_that_of_tensorflow() -> None:
    """The first 12 bytes of a TFRecord of 5 bytes; crc32c("123456789") is the standard's check value, 0xE3069283."""
    crc = 0xE3069283
    assert masked_crc32c(b"123456789") == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32
    assert masked_crc32c(bytes(8)) == 0x07980329


@pytest.mark.parametrize("size", [1, 5, 4096])
def test_tf_record(size: int) -> None:
    wanted = [b"", b"1", NOISE]
    data = b"".join(map(tf_record, wanted))
    records = list(split_records("TFRecord", cut(data, size), 10**6))

    assert [record.content for record in records] == wanted
    assert b"".join(record.framed for record in records) == data


@pytest.mark.parametrize(
    ("split_type", "frame", "begin"),
    [
        ("Line", lambda content: content + b"\n", 6),
        ("Line", lambda content: content + b"\r\n", 7),
        ("RecordIO", framed, 16),
        ("RecordIO", lambda content: framed(content, 8) if len(content) > 9 else framed(content), 16),
        ("TFRecord", tf_record, 21),
    ],
)
def test_a_record_larger_than_the_payload_is_named_and_not_read(split_type, frame, begin) -> None:
    def endless() -> Iterator[bytes]:
        yield frame(b"small") + frame(bytes(20))[:24].rstrip(b"\r\n")
        while True:
            yield b"x"
            raise AssertionError("It was read on.")

    assert contents(split_type, frame(b"small") + frame(b"x" * 9), limit=9) == [b"small", b"x" * 9]
    found = split_records(split_type, endless(), 9)
    assert next(found).content == b"small"
    with pytest.raises(TransformFault) as fault:
        next(found)
    assert str(fault.value).startswith(
        f"Record 2, which begins at byte {begin}, is larger than MaxPayloadInMB"
    )


def test_an_object_larger_than_the_payload_is_not_read_on() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(MEGABYTE)

    with pytest.raises(TransformFault, match=r"Record 1, .* byte 0, is larger than MaxPayloadInMB \(6\)"):
        list(split_records("None", endless(), payload_limit(6)))
    assert contents("None", bytes(10), limit=10) == [bytes(10)]


def test_the_payload_limit() -> None:
    assert payload_limit(6) == 6 * 2**20
    assert payload_limit(0) == payload_limit(100) == 100 * 2**20


@pytest.mark.parametrize(
    ("split_type", "data", "why"),
    [
        ("RecordIO", b"a,1\nb,2\n", "it does not begin with RecordIO's magic number"),
        ("RecordIO", MAGIC + b"\x05\0", "the object ends within it"),
        ("RecordIO", framed(b"12345")[:-1], "the object ends within it"),
        ("RecordIO", part(1, b"abcd"), "the object ends within it"),
        ("RecordIO", part(1, b"abcd") + part(0, b"efgh"), "its parts are out of order"),
        ("RecordIO", part(3, b"abcd"), "its parts are out of order"),
        ("RecordIO", part(4, b"abcd"), "it does not begin with RecordIO's magic number"),
        ("TFRecord", b"a,1\nb,2\n" * 3, "the checksum of its length is wrong"),
        ("TFRecord", tf_record(b"abc")[:-1], "the object ends within it"),
        ("TFRecord", tf_record(b"abc").replace(b"abc", b"abd"), "the checksum of its data is wrong"),
    ],
)
def test_damage_is_named_behind_the_good_records(split_type: str, data: bytes, why: str) -> None:
    good = framed(b"ok") if split_type == "RecordIO" else tf_record(b"ok")
    found = split_records(split_type, cut(good + data, 3), 10**6)

    assert next(found).content == b"ok"
    with pytest.raises(TransformFault) as fault:
        next(found)
    assert f"Record 2, which begins at byte {len(good)}, is not valid {split_type}: {why}" in str(fault.value)
