"""When containers are made, and with which URL of the emulator, without an Engine."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import cast

import anyio
import pytest
from docker.errors import APIError

from emulator.compute.docker_creation import ContainerCreation
from emulator.compute.docker_networks import ClusterNetworks
from emulator.compute.docker_reach import Reach
from emulator.domain.cluster import ClusterSpec, InstanceSpec, Limits

INSTANCE = InstanceSpec(
    "algo-1",
    "image",
    None,
    (),
    {},
    (),
    {},
    (),
    Limits(2**30, 1, 2**20),
    endpoint_variables={"AWS_ENDPOINT_URL": ""},
)
LIKELY, OTHER = "http://10.250.0.1:4567", "http://10.250.0.65:4567"


@dataclass
class Surroundings:
    """Networks and ways to the emulator; notes what happens."""

    likely: str | None
    real: str | None
    events: list[str] = field(default_factory=list)

    def subnet(self, _: str) -> IPv4Network | None:
        return IPv4Network("10.250.0.0/26")

    def likely_url(self, _: IPv4Network) -> str | None:
        return self.likely

    async def ensure(self, _: ClusterSpec) -> None:
        self.events.append("network")

    async def url(self, _: str) -> str | None:
        return self.real


def made(around: Surroundings, isolated: bool = False, refusals: int = 0) -> list[str]:
    """What happened, in order: `network`, and each container by the URL that it got."""

    async def create(instance: InstanceSpec) -> None:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            raise APIError("network not found")
        around.events.append(instance.environment.get("AWS_ENDPOINT_URL", "no URL"))

    async def whole() -> None:
        networks, reach = cast(ClusterNetworks, around), cast(Reach, around)
        cluster = ClusterSpec("c", isolated=isolated, instances=(INSTANCE,))
        await ContainerCreation(networks, reach, has_credentials_address=False).run(cluster, INSTANCE, create)

    anyio.run(whole)
    return around.events


def test_container_is_made_before_its_network_is_there() -> None:
    assert made(Surroundings(LIKELY, LIKELY)) == [LIKELY, "network"]


def test_container_is_made_again_where_its_network_got_another_subnet() -> None:
    assert made(Surroundings(LIKELY, OTHER)) == [LIKELY, "network", OTHER]


def test_container_follows_its_network_where_nobody_knows_its_way() -> None:
    assert made(Surroundings(None, OTHER)) == ["network", OTHER]


def test_isolated_container_has_no_way() -> None:
    assert made(Surroundings(LIKELY, None), isolated=True) == ["network", "no URL"]


def test_container_follows_its_network_where_the_engine_wants_that() -> None:
    assert made(Surroundings(LIKELY, LIKELY), refusals=1) == ["network", LIKELY]


def test_refusal_that_stays_is_the_callers() -> None:
    with pytest.raises(APIError, match="network not found"):
        made(Surroundings(LIKELY, LIKELY), refusals=2)
