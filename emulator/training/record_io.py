"""Pure: a record in the framing of MXNet's RecordIO (API Channel$RecordWrapperType, DG cdf-training).

What a part is says domain/record_io.py. A record of up to 2**29 - 1 bytes is one part. A longer one is several,
whose bytes its reader puts together again as they are, as the RecordIOReader of SageMaker's TensorFlow extensions
does.

MXNet's own (dmlc) reader is of another mind: its writer cuts a record wherever an aligned magic number is in it,
leaves the number out, and the reader puts it back between all parts. Nothing of ours is cut for that reason, and
a record of one part may hold the number, since nobody searches for it who reads from the beginning. So both
readers agree on every record below 2**29 bytes; above, MXNet's would add 4 bytes at each seam.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import IO

from emulator.domain.record_io import FIRST, LAST, MIDDLE, PART_LIMIT, WHOLE, PartHeader, padding_length

CHUNK = 256 * 1024

Spool = Callable[[], AbstractContextManager[IO[bytes]]]
"""Opens an empty temporary file."""


def framed(chunks: Iterable[bytes], length: int, part_limit: int = PART_LIMIT) -> Iterator[bytes]:
    """A record of `length` bytes; nothing is kept. Raises ValueError, too late, where `chunks` have another length."""
    source = _Bytes(chunks)
    begins = range(0, length or 1, part_limit)
    for begin in begins:
        size = min(part_limit, length - begin)
        yield _header(begin == 0, begin == begins[-1], size)
        yield from source.take(size)
        yield _padding(size)
    if source.taken != length or not source.is_over():
        raise ValueError(f"A record of {length} bytes was announced, but that is not what came.")


def framed_of_unknown_length(
    chunks: Iterable[bytes], spool: Spool, part_limit: int = PART_LIMIT
) -> Iterator[bytes]:
    """The same framing where the length shows only at the end: one part at a time waits in a spool file.

    The empty chunks that come meanwhile are there for a consumer to stop at.
    """
    source = _Bytes(chunks)
    is_first, is_last = True, False
    while not is_last:
        with spool() as part:
            for chunk in source.take(part_limit):
                part.write(chunk)
                yield b""
            size = part.tell()
            is_last = source.is_over()
            part.seek(0)
            yield _header(is_first, is_last, size)
            while data := part.read(CHUNK):
                yield data
            yield _padding(size)
        is_first = False


def _header(is_first: bool, is_last: bool, size: int) -> bytes:
    flag = (WHOLE if is_last else FIRST) if is_first else (LAST if is_last else MIDDLE)
    return PartHeader(flag, size).packed()


def _padding(size: int) -> bytes:
    return bytes(padding_length(size))


class _Bytes:
    """Chunks, cut where the parts end."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""
        self.taken = 0

    def take(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes, fewer at the end."""
        while size > 0 and not self.is_over():
            chunk, self._rest = self._rest[:size], self._rest[size:]
            size -= len(chunk)
            self.taken += len(chunk)
            yield chunk

    def is_over(self) -> bool:
        while not self._rest:
            try:
                self._rest = next(self._chunks)
            except StopIteration:
                return True
        return False
