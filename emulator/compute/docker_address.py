"""Where this process reaches a container's port."""

import os
from typing import Any

from docker import APIClient
from docker.errors import NotFound

from emulator.compute.docker_request import NETWORK, container_name
from emulator.compute.docker_sidecar import Sidecars
from emulator.compute.engine_paths import is_local_engine
from emulator.compute.isolated_gate import Door, IsolatedGate, NamespaceDoor
from emulator.compute.own_container import OwnContainer
from emulator.domain.cluster import Address
from emulator.domain.failure_reason import container_gone

NOT_LOCAL = (
    "Endpoints need a Docker Engine on the emulator's machine, on Linux: its containers are called directly."
)
NOT_ROOT = (
    "EnableNetworkIsolation of a model needs an emulator that runs as root on the Docker Engine's machine, or in a "
    "container there: nobody else reaches a container without a network."
)


class ContainerAddresses:
    """Gates into isolated containers stay open until their cluster is destroyed."""

    def __init__(self, api: APIClient, own: OwnContainer | None, sidecars: Sidecars | None) -> None:
        """`own` and `sidecars` are for an emulator in a container."""
        self._api = api
        self._own = own
        self._sidecars = sidecars
        self._gates: dict[tuple[str, int, int], IsolatedGate] = {}

    def find(self, cluster: str, host: str, port: int) -> Address:
        """See `address` in compute/backend.py."""
        if not is_local_engine(str(self._api.base_url)):
            raise ConnectionError(NOT_LOCAL)
        name = container_name(cluster, host)
        try:
            found: dict[str, Any] = self._api.inspect_container(name)
        except NotFound as error:
            raise container_gone(host) from error
        if self._is_isolated(found):
            return self._gate(name, found, port)
        if self._own is not None and self._own.has_networks:
            self._own.join(found["Config"]["Labels"].get(NETWORK, cluster))
        [endpoint] = found["NetworkSettings"]["Networks"].values()
        if not endpoint["IPAddress"]:
            raise container_gone(host)
        return Address(endpoint["IPAddress"], port)

    def close(self, cluster: str) -> None:
        prefix = container_name(cluster, "")
        for key in [key for key in self._gates if key[0].startswith(prefix)]:
            self._gates.pop(key).close()
        if self._sidecars is not None:
            self._sidecars.close(cluster)

    def _is_isolated(self, found: dict[str, Any]) -> bool:
        [network] = found["NetworkSettings"]["Networks"]
        return bool(self._api.inspect_network(network)["Internal"])

    def _gate(self, name: str, found: dict[str, Any], port: int) -> Address:
        pid = found["State"]["Pid"]
        if pid == 0:
            raise container_gone(name)
        key = (name, pid, port)
        for old in [old for old in self._gates if old[0] == name and old != key]:
            self._gates.pop(old).close()
        if key not in self._gates:
            self._gates[key] = IsolatedGate(self._door(found, port))
        return self._gates[key].address

    def _door(self, found: dict[str, Any], port: int) -> Door:
        if self._sidecars is not None:
            return self._sidecars.door(found, port)
        if os.geteuid() != 0:
            raise ConnectionError(NOT_ROOT)
        return NamespaceDoor(found["State"]["Pid"], port)
