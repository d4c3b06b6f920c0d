"""Bytes that come in chunks, read by length or by line."""

from collections.abc import Iterable


class ByteSource:
    """Holds what was asked for and the rest of one chunk, no more."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""
        self._begin = 0
        self.position = 0
        """Bytes read so far."""

    def is_over(self) -> bool:
        while self._begin == len(self._rest):
            chunk = next(self._chunks, None)
            if chunk is None:
                return True
            self._rest, self._begin = chunk, 0
        return False

    def take(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end."""
        pieces: list[bytes] = []
        while size > 0 and not self.is_over():
            pieces.append(self._cut(self._begin + size))
            size -= len(pieces[-1])
        return b"".join(pieces)

    def take_line(self, limit: int) -> bytes:
        """Up to and with the next newline, or the end; cut off where it is longer than `limit` bytes."""
        pieces: list[bytes] = []
        while limit > 0 and not self.is_over():
            end = self._rest.find(b"\n", self._begin, self._begin + limit)
            pieces.append(self._cut(end + 1 if end >= 0 else self._begin + limit))
            limit -= len(pieces[-1])
            if end >= 0:
                break
        return b"".join(pieces)

    def _cut(self, end: int) -> bytes:
        piece = self._rest[self._begin : end]
        self._begin += len(piece)
        self.position += len(piece)
        return piece
