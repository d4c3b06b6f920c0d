"""How containers reach the emulator: a listener on the gateway of their own network, for them alone.

The server itself listens on loopback. Other machines may send packets to a gateway's address, but a connection is only
taken from within its subnet, and their answers would never get back to them.
"""

import asyncio
import logging
from contextlib import suppress
from errno import EADDRINUSE
from ipaddress import IPv4Address, IPv4Network

log = logging.getLogger(__name__)

CHUNK = 2**16


class Entrance:
    """Forwards connections from clusters' subnets to the server at `host` and `port`."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._listeners: dict[IPv4Address, asyncio.Server] = {}

    async def open(self, gateway: IPv4Address, subnet: IPv4Network) -> bool:
        """Listen at the gateway; idempotent. False where this machine does not have that address."""
        if gateway in self._listeners:
            return True

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._take(subnet, reader, writer)

        try:
            self._listeners[gateway] = await asyncio.start_server(take, str(gateway), self._port)
        except OSError as error:
            # In use: the server listens on all addresses, this one included.
            return error.errno == EADDRINUSE
        return True

    async def close(self, gateway: IPv4Address) -> None:
        """No error where it is not open."""
        listener = self._listeners.pop(gateway, None)
        if listener is not None:
            listener.close()

    async def _take(
        self, subnet: IPv4Network, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        address = writer.get_extra_info("peername")
        if address is None:  # it hung up at once
            writer.close()
            return
        peer = IPv4Address(address[0])
        if peer not in subnet:
            log.warning("Refused a connection from %s to the containers' entrance of %s.", peer, subnet)
            writer.close()
            return
        host = "127.0.0.1" if self._host in ("0.0.0.0", "::") else self._host  # noqa: S104
        try:
            server_reader, server_writer = await asyncio.open_connection(host, self._port)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(_pump(reader, server_writer), _pump(server_reader, writer))
        finally:
            server_writer.close()
            writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the sender ends, then end towards the receiver."""
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
