"""The limit that Uvicorn's httptools lacks: how long the head of a request may be."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from emulator.invocation_protocol import InvocationProtocol

HEAD_LIMIT = 64 * 1024
"""Bytes of a request's target and headers, and of the trailers of a chunked body; S3 takes 8 KiB."""

_TEXT = b"The head of the request is longer than 64 KiB."


class HeadTooLargeError(Exception):
    """Raised in a callback of the parser, it ends the parse."""


class BoundedHeadProtocol(InvocationProtocol):
    """Answers 431 to a longer head and closes the connection."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pending = 0
        """Bytes received since the last end of a head or piece of a body: nothing but the parser has seen them."""
        self._is_too_large = False

    def data_received(self, data: bytes) -> None:
        self._pending += len(data)
        super().data_received(data)
        if self._pending > HEAD_LIMIT and not self.transport.is_closing():
            self._is_too_large = True
            self.send_400_response("")

    def on_headers_complete(self) -> None:
        if self._pending > HEAD_LIMIT and self._head_size() > HEAD_LIMIT:
            self._is_too_large = True
            raise HeadTooLargeError
        self._pending = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._pending = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Uvicorn's answer to what it cannot parse, a head that raised included."""
        if not self._is_too_large:
            super().send_400_response(msg)
            return
        if self.cycle is None or self.cycle.response_complete:
            head = b"content-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(_TEXT)
            self.transport.write(STATUS_LINE[431] + head + _TEXT)
        self.transport.close()

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
