"""Sidecars of isolated containers, for an emulator in a container: see sidecar.py for what they do.

Without one it would have to join the isolated network, and then containers there would reach the emulator.
"""

import os
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from emulator.compute.docker_removal import remove_container
from emulator.compute.docker_request import CLUSTER, HOST, INSTALLATION, SIDECAR, container_name
from emulator.compute.engine_paths import EnginePaths
from emulator.compute.own_container import OwnContainer
from emulator.compute.sidecar import SOCKET, ask_for_connection
from emulator.domain.failure_reason import container_gone

INSIDE = "/run/sidecar"
MEMORY_BYTES = 64 * 2**20
START_LIMIT = 30.0
"""Seconds until the sidecar listens."""
LOOK_PERIOD = 0.05
"""Seconds."""

REFUSED = (
    "EnableNetworkIsolation of a model needs a container of the emulator's own image beside each of the model's, "
    "with a directory of the emulator's data directory in it, when the emulator is in a container itself: "
)


class SidecarDoor:
    """See Door in isolated_gate.py."""

    def __init__(self, directory: Path, port: int) -> None:
        self._directory = os.open(directory, os.O_PATH | os.O_DIRECTORY)
        self._port = port

    def connect(self) -> socket.socket:
        return ask_for_connection(self._directory, self._port)

    def close(self) -> None:
        os.close(self._directory)


class Sidecars:
    """For worker threads. One for each isolated container, labelled so that it goes with that one."""

    def __init__(self, api: APIClient, own: OwnContainer, paths: EnginePaths, root: Path) -> None:
        """`root`: a directory of ours that the Engine's machine has, too."""
        self._api = api
        self._own = own
        self._paths = paths
        self._root = root

    def door(self, found: dict[str, Any], port: int) -> SidecarDoor:
        """To a running container, as the Engine describes it; its sidecar runs when this returns. Idempotent.

        Raises JobFailure where the container is gone, and ConnectionError where there can be no sidecar.
        """
        labels = found["Config"]["Labels"]
        cluster, host = labels[CLUSTER], labels[HOST]
        directory = self._root / cluster / host
        name = f"{container_name(cluster, host)}-sidecar"
        if not self._is_beside(name, found["Id"]):
            remove_container(self._api, name)
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
            self._run(name, found, directory)
        self._await(name, directory)
        return SidecarDoor(directory, port)

    def close(self, cluster: str) -> None:
        """Forget the cluster's directories. Its sidecars go with its containers."""
        shutil.rmtree(self._root / cluster, ignore_errors=True)

    def _is_beside(self, name: str, container: str) -> bool:
        try:
            found = self._api.inspect_container(name)
        except NotFound:
            return False
        is_there: bool = found["HostConfig"]["NetworkMode"] == f"container:{container}"
        return is_there and bool(found["State"]["Running"])

    def _run(self, name: str, found: dict[str, Any], directory: Path) -> None:
        request = sidecar_request(self._own.image, found, self._paths.translate(directory))
        try:
            self._api.create_container_from_config(request, name)  # type: ignore[no-untyped-call]
            self._api.start(name)
        except APIError as error:
            if not self._api.inspect_container(found["Id"])["State"]["Running"]:
                raise container_gone(found["Config"]["Labels"][HOST]) from error
            raise ConnectionError(f"{REFUSED}{error}") from error

    def _await(self, name: str, directory: Path) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not (directory / SOCKET).exists():
            if time.monotonic() > deadline or not self._api.inspect_container(name)["State"]["Running"]:
                lines = self._api.logs(name, tail=5).decode(errors="replace").strip()
                raise ConnectionError(f"{REFUSED}it does not run. {lines}")
            time.sleep(LOOK_PERIOD)


def sidecar_request(image: str, found: dict[str, Any], source: str) -> dict[str, Any]:
    """Pure: the body of `POST /containers/create`. `source` is a directory of the Engine's machine."""
    labels = found["Config"]["Labels"]
    mount = {"Type": "bind", "Source": source, "Target": INSIDE}
    return {
        "Image": image,
        "Entrypoint": [sys.executable, "-m", "emulator.compute.sidecar"],
        "Cmd": [INSIDE],
        "User": f"{os.getuid()}:{os.getgid()}",
        "Labels": {INSTALLATION: labels[INSTALLATION], CLUSTER: labels[CLUSTER], SIDECAR: labels[HOST]},
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": {
            "NetworkMode": f"container:{found['Id']}",
            "Mounts": [mount],
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "Memory": MEMORY_BYTES,
            "MemorySwap": MEMORY_BYTES,
            "PidsLimit": 16,
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5},
        },
    }
