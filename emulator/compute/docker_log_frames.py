"""The Engine's log stream: frames of an 8-byte header, each with a timestamp and a line or a part of one.

Source: Docker Engine API, ContainerAttach "Stream format". The Engine cuts long lines into frames of 16 KiB that
all have the time of the first; a part is a frame without a line end.
"""

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from emulator.domain.cluster import LogLine

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z ?")
MAX_LINE = 2**20
"""Bytes; a longer line is handed over in pieces."""


def read_lines(stream: BinaryIO, has_end: bool = True) -> Iterator[LogLine]:
    """Whole lines of both outputs, stamped with the time of their first part.

    `has_end`: the stream goes up to the log's end, so that a line without a line end is whole, too.
    """
    pending: dict[int, tuple[int, bytearray]] = {}
    for output, frame in read_frames(stream):
        stamp, part = split_stamp(frame)
        started, line = pending.pop(output, (stamp, bytearray()))
        if len(line) >= MAX_LINE and part != b"\n":
            yield LogLine(started, line.decode("utf-8", "replace"))
            started, line = stamp, bytearray()
        line += part
        if part.endswith(b"\n"):
            yield LogLine(started, line.decode("utf-8", "replace").removesuffix("\n"))
        else:
            pending[output] = (started, line)
    for started, line in pending.values() if has_end else ():
        yield LogLine(started, line.decode("utf-8", "replace"))


def read_frames(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(1 for stdout or 2 for stderr, payload) until the stream ends, also in the middle of a frame."""
    while len(header := stream.read(8)) == 8:
        output, size = struct.unpack(">BxxxI", header)
        payload = stream.read(size)
        if len(payload) < size:
            return
        yield output, payload


def split_stamp(frame: bytes) -> tuple[int, bytes]:
    """(nanoseconds since the epoch, the rest); 0 where the frame has no timestamp."""
    match = _STAMP.match(frame)
    if match is None:
        return 0, frame
    try:
        seconds = datetime.fromisoformat(match[1].decode()).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0, frame
    nanoseconds = int((match[2] or b"0").ljust(9, b"0"))
    return int(seconds) * 10**9 + nanoseconds, frame[match.end() :]
