"""The framing of MXNet's RecordIO: what a part of a record begins and ends with.

A part is the magic number, a length word (3 bits of flag, 29 bits of length; both little-endian), the bytes and
zeros up to a multiple of 4.
"""

import struct
from typing import NamedTuple

MAGIC = 0xCED7230A
HEADER_LENGTH = 8
PART_LIMIT = 2**29 - 1
"""Bytes that the length word can tell."""

WHOLE, FIRST, MIDDLE, LAST = range(4)


class PartHeader(NamedTuple):
    flag: int
    """Which part of its record it is: WHOLE, FIRST, MIDDLE or LAST."""
    size: int
    """Bytes, without the padding behind them."""

    def packed(self) -> bytes:
        return struct.pack("<II", MAGIC, self.flag << 29 | self.size)

    @classmethod
    def parse(cls, data: bytes) -> "PartHeader":
        """`data`: HEADER_LENGTH bytes. Raises ValueError where they are no header of a part."""
        magic, word = struct.unpack("<II", data)
        header = cls(word >> 29, word & PART_LIMIT)
        if magic != MAGIC or header.flag > LAST:
            raise ValueError("no header of RecordIO")
        return header


def padding_length(size: int) -> int:
    return -size % 4
