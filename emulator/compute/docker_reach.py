"""At which address a cluster's containers reach the emulator."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from anyio import CapacityLimiter
from docker import APIClient

from emulator.blocking import blocking
from emulator.compute.credentials_address import (
    cannot_have_address,
    close_credentials_address,
    open_credentials_address,
)
from emulator.compute.docker_network import first_address, gateway_of
from emulator.compute.entrance import Entrance
from emulator.compute.own_container import OwnContainer

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
        server: tuple[str, int],
        own: Callable[[], OwnContainer | None],
        has_credentials_address: bool = False,
    ) -> None:
        """`server`: address and port that the emulator listens on."""
        self._api = api
        self._limiter = limiter
        host, self._port = server
        self._has_credentials_address = has_credentials_address
        self._own = own
        self._entrance = Entrance(host, self._port)
        self._ways: dict[str, Way] = {}
        self._are_gateways_here = False

    async def url(self, cluster: str) -> str | None:
        """The emulator's URL for the cluster's containers; None where its network is isolated."""
        if cluster not in self._ways:
            way = await self._open(cluster)
            if way is None:
                return None
            self._ways[cluster] = way
        return self._ways[cluster].url

    def likely_url(self, subnet: IPv4Network) -> str | None:
        """Of a cluster that is not isolated and whose network is being made; None where it can only be asked for."""
        return f"http://{first_address(subnet)}:{self._port}" if self._are_gateways_here else None

    async def close(self, cluster: str) -> None:
        """Before the cluster's network is removed. No error where there is no way."""
        way = self._ways.pop(cluster, None)
        if way is not None and way.gateway is not None:
            await self._entrance.close(way.gateway)
        if self._has_credentials_address:
            await blocking(self._limiter, close_credentials_address, cluster)

    async def _open(self, cluster: str) -> Way | None:
        found = await blocking(self._limiter, lambda: gateway_of(self._api(), cluster))
        if found is None:
            return None
        own = await blocking(self._limiter, self._networked)
        if own is not None:
            if self._has_credentials_address:
                raise cannot_have_address("it runs in a container.")
            address = await blocking(self._limiter, own.join, cluster)
            return Way(f"http://{address}:{self._port}", None) if address else None
        gateway, subnet = found
        is_here = await self._entrance.open(gateway, subnet)
        self._are_gateways_here = is_here and not self._has_credentials_address
        if self._has_credentials_address:
            if not is_here:
                raise cannot_have_address("the Engine's networks are not on this machine.")
            await blocking(self._limiter, open_credentials_address, cluster, subnet, gateway, self._port)
        return Way(
            f"http://{gateway if is_here else DESKTOP_NAME}:{self._port}", gateway if is_here else None
        )

    def _networked(self) -> OwnContainer | None:
        own = self._own()
        return own if own is not None and own.has_networks else None
