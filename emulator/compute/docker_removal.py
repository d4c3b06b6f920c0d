"""Taking away what was made for a cluster; what is gone already is no error."""

import time
from contextlib import suppress

from docker import APIClient
from docker.errors import APIError, NotFound

from emulator.compute.docker_network import find_networks
from emulator.compute.docker_request import CLUSTER, HOST, SIDECAR, volume_name

REMOVAL_LIMIT, LOOK_PERIOD = 30.0, 0.05
"""Seconds: how long a removal that is under way is awaited, and between two looks."""


def destroy_cluster(api: APIClient, cluster: str) -> None:
    label = {"label": f"{CLUSTER}={cluster}"}
    for container in api.containers(all=True, filters=label):
        remove_container(api, container["Id"])
    _remove_volumes(api, cluster, "")
    for network in find_networks(api, cluster):
        with suppress(NotFound):
            api.remove_network(network)


def discard_instance(api: APIClient, cluster: str, host: str) -> None:
    """With its sidecar."""
    for role in (HOST, SIDECAR):
        labels = [f"{CLUSTER}={cluster}", f"{role}={host}"]
        for container in api.containers(all=True, filters={"label": labels}):
            remove_container(api, container["Id"])
    _remove_volumes(api, cluster, volume_name(cluster, host, ""))


def remove_container(api: APIClient, name: str) -> None:
    """It is gone when this returns, also where somebody else, such as a killed emulator, had begun to remove it."""
    try:
        api.remove_container(name, v=True, force=True)
    except NotFound:
        return
    except APIError as error:
        if "already in progress" not in str(error.explanation) or not _is_gone_soon(api, name):
            raise


def _is_gone_soon(api: APIClient, name: str) -> bool:
    deadline = time.monotonic() + REMOVAL_LIMIT
    while time.monotonic() < deadline:
        try:
            api.inspect_container(name)
        except NotFound:
            return True
        time.sleep(LOOK_PERIOD)
    return False


def _remove_volumes(api: APIClient, cluster: str, prefix: str) -> None:
    for volume in api.volumes(filters={"label": f"{CLUSTER}={cluster}"})["Volumes"] or []:
        if volume["Name"].startswith(prefix):
            with suppress(NotFound):
                api.remove_volume(volume["Name"])
