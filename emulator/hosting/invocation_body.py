"""The caller's payload on its way to a container, never more than one piece of it in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from emulator.domain.errors import ServiceError

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
PieceSeen = Callable[[bytes], None]


class CallerGone(Exception):  # noqa: N818 - nobody is at fault
    """The caller closed the connection before its request ended."""


@dataclass(eq=False)
class InvocationBody:
    """May be read once."""

    pieces: AsyncIterator[bytes]
    length: int | None = None
    """Bytes, where they are known before."""
    content: bytes | None = None
    """All of it, where it came in one piece; then `pieces` gives nothing."""
    fault: Exception | None = field(default=None, init=False)
    """Why reading failed: ServiceError, CallerGone or what `pieces` raises."""
    ended: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    """Nobody reads it any more."""
    waited: float = field(default=0.0, init=False)
    """Seconds that reading took."""
    on_piece: list[PieceSeen] = field(default_factory=list, init=False)
    """Called with each piece of a body that doesn't come in one."""

    async def stream(self) -> AsyncIterator[bytes]:
        try:
            while (piece := await self._next()) is not None:
                for see in self.on_piece:
                    see(piece)
                yield piece
        finally:
            self.ended.set()

    async def _next(self) -> bytes | None:
        began = perf_counter()
        try:
            return await anext(self.pieces, None)
        except Exception as error:
            self.fault = error
            raise
        finally:
            self.waited += perf_counter() - began


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def whole_body(content: bytes) -> InvocationBody:
    return InvocationBody(_nothing(), len(content), content)


async def receive_body(
    receive: Receive, length: int | None, limit: int, too_large: Callable[[], ServiceError]
) -> InvocationBody:
    """Of a request to us. Raises `too_large()`, here or while it is read, as soon as it is known to be larger."""
    if length is not None and length > limit:
        raise too_large()
    first, more = await _next_piece(receive)
    if not more:
        if len(first) > limit:
            raise too_large()
        return whole_body(first)

    async def pieces() -> AsyncIterator[bytes]:
        piece, is_more, size = first, True, len(first)
        while True:
            if size > limit:
                raise too_large()
            yield piece
            if not is_more:
                return
            piece, is_more = await _next_piece(receive)
            size += len(piece)

    return InvocationBody(pieces(), length)


async def _next_piece(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] != "http.request":
        raise CallerGone
    return message.get("body", b""), message.get("more_body", False)
