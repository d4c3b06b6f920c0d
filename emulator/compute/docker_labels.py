"""What exists on the Engine of the installation's clusters, by the labels of docker_request.py."""

from typing import Any

from docker import APIClient

from emulator.compute.docker_request import CLUSTER, HOST, INSTALLATION, NETWORK
from emulator.domain.cluster import FoundInstance


def find_instances(api: APIClient, installation: str) -> list[FoundInstance]:
    """See `find` in backend.py."""
    label = {"label": f"{INSTALLATION}={installation}"}
    things: list[dict[str, Any]] = [
        *api.containers(all=True, filters=label),
        *api.networks(filters=label),
        *(api.volumes(filters=label)["Volumes"] or []),
    ]
    return [FoundInstance(thing["Labels"][CLUSTER], thing["Labels"].get(HOST, "")) for thing in things]


def network_of(api: APIClient, cluster: str) -> str:
    """The cluster, or the pool, to which the network of its containers belongs."""
    found = api.containers(all=True, filters={"label": f"{CLUSTER}={cluster}"})
    return str(found[0]["Labels"].get(NETWORK, cluster)) if found else cluster


def exists(api: APIClient, cluster: str, host: str) -> bool:
    labels = [f"{CLUSTER}={cluster}", f"{HOST}={host}"]
    return bool(api.containers(all=True, filters={"label": labels}))
