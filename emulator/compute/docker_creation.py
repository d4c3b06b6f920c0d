"""A container is made while its cluster's network is: only its start needs the network."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from docker.errors import APIError

from emulator.compute.docker_networks import ClusterNetworks
from emulator.compute.docker_reach import Reach
from emulator.compute.docker_request import with_credentials_address, with_endpoint
from emulator.domain.cluster import ClusterSpec, InstanceSpec

log = logging.getLogger(__name__)

Create = Callable[[InstanceSpec], Awaitable[None]]
"""Makes the container in place of one that was never started. Raises APIError, JobFailure."""


@dataclass(frozen=True)
class ContainerCreation:
    networks: ClusterNetworks
    reach: Reach | None
    has_credentials_address: bool

    async def run(self, cluster: ClusterSpec, instance: InstanceSpec, create: Create) -> None:
        """In the end the network is there, and the container with the emulator's URL in it."""
        likely = self._likely_url(cluster)
        if likely is not None:
            try:
                await create(self._told(instance, likely))
            except APIError as refusal:
                log.info("The Engine makes no container before its network: %s", refusal)
                likely = None
        # Also because somebody's `docker network prune` may have come between.
        await self.networks.ensure(cluster)
        url = await self.reach.url(cluster.network) if self.reach else None
        if likely is None or url != likely:
            await create(self._told(instance, url))

    def _likely_url(self, cluster: ClusterSpec) -> str | None:
        """What containers call the emulator, where that is known before their network is there."""
        subnet = self.networks.subnet(cluster.network)
        return self.reach.likely_url(subnet) if self.reach and subnet and not cluster.isolated else None

    def _told(self, instance: InstanceSpec, url: str | None) -> InstanceSpec:
        if url is not None and self.has_credentials_address:
            instance = with_credentials_address(instance)
        return with_endpoint(instance, url)
