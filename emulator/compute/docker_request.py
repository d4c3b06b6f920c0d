"""Pure: an InstanceSpec as the Docker Engine's own request. Names and labels are the address book."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.domain.cluster import InstanceSpec, Limits, Mount
from emulator.domain.job_credentials import SECRET

INSTALLATION = "sagemaker-emulator.installation"
CLUSTER = "sagemaker-emulator.cluster"
HOST = "sagemaker-emulator.host"
NETWORK = "sagemaker-emulator.network"
"""The warm pool whose network a container is in; without it, the network is its cluster's own."""

SIDECAR = "sagemaker-emulator.sidecar"
"""The host beside whose container a sidecar is."""

INPUT = "/opt/ml/input"
ROLES = {INPUT: "input", "/opt/ml/model": "model", "/opt/ml/output/data": "data"}
"""What the volumes of these directories are called."""

WARM_POOL_CACHE = "/opt/ml/sagemaker/warmpoolcache"
"""Source: DG train-warm-pools, "Persistent cache"."""

LONGEST_HOSTNAME = 63
"""Of one label of a domain name; Linux takes one more."""

MOST_PROCESSES = 32_768
"""Processes and threads of one container: more than any algorithm needs, and the machine survives a fork bomb."""

MOST_OPTIONS = 4000
"""Bytes; mount(2) takes one page, and the rest of it is the driver's."""

Labels = dict[str, str]


def cluster_labels(installation: str, cluster: str) -> Labels:
    return {INSTALLATION: installation, CLUSTER: cluster}


def network_name(cluster: str) -> str:
    return f"sagemaker-{cluster}"


def container_name(cluster: str, host: str) -> str:
    return f"sagemaker-{cluster}-{host}"


def volume_name(cluster: str, host: str, role: str) -> str:
    return f"sagemaker-{cluster}-{host}-{role}"


def volumes_of(instance: InstanceSpec) -> dict[str, str]:
    """Role -> directory in the container, of what is hidden and of every view."""
    targets = dict.fromkeys([*instance.hidden, *(view.target for view in instance.views)])
    return {ROLES.get(target, f"view-{number}"): target for number, target in enumerate(targets)}


def container_request(
    cluster: str, instance: InstanceSpec, labels: Labels, overlays: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """The body of `POST /containers/create`.

    `overlays` has the options of the local volume driver for each directory that is an overlay mount; the other
    volumes are empty ones. Sources of the instance's mounts are paths of the Engine's machine already.
    """
    network = network_name(instance.pool or cluster)
    request: dict[str, Any] = {
        "Image": instance.image,
        "Cmd": list(instance.arguments),
        "Env": [f"{name}={value}" for name, value in instance.environment.items()],
        "Hostname": (instance.hostname or instance.host)[:LONGEST_HOSTNAME],
        "Labels": {**labels, HOST: instance.host, **_network_label(instance)},
        "HostConfig": {
            **_resources(instance.limits),
            "NetworkMode": network,
            "LogConfig": {"Type": "json-file", "Config": {}},
            "Mounts": [
                *(
                    _volume_mount(volume_name(cluster, instance.host, role), target, labels, overlays)
                    for role, target in volumes_of(instance).items()
                ),
                *(_bind_mount(mount) for mount in instance.mounts),
                *_cache_mounts(instance, labels),
            ],
        },
        "NetworkingConfig": {"EndpointsConfig": {network: {"Aliases": [instance.host]}}},
    }
    if instance.entrypoint is not None:
        request["Entrypoint"] = list(instance.entrypoint)
    return request


def _resources(limits: Limits) -> dict[str, Any]:
    resources: dict[str, Any] = {
        "Memory": limits.memory_bytes,
        "MemorySwap": limits.memory_bytes,
        "NanoCpus": limits.cpus * 10**9,
        "ShmSize": limits.shm_bytes,
        "PidsLimit": MOST_PROCESSES,
    }
    if limits.gpu_ids:
        device = {"Driver": "nvidia", "DeviceIDs": list(limits.gpu_ids), "Capabilities": [["gpu"]]}
        resources["DeviceRequests"] = [device]
    return resources


def _volume_mount(
    name: str, target: str, labels: Labels, overlays: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    options: dict[str, Any] = {"NoCopy": True, "Labels": labels}
    if target in overlays:
        options["DriverConfig"] = {"Name": "local", "Options": dict(overlays[target])}
    return {"Type": "volume", "Source": name, "Target": target, "VolumeOptions": options}


def _network_label(instance: InstanceSpec) -> Labels:
    return {} if instance.pool is None else {NETWORK: instance.pool}


def _cache_mounts(instance: InstanceSpec, labels: Labels) -> list[dict[str, Any]]:
    """The pool's volume, which stays when the cluster is destroyed."""
    if instance.pool is None:
        return []
    name = volume_name(instance.pool, instance.host, "cache")
    return [_volume_mount(name, WARM_POOL_CACHE, {**labels, CLUSTER: instance.pool}, {})]


def _bind_mount(mount: Mount) -> dict[str, Any]:
    return {"Type": "bind", "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only}


def with_credentials_address(instance: InstanceSpec) -> InstanceSpec:
    """As on AWS: credentials are asked for at 169.254.170.2, and there are no others unless the request has some."""
    addresses = dict(instance.endpoint_variables)
    path = addresses.pop("AWS_CONTAINER_CREDENTIALS_FULL_URI", None)
    if path is None:
        return instance
    environment = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": path, **instance.environment}
    if environment.get("AWS_SECRET_ACCESS_KEY") == SECRET:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            environment.pop(name, None)
    return replace(instance, environment=environment, endpoint_variables=addresses)


def with_endpoint(instance: InstanceSpec, url: str | None) -> InstanceSpec:
    """The instance with its variables for the emulator's address set; without them where there is no address."""
    if url is None:
        return instance
    addresses = {name: f"{url}{path}" for name, path in instance.endpoint_variables.items()}
    return replace(instance, environment={**instance.environment, **addresses})


def overlay_options(lower: list[str], upper: str, work: str) -> dict[str, str]:
    """Options of the local volume driver for a private view of `lower`, the first directory on top.

    Raises ValueError where the Engine could not parse them or the kernel would cut them off.
    """
    if any(character in path for path in lower for character in ",:\\"):
        raise ValueError("the data directory's path has a comma, a colon or a backslash in it")
    text = f"lowerdir={':'.join(lower)},upperdir={upper},workdir={work}"
    if len(text.encode(errors="surrogateescape")) > MOST_OPTIONS:
        raise ValueError("the data directory's path is too long for that many layers")
    return {"type": "overlay", "device": "overlay", "o": text}
