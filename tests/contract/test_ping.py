"""What counts as a healthy answer to /ping, from servers that really listen."""

from collections.abc import Callable
from contextlib import suppress

import anyio
import pytest

from emulator.hosting import serving_container
from emulator.hosting.parts import direct_client
from emulator.hosting.serving_container import Ping, ping
from tests.support.model_server import Exchange, model_server


def pinged(script: Callable[[Exchange], None]) -> Ping:
    async def main(url: str) -> Ping:
        async with direct_client() as client:
            return await ping(client, url)

    with model_server(script) as model:
        return anyio.run(main, model.url)


def endless(exchange: Exchange) -> None:
    exchange.begin_chunks()
    with suppress(ConnectionError):
        while True:
            exchange.chunk(b"x" * 65_536)


def dribbling(exchange: Exchange) -> None:
    with suppress(ConnectionError):
        while True:
            exchange.wfile.write(b"HTTP/1.1 200 OK\r\nA: ")
            anyio.run(anyio.sleep, 0.02)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (lambda exchange: exchange.answer(b"\n"), Ping.PASSED),
        (endless, Ping.PASSED),
        (lambda exchange: exchange.answer(b"not yet", 503), Ping.FAILED),
        (Exchange.break_off, Ping.FAILED),
        (dribbling, Ping.SILENT),
    ],
)
def test_the_head_of_the_answer_decides(
    script: Callable[[Exchange], None], expected: Ping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_container, "PING_LIMIT", 0.3 if expected is Ping.SILENT else 20)
    assert pinged(script) is expected
