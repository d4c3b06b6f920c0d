"""At which address a cluster's containers reach the emulator."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address

from anyio import CapacityLimiter
from docker import APIClient

from emulator.blocking import blocking
from emulator.compute.docker_network import gateway_of, join_network, leave_network
from emulator.compute.entrance import Entrance

DESKTOP_NAME = "host.docker.internal"
"""What containers call the Engine's host where its gateways are not this machine's, as with Docker Desktop."""


@dataclass(frozen=True)
class Way:
    url: str
    gateway: IPv4Address | None
    """Where our entrance listens, if it does."""


class Reach:
    """Ways for containers, one a cluster; made when first asked for, also after a restart of the emulator."""

    def __init__(
        self,
        api: Callable[[], APIClient],
        limiter: CapacityLimiter,
        host: str,
        port: int,
        own_container: str | None,
    ) -> None:
        self._api = api
        self._limiter = limiter
        self._port = port
        self._own_container = own_container
        self._entrance = Entrance(host, port)
        self._ways: dict[str, Way] = {}

    async def url(self, cluster: str) -> str | None:
        """The emulator's URL for the cluster's containers; None where its network is isolated."""
        if cluster not in self._ways:
            way = await self._open(cluster)
            if way is None:
                return None
            self._ways[cluster] = way
        return self._ways[cluster].url

    async def close(self, cluster: str) -> None:
        """Before the cluster's network is removed. No error where there is no way."""
        way = self._ways.pop(cluster, None)
        if way is not None and way.gateway is not None:
            await self._entrance.close(way.gateway)
        if self._own_container is not None:
            await blocking(
                self._limiter, lambda: leave_network(self._api(), cluster, str(self._own_container))
            )

    async def _open(self, cluster: str) -> Way | None:
        found = await blocking(self._limiter, lambda: gateway_of(self._api(), cluster))
        if found is None:
            return None
        own = self._own_container
        if own is not None:
            address = await blocking(self._limiter, lambda: join_network(self._api(), cluster, own))
            return Way(f"http://{address}:{self._port}", None) if address else None
        gateway, subnet = found
        is_here = await self._entrance.open(gateway, subnet)
        return Way(
            f"http://{gateway if is_here else DESKTOP_NAME}:{self._port}", gateway if is_here else None
        )
