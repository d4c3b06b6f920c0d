"""HTTP to the containers of endpoints: pooled connections, bodies streamed both ways, nothing followed or unpacked."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic, perf_counter
from typing import NamedTuple
from urllib.parse import urlsplit

from emulator.hosting.container_connection import SMALL_BODY, ContainerConnection, connect
from emulator.hosting.container_message import (
    AnswerHeaders,
    ContainerFault,
    ContainerTimeout,
    first_lines,
    header_lines,
)
from emulator.hosting.invocation_body import InvocationBody, PieceSeen

CONNECT_LIMIT = 2.0
"""Seconds. AWS wants containers to accept within 250 ms (DG your-algorithms-inference-code)."""

IDLE_LIMIT = 1.0
"""Seconds for which an idle connection is kept. Servers close theirs after 2 s (gunicorn) or later, and a request that
meets that moment would be lost."""


@dataclass(eq=False)
class ContainerAnswer:
    connection: ContainerConnection
    limit: float
    seconds: float
    """That the container took until now."""
    content: bytes | None = field(default=None, init=False)
    """All of a small body."""
    on_chunk: list[PieceSeen] = field(default_factory=list, init=False)

    @property
    def status(self) -> int:
        return self.connection.status

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def headers(self) -> AnswerHeaders:
        return self.connection.headers

    @property
    def length(self) -> int | None:
        """Bytes, where the container tells it."""
        return self.connection.length

    def take_content(self) -> bytes:
        """All of a small answer; instead of `chunks`."""
        assert self.content is not None
        return self._shown(self.content)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Raises ContainerFault."""
        if self.content is not None:
            yield self.take_content()
            return
        while chunk := await self._timed_read():
            yield self._shown(chunk)

    def _shown(self, chunk: bytes) -> bytes:
        for see in self.on_chunk:
            see(chunk)
        return chunk

    async def _timed_read(self) -> bytes:
        began = perf_counter()
        try:
            return await self.connection.read(self.limit)
        except ContainerTimeout:
            raise ContainerTimeout("the answer stopped before its end") from None
        finally:
            self.seconds += perf_counter() - began

    async def read_small(self) -> None:
        """Read a short answer as a whole, so that nothing of it goes on before it is complete."""
        length = self.length
        if length is not None and length <= SMALL_BODY:
            pieces = [await self._timed_read()] if length else []
            while not self.connection.has_all:
                pieces.append(await self._timed_read())
            self.content = b"".join(pieces)

    async def read_start(self, limit: int) -> tuple[bytes, bool]:
        """At most `limit` bytes, and whether nothing broke on the way there."""
        start = bytearray()
        try:
            async for chunk in self.chunks():
                start += chunk
                if len(start) >= limit:
                    break
        except ContainerFault:
            return bytes(start[:limit]), False
        return bytes(start[:limit]), True


class _Idle(NamedTuple):
    since: float
    connection: ContainerConnection


_Address = tuple[str, int]


class _Target(NamedTuple):
    address: _Address
    host: str
    """For the header of that name."""
    path: str


@lru_cache(1024)
def _target_of(url: str) -> _Target:
    parts = urlsplit(url)
    return _Target((parts.hostname or "", parts.port or 80), parts.netloc, parts.path)


class ContainerClient:
    def __init__(self) -> None:
        self._idle: dict[_Address, list[_Idle]] = {}
        """The one that rests shortest is the last."""
        self._sweeping: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: InvocationBody, limit: float
    ) -> AsyncIterator[ContainerAnswer]:
        """`ask` and `give_back` around a block."""
        answer = await self.ask(method, url, headers, body, limit)
        try:
            yield answer
        finally:
            self.give_back(answer.connection)

    async def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: InvocationBody, limit: float
    ) -> ContainerAnswer:
        """The answer, when its head is there. `limit`: seconds without progress, be it of our body or of the answer.

        Its connection has to be given back. Raises ContainerFault, or what reading the body raises.
        """
        began = perf_counter()
        target = _target_of(url)
        head = first_lines(method, target.path, target.host) + header_lines(headers)
        connection = self._take(target.address) or await connect(*target.address, CONNECT_LIMIT)
        try:
            await connection.ask(head, body, limit)
            answer = ContainerAnswer(connection, limit, perf_counter() - began - body.waited)
            await answer.read_small()
        except BaseException:
            connection.close()
            raise
        return answer

    def _take(self, address: _Address) -> ContainerConnection | None:
        idle = self._idle.get(address)
        while idle:
            since, connection = idle.pop()
            if connection.is_open and monotonic() - since < IDLE_LIMIT:
                return connection
            connection.close()
        return None

    def begin(
        self, url: str, lines: bytes, body: bytes, on_news: Callable[[], None]
    ) -> ContainerConnection | None:
        """A POST by a connection that rests, see its `begin`; None where none does. It has to be given back."""
        target = _target_of(url)
        connection = self._take(target.address)
        if connection is not None:
            connection.begin(first_lines("POST", target.path, target.host) + lines, body, on_news)
        return connection

    def give_back(self, connection: ContainerConnection) -> None:
        """Nobody reads it any more: it may take the next request, if its answer was read to the end."""
        if not connection.is_reusable:
            connection.close()
            return
        connection.rest()
        self._idle.setdefault(connection.address, []).append(_Idle(monotonic(), connection))
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(IDLE_LIMIT, self._sweep)

    def _sweep(self) -> None:
        """Close what rests too long."""
        oldest = monotonic() - IDLE_LIMIT
        for idle in self._idle.values():
            for each in idle:
                if each.since <= oldest:
                    each.connection.close()
        kept = {
            address: [each for each in idle if each.since > oldest] for address, idle in self._idle.items()
        }
        self._idle = {address: idle for address, idle in kept.items() if idle}
        loop = asyncio.get_running_loop()
        self._sweeping = loop.call_later(IDLE_LIMIT, self._sweep) if self._idle else None

    async def close(self) -> None:
        """Nothing may be under way."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for idle in self._idle.values():
            for each in idle:
                each.connection.close()
        self._idle.clear()
        await asyncio.sleep(0)
