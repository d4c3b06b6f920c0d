"""Networks that are made beside other work: an Engine takes a tenth of a second for one."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from emulator.domain.cluster import ClusterSpec

Choice = Callable[[IPv4Network], None]
"""Told from any thread of the subnet that is tried next."""

Make = Callable[[ClusterSpec, Choice], Awaitable[None]]
"""Makes the cluster's network where it is missing, to the end, also when it is cancelled."""


@dataclass
class _Making:
    task: asyncio.Task[None] = field(init=False)
    subnet: IPv4Network | None = None
    is_known: asyncio.Event = field(default_factory=asyncio.Event)
    """The subnet, or how it ended."""


class ClusterNetworks:
    """One network is made once at a time, whoever asks for it. For the event loop's thread alone."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._making: dict[str, _Making] = {}

    async def begin(self, cluster: ClusterSpec) -> None:
        """Return as soon as the network's subnet is chosen, or the network is there. Raises what kept it from that."""
        making = self._under_way(cluster)
        await making.is_known.wait()
        if making.task.done():
            making.task.result()

    def subnet(self, network: str) -> IPv4Network | None:
        """The likely subnet of a network that is being made; None where nothing of it is under way."""
        making = self._making.get(network)
        return making.subnet if making else None

    async def ensure(self, cluster: ClusterSpec) -> None:
        """The network is there. Raises what kept it from that."""
        await asyncio.shield(self._under_way(cluster).task)

    async def settle(self, network: str) -> None:
        """Nothing of it is under way."""
        making = self._making.get(network)
        if making is not None:
            await asyncio.wait([making.task])

    def _under_way(self, cluster: ClusterSpec) -> _Making:
        making = self._making.get(cluster.network)
        if making is None or making.task.done():
            making = self._making[cluster.network] = _Making()
            making.task = asyncio.create_task(self._run(cluster, making))
            making.task.add_done_callback(lambda _: self._forget(cluster.network, making))
        return making

    async def _run(self, cluster: ClusterSpec, making: _Making) -> None:
        loop = asyncio.get_running_loop()

        def choose(subnet: IPv4Network) -> None:
            making.subnet = subnet
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(making.is_known.set)

        try:
            await self._make(cluster, choose)
        finally:
            making.is_known.set()

    def _forget(self, network: str, making: _Making) -> None:
        if self._making.get(network) is making:
            del self._making[network]
        if not making.task.cancelled():
            making.task.exception()  # told to those who wait for it; where nobody does, it is tried again
