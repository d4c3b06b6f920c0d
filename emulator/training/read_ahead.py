"""A thread that reads ahead of its consumer, so that S3's answers come while earlier bytes are being written."""

import threading
from collections import deque
from collections.abc import Generator
from contextlib import closing

Chunks = Generator[bytes, None, None]
"""What is read ahead. Empty chunks are places to stop at."""

OVERHEAD = 100
"""Bytes that even an empty chunk takes."""


class ReadAhead:
    """Takes chunks from a generator until `limit` bytes wait, one chunk more at most."""

    def __init__(self, chunks: Chunks, limit: int, name: str) -> None:
        self._chunks = chunks
        self._limit = limit
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._is_over = False
        self._is_closed = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._fill, name=name, daemon=True)
        self._thread.start()

    def take(self, timeout: float) -> bytes | None:
        """The next chunk, empty where none comes within `timeout` seconds, None at the end.

        Raises, behind the last chunk, what the generator raised.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_over, timeout)
            if self._waiting:
                chunk = self._waiting.popleft()
                self._size -= len(chunk) + OVERHEAD
                self._changed.notify_all()
                return chunk
            if self._error is not None:
                raise self._error
            return None if self._is_over else b""

    def close(self) -> None:
        """Stop reading; returns at once. The thread closes the generator as soon as this gives the chunk it is at."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def has_ended(self, timeout: float) -> bool:
        """Whether the generator is closed, now or within `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _fill(self) -> None:
        error = None
        try:
            with closing(self._chunks):
                for chunk in self._chunks:
                    if not self._put(chunk):
                        break
        except BaseException as met:
            error = met
        with self._changed:
            self._is_over, self._error = True, error
            self._changed.notify_all()

    def _put(self, chunk: bytes) -> bool:
        """Wait for room, then hand over. False where nobody wants it any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._size < self._limit or self._is_closed)
            if chunk and not self._is_closed:
                self._waiting.append(chunk)
                self._size += len(chunk) + OVERHEAD
                self._changed.notify_all()
            return not self._is_closed
