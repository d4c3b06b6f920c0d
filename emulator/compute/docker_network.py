"""Networks of clusters, with subnets from a pool of our own: the Engine's default pools hold about thirty."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Any

from docker import APIClient
from docker.errors import APIError
from docker.types import IPAMConfig, IPAMPool

from emulator.compute.docker_request import CLUSTER, cluster_labels, network_name
from emulator.domain.cluster import ClusterSpec
from emulator.domain.failure_reason import internal_error

SMALLEST_PREFIX = 26


def ensure_network(
    api: APIClient,
    cluster: ClusterSpec,
    installation: str,
    pool: IPv4Network,
    choose: Callable[[IPv4Network], None],
) -> None:
    """Make the cluster's network where it is missing. Raises JobFailure when the pool has no subnet left.

    `choose` is told of every subnet before it is tried: another emulator may have taken it meanwhile.
    """
    networks = api.networks()
    if any((network["Labels"] or {}).get(CLUSTER) == cluster.network for network in networks):
        return
    # One more for the emulator, which may be in a container itself.
    for subnet in free_subnets(pool, taken_subnets(networks), len(cluster.instances) + 1):
        choose(subnet)
        try:
            api.create_network(
                network_name(cluster.network),
                driver="bridge",
                ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet))]),
                labels=cluster_labels(installation, cluster.network),
                internal=cluster.isolated,
                options=network_options(cluster.isolated),
            )
        except APIError as error:
            if "overlap" not in str(error.explanation).lower():
                raise
        else:
            return
    raise internal_error(
        f"no subnet is free in {pool}; set SAGEMAKER_EMULATOR_NETWORK_POOL to a larger or another range"
    )


def network_options(isolated: bool) -> dict[str, str]:
    """An `internal` network alone leaves the Engine's host reachable through the bridge's own address."""
    return {"com.docker.network.bridge.inhibit_ipv4": "true"} if isolated else {}


def find_networks(api: APIClient, cluster: str) -> list[str]:
    """Ids of the cluster's networks."""
    return [network["Id"] for network in api.networks(filters={"label": f"{CLUSTER}={cluster}"})]


def gateway_of(api: APIClient, cluster: str) -> tuple[IPv4Address, IPv4Network] | None:
    """The cluster's gateway and subnet; None where its network is isolated or gone."""
    for found in api.networks(filters={"label": f"{CLUSTER}={cluster}"}):
        subnet = IPv4Network(found["IPAM"]["Config"][0]["Subnet"])
        gateway = found["IPAM"]["Config"][0].get("Gateway")
        if not found["Internal"]:
            return IPv4Address(gateway) if gateway else first_address(subnet), subnet
    return None


def first_address(subnet: IPv4Network) -> IPv4Address:
    """The Engine's own choice for the gateway."""
    return subnet[1]


def last_address(subnet: IPv4Network) -> IPv4Address:
    """The Engine gives addresses from the first on, so nobody else gets it in a subnet of ours."""
    return subnet[-2]


def leave_network(api: APIClient, cluster: str, container: str) -> None:
    with suppress(APIError):  # it was not connected, or one of both is gone
        api.disconnect_container_from_network(container, network_name(cluster), force=True)


def taken_subnets(networks: Sequence[dict[str, Any]]) -> list[IPv4Network]:
    configs = [config for network in networks for config in (network["IPAM"]["Config"] or [])]
    subnets = [ip_network(config["Subnet"], strict=False) for config in configs if "Subnet" in config]
    return [subnet for subnet in subnets if isinstance(subnet, IPv4Network)]


def free_subnets(pool: IPv4Network, taken: Sequence[IPv4Network], hosts: int) -> Iterator[IPv4Network]:
    """Subnets of the pool that hold `hosts` containers and overlap with none of `taken`."""
    needed = (hosts + 2).bit_length()
    prefix = min(SMALLEST_PREFIX, 32 - needed)
    if prefix < pool.prefixlen:
        return
    near = [subnet for subnet in taken if subnet.overlaps(pool)]
    for subnet in pool.subnets(new_prefix=prefix):
        if not any(subnet.overlaps(other) for other in near):
            yield subnet
