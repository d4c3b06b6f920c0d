"""The aws-chunked coding of S3 request bodies, decoded as it arrives.

Covers `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`, `STREAMING-UNSIGNED-PAYLOAD-TRAILER` and their relatives: chunks
of `<hex size>[;chunk-signature=...]\r\n<bytes>\r\n`, one chunk of size 0, trailers, an empty line. Chunk
signatures are skipped, not checked. Source: AWS S3 API Reference, "Signature calculations: transfer payload
in multiple chunks" and "... including trailing headers".
"""

import re
from collections.abc import Callable, Mapping

_SIZE = re.compile(rb"[0-9a-fA-F]{1,12}")
_TRAILER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e\x80-\xff \t]*)")
_LINE_LIMIT = 16 * 1024
_TRAILER_LIMIT = 32


class MalformedChunkError(ValueError):
    """The body is not aws-chunked, or it ends too early."""


def is_aws_chunked(headers: Mapping[str, str]) -> bool:
    """Tell from a request's headers (lower-case names) whether its body is coded so."""
    if headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        return True
    codings = [coding.strip() for coding in headers.get("content-encoding", "").split(",")]
    return "aws-chunked" in codings and "x-amz-decoded-content-length" in headers


class ChunkedDecoder:
    """Takes the body in pieces of any size and gives back the payload in it.

    Holds no more than one line besides the piece at hand. `trailers` (lower-case names) is complete when
    `finish` has returned.
    """

    def __init__(self) -> None:
        self.trailers: dict[str, str] = {}
        self._line = b""
        self._remaining = 0
        self._take: Callable[[bytes], None] = self._take_size

    def feed(self, data: bytes) -> bytes:
        """Return the payload bytes in `data`. Raises MalformedChunkError."""
        payload: list[memoryview] = []
        view = memoryview(data)
        position = 0
        while position < len(data):
            if self._remaining:
                piece = view[position : position + self._remaining]
                payload.append(piece)
                self._remaining -= len(piece)
                position += len(piece)
            else:
                position = self._read_line(data, position)
        return b"".join(payload)

    def finish(self) -> None:
        """Check that the body was complete. Raises MalformedChunkError.

        The empty line after the trailers may be missing: some clients leave it out.
        """
        if self._remaining or self._line or self._take != self._take_trailer:
            raise MalformedChunkError("The aws-chunked body ends before its last chunk.")

    def _read_line(self, data: bytes, position: int) -> int:
        end = data.find(b"\n", position)
        self._line += data[position:] if end < 0 else data[position:end]
        if len(self._line) > _LINE_LIMIT:
            raise MalformedChunkError("A line of the aws-chunked body is too long.")
        if end < 0:
            return len(data)
        line, self._line = self._line.removesuffix(b"\r"), b""
        self._take(line)
        return end + 1

    def _take_size(self, line: bytes) -> None:
        size, _, _ = line.partition(b";")
        if not _SIZE.fullmatch(size):
            raise MalformedChunkError("A chunk of the aws-chunked body has no valid size.")
        self._remaining = int(size, 16)
        self._take = self._take_end_of_data if self._remaining else self._take_trailer

    def _take_end_of_data(self, line: bytes) -> None:
        if line:
            raise MalformedChunkError("A chunk of the aws-chunked body is longer than its size.")
        self._take = self._take_size

    def _take_trailer(self, line: bytes) -> None:
        # AWS's own example has an empty line between the checksum and its signature, hence no final state.
        if not line:
            return
        match = _TRAILER.fullmatch(line)
        if match is None or len(self.trailers) == _TRAILER_LIMIT:
            raise MalformedChunkError("A trailer of the aws-chunked body is malformed.")
        self.trailers[match[1].decode("ascii").lower()] = match[2].decode("latin-1").strip()
