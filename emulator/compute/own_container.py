"""The container that the emulator itself is in, if any, as the Engine knows it.

Docker keeps containers of different networks apart, so to talk with a cluster's containers it joins their network.
The Engine remembers that over a restart of the container; one that is made anew joins again.
"""

from functools import cached_property
from ipaddress import IPv4Address
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from emulator.compute.docker_network import gateway_of, last_address, leave_network
from emulator.compute.docker_request import network_name


class OwnContainer:
    """For worker threads."""

    def __init__(self, api: APIClient, name: str) -> None:
        self._api = api
        self._name = name
        self._joined: dict[str, IPv4Address] = {}

    @cached_property
    def image(self) -> str:
        """The Engine's id of it."""
        return str(self._inspect()["Image"])

    @cached_property
    def has_networks(self) -> bool:
        """False where it shares the network of the Engine's machine, and reaches what that reaches."""
        return bool(self._inspect()["HostConfig"]["NetworkMode"] != "host")

    def join(self, cluster: str) -> IPv4Address | None:
        """Be in the cluster's network. Idempotent.

        The address there is always the subnet's last, since running containers were told of it. None where the
        network is isolated or gone. Raises ConnectionError where the Engine refuses.
        """
        if cluster not in self._joined:
            found = gateway_of(self._api, cluster)
            if found is None:
                return None
            self._joined[cluster] = self._connect(network_name(cluster), last_address(found[1]))
        return self._joined[cluster]

    def leave(self, cluster: str) -> None:
        """Before the network is removed. No error where this is not in it."""
        self._joined.pop(cluster, None)
        leave_network(self._api, cluster, self._name)

    def _connect(self, network: str, address: IPv4Address) -> IPv4Address:
        try:
            self._api.connect_container_to_network(self._name, network, ipv4_address=str(address))
        except APIError as error:  # it may be connected already
            known = self._inspect()["NetworkSettings"]["Networks"].get(network, {}).get("IPAddress")
            if not known:
                raise ConnectionError(f"The emulator's container cannot join {network}. ({error})") from error
            return IPv4Address(known)
        return address

    def _inspect(self) -> dict[str, Any]:
        found: dict[str, Any] = self._api.inspect_container(self._name)
        return found


def find_known(api: APIClient, name: str | None) -> OwnContainer | None:
    """None outside a container, and in one of another Engine."""
    if name is None:
        return None
    try:
        api.inspect_container(name)
    except NotFound:
        return None
    return OwnContainer(api, name)
