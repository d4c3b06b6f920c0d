"""Taking away what was made for a cluster; what is gone already is no error."""

from contextlib import suppress

from docker import APIClient
from docker.errors import APIError, NotFound

from emulator.compute.docker_network import find_networks
from emulator.compute.docker_request import CLUSTER, HOST, SIDECAR, volume_name


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
    try:
        api.remove_container(name, v=True, force=True)
    except NotFound:
        return
    except APIError as error:
        if "already in progress" not in str(error.explanation):
            raise


def _remove_volumes(api: APIClient, cluster: str, prefix: str) -> None:
    for volume in api.volumes(filters={"label": f"{CLUSTER}={cluster}"})["Volumes"] or []:
        if volume["Name"].startswith(prefix):
            with suppress(NotFound):
                api.remove_volume(volume["Name"])
