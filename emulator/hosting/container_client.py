"""HTTP to the containers of endpoints: pooled connections, bodies streamed both ways, nothing followed or unpacked."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter

import aiohttp
import anyio

from emulator.hosting.invocation_body import InvocationBody, PieceSeen

CONNECT_LIMIT = 2.0
"""Seconds. AWS wants containers to accept within 250 ms (DG your-algorithms-inference-code)."""

IDLE_LIMIT = 1.0
"""Seconds for which an idle connection is kept. Servers close theirs after 2 s (gunicorn) or later, and a request that
meets that moment would be lost."""

SMALL_BODY = 64 * 1024
"""Bytes; an answer up to this size is complete before anything of it goes on."""

_NOT_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class ContainerFault(Exception):  # noqa: N818 - the model's owner is at fault, not the emulator
    """The container broke off or said nothing in time. Its text is one sentence."""

    is_timeout = False


class ContainerUnreachable(ContainerFault):
    """Nothing was sent: another instance may be asked the same."""


class ContainerTimeout(ContainerFault):
    is_timeout = True


@dataclass(eq=False)
class ContainerAnswer:
    response: aiohttp.ClientResponse
    limit: float
    seconds: float
    """That the container took until now."""
    content: bytes | None = field(default=None, init=False)
    """All of a small body."""
    on_chunk: list[PieceSeen] = field(default_factory=list, init=False)

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def headers(self) -> Mapping[str, str]:
        return self.response.headers

    @property
    def length(self) -> int | None:
        return self.response.content_length

    async def chunks(self) -> AsyncIterator[bytes]:
        """Raises ContainerFault."""
        if self.content is not None:
            yield self._shown(self.content)
            return
        while chunk := await self._timed_read():
            yield self._shown(chunk)

    def _shown(self, chunk: bytes) -> bytes:
        for see in self.on_chunk:
            see(chunk)
        return chunk

    async def _timed_read(self) -> bytes:
        content, began = self.response.content, perf_counter()
        try:
            if content.is_eof():
                return content.read_nowait()
            with anyio.move_on_after(self.limit):
                return await content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise ContainerFault(_sentence(error)) from error
        finally:
            self.seconds += perf_counter() - began
        raise ContainerTimeout("the answer stopped before its end")

    async def read_small(self) -> None:
        if self.length is not None and self.length <= SMALL_BODY:
            pieces = []
            while not self.response.content.at_eof():
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


class ContainerClient:
    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    def _sessions(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_LIMIT, use_dns_cache=False),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_LIMIT),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=_NOT_ADDED,
                trust_env=False,
            )
        return self._session

    @asynccontextmanager
    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: InvocationBody, limit: float
    ) -> AsyncIterator[ContainerAnswer]:
        """The answer, when its head is there. `limit`: seconds without progress, be it of our body or of the answer.

        Raises ContainerFault.
        """
        began = perf_counter()
        response = await self._response(method, url, headers, body, limit)
        try:
            answer = ContainerAnswer(response, limit, perf_counter() - began - body.waited)
            await answer.read_small()
            yield answer
        finally:
            response.release() if response.content.at_eof() else response.close()

    async def _response(
        self, method: str, url: str, headers: Mapping[str, str], body: InvocationBody, limit: float
    ) -> aiohttp.ClientResponse:
        sent = dict(headers)
        if body.content is None and body.length is not None:
            sent["Content-Length"] = str(body.length)
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + limit) as scope:
                body.on_piece.append(lambda _: setattr(scope, "deadline", anyio.current_time() + limit))
                data = body.content if body.content is not None else body.stream()
                return await self._sessions().request(
                    method, url, data=data, headers=sent, allow_redirects=False
                )
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ContainerUnreachable("the container accepted no connection") from error
        except (aiohttp.ClientError, OSError) as error:
            if body.fault is not None:
                raise body.fault from error
            raise ContainerFault(_sentence(error)) from error
        raise ContainerTimeout("no answer came in time")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _sentence(error: Exception) -> str:
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the container closed the connection without an answer"
    return f"the container broke the connection ({type(error).__name__})"
