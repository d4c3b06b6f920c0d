"""Byte ranges of an object."""

import re
from typing import NamedTuple

from emulator.embedded_s3 import errors

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")
_COPY_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{1,19})")


class ByteRange(NamedTuple):
    start: int
    length: int

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def select_range(header: str | None, size: int) -> ByteRange | None:
    """The range of an object of `size` bytes that `header` asks for; None for the whole.

    Several ranges and headers that can't be read count as none, as S3 has it. Raises InvalidRange.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or header is None or match[0] == "bytes=-":
        return None
    if not match[1]:
        start, end = max(0, size - int(match[2])), size - 1
    else:
        start, end = int(match[1]), min(int(match[2] or size - 1), size - 1)
        if match[2] and int(match[2]) < start:
            return None
    if start >= size:
        raise errors.invalid_range(header, size)
    return ByteRange(start, end - start + 1)


def select_copy_range(header: str | None, size: int) -> ByteRange:
    """The range that `x-amz-copy-source-range` names. Raises InvalidArgument, InvalidRequest."""
    if header is None:
        return ByteRange(0, size)
    match = _COPY_RANGE.fullmatch(header.strip())
    if match is None or int(match[1]) > int(match[2]):
        text = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy"  # noqa: E501
        raise errors.invalid_argument("x-amz-copy-source-range", header, text)
    start, end = int(match[1]), int(match[2])
    if end >= size:
        text = f"Range specified is not valid for source object of size: {size}"
        raise errors.invalid_argument("x-amz-copy-source-range", header, text)
    return ByteRange(start, end - start + 1)
