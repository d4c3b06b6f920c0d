"""An object of an external S3 as a file that outlives its connections."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ATTEMPTS = 5
"""To get on, when connections break without another byte."""

READ_BUFFER = 128 * 1024
"""Bytes that are taken from a connection at once."""

Get = Callable[[int, int], BaseHTTPResponse]
"""(start, end) -> the answer with these bytes of the object; raises S3Fault, which is final."""


class ResumingReader(io.RawIOBase):
    """The bytes from `start` to before `end`. A reader that takes its time loses its connection: that is ordinary."""

    def __init__(self, get: Get, source: S3Object, start: int, end: int) -> None:
        self._get = get
        self._source = source
        self._position = start
        self._end = end
        self._answer: BaseHTTPResponse | None = None

    def begin(self) -> None:
        """Ask for the object, also for an empty one, so that a fault shows at once. Raises S3Fault."""
        if self._position < self._end or self._source.size == 0:
            self._answer = self._get(self._position, self._end)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)[: max(0, self._end - self._position)]
        data = self._read(len(view)) if view else b""
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._hang_up()
        super().close()

    def _read(self, size: int) -> bytes:
        """At least one byte. Raises S3Fault."""
        why = "the connection broke"
        for _ in range(ATTEMPTS):
            try:
                if self._answer is None:
                    self._answer = self._get(self._position, self._end)
                if data := self._answer.read1(size, decode_content=False):
                    return data
            except (HTTPError, ConnectionError, TimeoutError) as error:
                why = str(error)
            self._hang_up()
        size = self._source.size
        text = f"{self._source.key}: {self._position} of {size} bytes arrived ({why})."
        raise S3Fault("IncompleteBody", text)

    def _hang_up(self) -> None:
        """Give the connection back where the answer was read to its end, else close it."""
        answer, self._answer = self._answer, None
        if answer is None:
            return
        if answer.length_remaining == 0:
            answer.drain_conn()
        answer.close()
        answer.release_conn()
