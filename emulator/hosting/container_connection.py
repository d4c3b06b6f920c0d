"""One HTTP/1.1 connection to a container, on httptools as the server has it: see docs/decisions for why not a library.

One request at a time. Nothing is followed, unpacked or added; what does not fit HTTP breaks the connection.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import httptools

from emulator.hosting.container_message import (
    AnswerHeaders,
    ContainerFault,
    ContainerTimeout,
    ContainerUnreachable,
)
from emulator.hosting.invocation_body import InvocationBody

HEAD_LIMIT = 64 * 1024
"""Bytes of an answer's head, or behind its body."""

SMALL_BODY = 64 * 1024
"""Bytes; an answer of at most this known length is waited for as a whole, which wakes us once."""

BUFFER_LIMIT = 128 * 1024
"""Bytes of an answer that wait to be read; then the container has to wait."""


class ContainerConnection(asyncio.Protocol):
    """`ask`, then `read` until it gives nothing; `is_reusable` tells whether another request may follow."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._sender: asyncio.Task[None] | None = None
        self._reset()
        self._is_idle = True

    def _reset(self) -> None:
        self._sender = None
        self._progress = self._loop.time()
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._on_news: Callable[[], None] | None = None
        self._fault: Exception | None = None
        self._chunks: list[bytes] = []
        self._buffered = self._unread = 0
        self._has_head = self._is_complete = self._keeps_alive = self._is_idle = False
        self._is_small = False
        self.status = 0
        self.length: int | None = None
        """Bytes of the answer's body, where the container tells it."""
        self.headers = AnswerHeaders()

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_reusable(self) -> bool:
        """The answer was read to its end, and both sides go on."""
        has_sent = self._sender is None or self._sender.done()
        return self._keeps_alive and not self._chunks and has_sent and self.is_open

    def rest(self) -> None:
        """Between two requests nothing may come."""
        self._is_idle = True

    def close(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
        if self._transport is not None:
            self._transport.abort()

    async def ask(self, head: bytes, body: InvocationBody, limit: float) -> None:
        """Send a request and wait for the head of its answer. `head` lacks only the length of the body.

        `limit`: seconds without progress, be it of the body or of the answer. Raises ContainerFault, or what reading
        the body raises.
        """
        if body.content is not None:
            self.begin(head, body.content)
        else:
            self._reset()
            self._sender = self._loop.create_task(self._send(head, body))
        while not self._has_head:
            await self._wait(limit)

    def begin(self, head: bytes, content: bytes, on_news: Callable[[], None] | None = None) -> None:
        """The first half of `ask`, for a body that is there. The loop calls `on_news` once: when a short answer is
        complete, when the head of another one has come, or at a fault; from then on the connection is read as ever.
        """
        self._reset()
        self._on_news = on_news
        self._write(b"%bContent-Length: %d\r\n\r\n%b" % (head, len(content), content))

    @property
    def fault(self) -> Exception | None:
        """Why there is no answer."""
        return self._fault

    def give_up(self) -> None:
        """The time is over."""
        self._fail(ContainerTimeout("no answer came in time"))

    async def read(self, limit: float) -> bytes:
        """What came since; nothing at the end of the answer. Raises ContainerFault."""
        while not self._chunks:
            if self._is_complete:
                return b""
            await self._wait(limit)
        return self.take()

    @property
    def has_all(self) -> bool:
        """The end of the answer is here: reading waits for nothing."""
        return self._is_complete

    @property
    def has_small_answer(self) -> bool:
        """All of a short answer is here."""
        return self._is_small and self._is_complete

    def take(self) -> bytes:
        """All that has come and was not read."""
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if self._buffered > BUFFER_LIMIT and self._transport is not None and self.is_open:
            self._transport.resume_reading()
        self._buffered = 0
        return data

    async def _wait(self, limit: float) -> None:
        """Until something happens. Raises what went wrong."""
        if self._fault is not None:
            raise self._fault
        self._progress = self._loop.time()
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(limit, self._expire, limit)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None
        if self._fault is not None and not self._chunks:
            raise self._fault

    def _expire(self, limit: float) -> None:
        rest = self._progress + limit - self._loop.time()
        if rest <= 0:
            self.give_up()
        elif self._waiter is not None and not self._waiter.done():
            timer = self._loop.call_later(rest, self._expire, limit)
            self._waiter.add_done_callback(lambda _: timer.cancel())

    async def _send(self, head: bytes, body: InvocationBody) -> None:
        is_chunked = body.length is None
        length = b"Transfer-Encoding: chunked" if is_chunked else b"Content-Length: %d" % (body.length or 0)
        try:
            self._write(b"%b%b\r\n\r\n" % (head, length))
            async for piece in body.stream():
                if piece:
                    self._write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
                self._progress = self._loop.time()
                await self._writable.wait()
            if is_chunked:
                self._write(b"0\r\n\r\n")
        except Exception as error:
            self._fail(error)

    def _write(self, data: bytes) -> None:
        if self.is_open:
            assert self._transport is not None
            self._transport.write(data)
        else:
            self._fail(ContainerFault("the container closed the connection without an answer"))

    def _notify(self) -> None:
        if self._on_news is not None:
            self._loop.call_soon(self._on_news)
            self._on_news = None
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self._fault is None and not self._is_complete:
            self._fault = error
        self._notify()

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none, but is as good

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        if self._is_idle:
            self.close()
            return
        self._unread += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(ContainerFault("the container's answer is not HTTP"))
            self.close()
        if self._unread > HEAD_LIMIT and not self._is_complete:
            self._fail(ContainerFault("the head of the container's answer is too large"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._writable.set()
        if exc is None and self._has_head and not self._has_length():
            self._is_complete = True
            self._notify()
        what = "broke its answer off" if self._has_head else "closed the connection without an answer"
        self._fail(ContainerFault(f"the container {what}"))

    def _has_length(self) -> bool:
        return "content-length" in self.headers or "transfer-encoding" in self.headers

    # What httptools tells.

    def on_message_begin(self) -> None:
        if self._has_head:
            raise ValueError("an answer that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._has_head:
            return  # a trailer
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self.headers[key] = f"{self.headers[key]},{text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:
            return
        self._has_head = True
        length = self.headers.get("content-length")
        self.length = int(length) if length is not None and length.isdecimal() else None
        self._is_small = self.length is not None and self.length <= SMALL_BODY
        if not self._is_small:
            self._notify()

    def on_body(self, body: bytes) -> None:
        was_full = self._buffered > BUFFER_LIMIT
        self._chunks.append(body)
        self._buffered += len(body)
        self._unread = 0
        if self._buffered > BUFFER_LIMIT and not was_full and self._transport is not None:
            self._transport.pause_reading()
        if not self._is_small:
            self._notify()

    def on_message_complete(self) -> None:
        if self.status < 200:
            self.headers = AnswerHeaders()
            return
        self._is_complete = True
        self._keeps_alive = self._fault is None and self._parser.should_keep_alive()
        self._notify()


async def connect(host: str, port: int, limit: float) -> ContainerConnection:
    """Raises ContainerUnreachable, also after `limit` seconds."""
    loop = asyncio.get_running_loop()
    with suppress(OSError):  # TimeoutError is one
        async with asyncio.timeout(limit):
            _, connection = await loop.create_connection(
                lambda: ContainerConnection((host, port)), host, port
            )
            return connection
    raise ContainerUnreachable("the container accepted no connection")
