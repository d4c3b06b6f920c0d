"""The containers' entrance, on loopback addresses."""

import socket
from ipaddress import IPv4Address, IPv4Network

import anyio
import anyio.abc

from emulator.compute.entrance import Entrance

GATEWAY = IPv4Address("127.0.0.2")


async def echo(stream: anyio.abc.SocketStream) -> None:
    async with stream:
        async for data in stream:
            await stream.send(data.upper())


async def ask(entrance: Entrance, port: int, subnet: str) -> bytes:
    """What a client at 127.0.0.1 gets for `hello`."""
    assert await entrance.open(GATEWAY, IPv4Network(subnet))
    async with await anyio.connect_tcp(str(GATEWAY), port) as client:
        await client.send(b"hello")
        try:
            return await client.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return b""


def answer(subnet: str) -> bytes:
    async def main() -> bytes:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        entrance = Entrance("127.0.0.1", port)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, echo)
            got = await ask(entrance, port, subnet)
            await entrance.close(GATEWAY)
            tasks.cancel_scope.cancel()
        await listener.aclose()
        return got

    return anyio.run(main)


def test_entrance_forwards_what_comes_from_its_subnet() -> None:
    assert answer("127.0.0.0/24") == b"HELLO"


def test_entrance_hangs_up_on_everybody_else() -> None:
    assert answer("10.213.0.0/26") == b""


def test_caller_that_hung_up_at_once_is_let_go() -> None:
    class Gone:
        is_closed = False

        def get_extra_info(self, name: str) -> None:
            """As of a socket that the other side has closed."""

        def close(self) -> None:
            self.is_closed = True

    gone = Gone()

    async def main() -> None:
        entrance = Entrance("127.0.0.1", 9)
        await entrance._take(IPv4Network("127.0.0.0/24"), None, gone)  # type: ignore[arg-type]

    anyio.run(main)
    assert gone.is_closed


def test_entrance_tells_an_address_that_is_not_this_machines() -> None:
    async def main() -> bool:
        return await Entrance("127.0.0.1", 9).open(IPv4Address("203.0.113.1"), IPv4Network("203.0.113.0/24"))

    assert not anyio.run(main)


def test_entrance_is_content_where_the_server_listens_itself() -> None:
    async def main() -> bool:
        with socket.create_server(("0.0.0.0", 0)) as server:
            port = server.getsockname()[1]
            return await Entrance("0.0.0.0", port).open(GATEWAY, IPv4Network("127.0.0.0/8"))

    assert anyio.run(main)
