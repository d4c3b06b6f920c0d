import io
import random
import struct

import pytest

from emulator.compute.docker_log_frames import MAX_LINE, read_frames, read_lines, split_stamp
from emulator.domain.cluster import LogLine

STDOUT, STDERR = 1, 2
STAMP = b"2024-05-06T07:08:09.%09dZ "
SECOND = 1_714_979_289 * 10**9


def frame(output: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxI", output, len(payload)) + payload


def stamped(nanosecond: int, text: bytes, output: int = STDOUT) -> bytes:
    return frame(output, STAMP % nanosecond + text)


def lines(*frames: bytes) -> list[LogLine]:
    return list(read_lines(io.BytesIO(b"".join(frames))))


def test_read_lines_takes_off_stamp_and_line_end() -> None:
    assert lines(stamped(1, b"one\n"), stamped(2, b"\n"), stamped(3, b" two \t\n")) == [
        LogLine(SECOND + 1, "one"),
        LogLine(SECOND + 2, ""),
        LogLine(SECOND + 3, " two \t"),
    ]


def test_read_lines_of_nothing() -> None:
    assert lines() == []


def test_read_lines_puts_parts_together_under_the_first_stamp() -> None:
    assert lines(stamped(1, b"a"), stamped(2, b"b"), stamped(3, b"c\n"), stamped(4, b"d\n")) == [
        LogLine(SECOND + 1, "abc"),
        LogLine(SECOND + 4, "d"),
    ]


def test_read_lines_keeps_both_outputs_apart() -> None:
    assert lines(
        stamped(1, b"out ", STDOUT),
        stamped(2, b"err ", STDERR),
        stamped(3, b"put\n", STDOUT),
        stamped(4, b"or\n", STDERR),
    ) == [LogLine(SECOND + 1, "out put"), LogLine(SECOND + 2, "err or")]


def test_read_lines_hands_over_what_has_no_line_end_at_the_end() -> None:
    assert lines(stamped(1, b"out"), stamped(2, b"err", STDERR)) == [
        LogLine(SECOND + 1, "out"),
        LogLine(SECOND + 2, "err"),
    ]


def test_read_lines_decodes_characters_that_frames_cut() -> None:
    snowman = "☃".encode()

    assert lines(stamped(1, snowman[:1]), stamped(2, snowman[1:] + b"\n")) == [LogLine(SECOND + 1, "☃")]


def test_read_lines_replaces_junk() -> None:
    assert lines(stamped(1, b"a\xff\0b\n")) == [LogLine(SECOND + 1, "a\N{REPLACEMENT CHARACTER}\0b")]


def test_read_lines_hands_over_a_long_line_in_pieces() -> None:
    part = b"x" * (16 * 1_024)
    count = MAX_LINE // len(part)

    found = lines(*(stamped(n, part) for n in range(count + 1)), stamped(count + 1, b"end\n"))

    assert [len(line.message) for line in found] == [MAX_LINE, len(part) + 3]
    assert found[1].timestamp_ns == SECOND + count
    assert "".join(line.message for line in found) == "x" * (MAX_LINE + len(part)) + "end"


def test_read_lines_survives_a_stream_that_breaks_off_anywhere() -> None:
    whole = stamped(1, b"one\n") + stamped(2, b"two\n")

    for cut in range(1, len(whole) // 2 + 1):
        assert lines(whole[:-cut]) == [LogLine(SECOND + 1, "one")], cut


def test_read_frames_leaves_out_what_is_incomplete() -> None:
    assert list(read_frames(io.BytesIO(frame(1, b"a") + frame(2, b"") + frame(2, b"bc")[:-1]))) == [
        (1, b"a"),
        (2, b""),
    ]


@pytest.mark.parametrize("digits", range(10))
def test_split_stamp_reads_up_to_nine_digits(digits: int) -> None:
    fraction = b"123456789"[:digits]
    stamp = b"2024-05-06T07:08:09" + (b"." + fraction if digits else b"") + b"Z line"

    assert split_stamp(stamp) == (SECOND + int(fraction.ljust(9, b"0")), b"line")


@pytest.mark.parametrize(
    ("payload", "rest"),
    [
        (b"2024-05-06T07:08:09Z", b""),
        (b"2024-05-06T07:08:09Z ", b""),
        (b"2024-05-06T07:08:09Z  indented", b" indented"),
        (b"2024-05-06T07:08:09Z 2024-05-06T07:08:09Z own", b"2024-05-06T07:08:09Z own"),
    ],
)
def test_split_stamp_takes_off_one_stamp_and_one_space(payload: bytes, rest: bytes) -> None:
    assert split_stamp(payload) == (SECOND, rest)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"no stamp",
        b"2024-05-06 07:08:09Z x",
        b"2024-05-06T07:08:09",
        b"2024-13-45T99:99:99Z x",
        b"\xff\xfe",
    ],
)
def test_split_stamp_of_anything_else_keeps_it_whole(payload: bytes) -> None:
    assert split_stamp(payload) == (0, payload)


@pytest.mark.parametrize("seed", range(10))
def test_read_lines_loses_nothing_however_frames_are_cut(seed: int) -> None:
    random_source = random.Random(seed)
    texts = ["".join(random_source.choices("ab é☃", k=random_source.randint(0, 40))) for _ in range(50)]
    frames: list[bytes] = []
    for text in texts:
        rest = text.encode() + b"\n"
        while rest:
            size = random_source.randint(1, len(rest))
            frames.append(stamped(len(frames), rest[:size]))
            rest = rest[size:]

    found = lines(*frames)

    assert [line.message for line in found] == texts
    assert [line.timestamp_ns for line in found] == sorted(line.timestamp_ns for line in found)


def test_read_lines_adds_no_empty_line_after_a_line_of_exactly_the_most() -> None:
    part = b"x" * (16 * 1_024)
    count = MAX_LINE // len(part)

    found = lines(*(stamped(n, part) for n in range(count)), stamped(count, b"\n"))

    assert [len(line.message) for line in found] == [MAX_LINE]
