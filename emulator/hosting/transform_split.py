"""Pure: the records of an S3 object (API TransformInput$SplitType), as a stream.

Choices: a line ends with a newline, the carriage return before it belongs to the ending, and a line with nothing in
it is no record. An object of no bytes has no records, but with SplitType None it is one record, whatever it holds.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from awscrt import checksums  # type: ignore[import-untyped]

from emulator.domain.record_io import (
    FIRST,
    HEADER_LENGTH,
    LAST,
    MAGIC,
    WHOLE,
    PartHeader,
    padding_length,
)
from emulator.hosting.byte_source import ByteSource
from emulator.hosting.transform_fault import damaged_record, record_too_large

MEGABYTE = 2**20
"""Of MaxPayloadInMB."""

LARGEST_PAYLOAD = 100 * MEGABYTE
"""Also where MaxPayloadInMB is 0, which means no limit: a record is held in memory."""


class Record(NamedTuple):
    framed: bytes
    """As it is in the object: with its line ending, or its header, checksums and padding."""
    parts: tuple[slice, ...] = (slice(None),)
    """Where in `framed` the content is."""
    seam: bytes = b""
    """What is missing in the object between the parts."""

    @property
    def content(self) -> bytes:
        """Without the framing."""
        return self.seam.join(self.framed[part] for part in self.parts)


def payload_limit(max_payload_in_mb: int) -> int:
    """Bytes (API CreateTransformJob, MaxPayloadInMB)."""
    return max_payload_in_mb * MEGABYTE or LARGEST_PAYLOAD


def split_records(split_type: str, chunks: Iterable[bytes], limit: int) -> Iterator[Record]:
    """Raises TransformFault for a record whose content is larger than `limit` bytes, before it is read whole,
    and for data that is not what `split_type` says; the records before it are given first.
    """
    source = ByteSource(chunks)
    if split_type == "None":
        yield _next_record(source, 1, limit, _read_object)
        return
    number = 0
    while not source.is_over():
        number += 1
        record = _next_record(source, number, limit, READERS[split_type])
        if record.framed.strip(b"\r\n") or split_type != "Line":
            yield record


class _TooLarge(Exception):  # noqa: N818
    pass


class _Damaged(Exception):  # noqa: N818
    pass


Reader = Callable[[ByteSource, int], Record]


def _next_record(source: ByteSource, number: int, limit: int, read: Reader) -> Record:
    begin = source.position
    try:
        return read(source, limit)
    except _TooLarge:
        raise record_too_large(number, begin, limit) from None
    except _Damaged as fault:
        name = "RecordIO" if read is _read_record_io else "TFRecord"
        raise damaged_record(name, number, begin, str(fault)) from None


def _read_object(source: ByteSource, limit: int) -> Record:
    content = source.take(limit)
    if not source.is_over():
        raise _TooLarge
    return Record(content)


def _read_line(source: ByteSource, limit: int) -> Record:
    line = source.take_line(limit + len(b"\r\n"))
    ending = b"\r\n" if line.endswith(b"\r\n") else b"\n" if line.endswith(b"\n") else b""
    length = len(line) - len(ending)
    if length > limit:
        raise _TooLarge
    return Record(line, (slice(0, length),))


def _read_record_io(source: ByteSource, limit: int) -> Record:
    """A record of several parts has lost the magic number at each seam (dmlc's recordio.cc): its writer cuts there."""
    framed = bytearray()
    parts: list[slice] = []
    while True:
        header = _read_part_header(source, bool(parts))
        limit -= header.size + (4 if parts else 0)
        if limit < 0:
            raise _TooLarge
        begin = len(framed) + HEADER_LENGTH
        framed += header.packed()
        framed += _exactly(source, header.size + padding_length(header.size))
        parts.append(slice(begin, begin + header.size))
        if header.flag in (WHOLE, LAST):
            return Record(bytes(framed), tuple(parts), struct.pack("<I", MAGIC))


def _read_part_header(source: ByteSource, is_inside: bool) -> PartHeader:
    try:
        header = PartHeader.parse(_exactly(source, HEADER_LENGTH))
    except ValueError:
        raise _Damaged("it does not begin with RecordIO's magic number and length") from None
    if is_inside == (header.flag in (WHOLE, FIRST)):
        raise _Damaged("its parts are out of order")
    return header


def _read_tf_record(source: ByteSource, limit: int) -> Record:
    """Length (u64), its checksum, data, its checksum; all little-endian (TensorFlow, "TFRecords format details")."""
    head = _exactly(source, 12)
    length, checksum = struct.unpack("<QI", head)
    if checksum != masked_crc32c(head[:8]):
        raise _Damaged("the checksum of its length is wrong")
    if length > limit:
        raise _TooLarge
    rest = _exactly(source, length + 4)
    if struct.unpack("<I", rest[length:]) != (masked_crc32c(rest[:length]),):
        raise _Damaged("the checksum of its data is wrong")
    return Record(head + rest, (slice(12, 12 + length),))


def masked_crc32c(data: bytes) -> int:
    crc = checksums.crc32c(data)
    return int(((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _exactly(source: ByteSource, size: int) -> bytes:
    data = source.take(size)
    if len(data) < size:
        raise _Damaged("the object ends within it")
    return data


READERS: dict[str, Reader] = {
    "Line": _read_line,
    "RecordIO": _read_record_io,
    "TFRecord": _read_tf_record,
}
