"""ASGI in, httpx out: the pieces of a server that passes requests on without holding their bodies."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import anyio
import httpx

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

RawHeaders = Iterable[tuple[bytes, bytes]]

OF_THE_CONNECTION = frozenset({b"connection", b"date", b"keep-alive", b"server", b"transfer-encoding"})


def read_headers(scope: Scope) -> dict[str, str]:
    """By name in lower case; those that are there several times are joined."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


async def read_body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise httpx.ReadError("the caller's connection closed before the body ended")
        yield message.get("body", b"")
        more = message.get("more_body", False)


def has_body(headers: dict[str, str]) -> bool:
    return "content-length" in headers or "transfer-encoding" in headers


def passed_on(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """The headers of an answer that speak of the answer, not of the connection it came by."""
    return [pair for pair in headers if pair[0].lower() not in OF_THE_CONNECTION]


async def send_on(response: httpx.Response, headers: RawHeaders, receive: Receive, send: Send) -> None:
    """Pass an answer on while it comes; a caller that goes away ends it."""

    async def send_all() -> None:
        await send({"type": "http.response.start", "status": response.status_code, "headers": list(headers)})
        async for data in response.aiter_raw():
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_until_gone, receive, tasks.cancel_scope)
            await send_all()
            tasks.cancel_scope.cancel()
    finally:
        await response.aclose()


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
