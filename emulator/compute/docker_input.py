"""How a container gets its private, writable view of the staged input layers.

`overlay`: the Engine mounts an overlay filesystem over the layers, so one staged copy serves every host. `copy`: the
layers are streamed into a volume of the host's own; for Engines whose machine cannot see our directories. `auto`
takes the first until the Engine refuses it.
"""

import logging
from pathlib import Path
from typing import Literal

from docker import APIClient
from docker.errors import APIError

from emulator.compute.docker_archive import pack_files, stream_trees
from emulator.compute.docker_request import (
    INPUT,
    Labels,
    container_name,
    container_request,
    overlay_options,
    volume_name,
)
from emulator.compute.engine_paths import EnginePaths
from emulator.domain.cluster import InstanceSpec

log = logging.getLogger(__name__)

Overlay = dict[str, str]


class InputView:
    def __init__(self, api: APIClient, mode: Literal["auto", "overlay", "copy"], paths: EnginePaths) -> None:
        self._api = api
        self._paths = paths
        self._may_fall_back = mode == "auto"
        self._use_overlay = mode != "copy"

    def create_container(
        self, cluster: str, instance: InstanceSpec, image: str, labels: Labels, work_dir: Path
    ) -> None:
        """Create the container with its volumes, and write the input, directories and files."""
        layers = [work_dir / layer for layer in instance.input_layers]
        try:
            self._create(cluster, instance, image, labels, layers)
        except (APIError, ValueError) as error:
            if not (layers and self._use_overlay and self._may_fall_back and _is_mount_refusal(error)):
                raise
            log.warning("The Engine cannot show the staged input in place, so it is copied: %s", error)
            self._use_overlay = False
            self._remove(cluster, instance.host)
            self._create(cluster, instance, image, labels, layers)

    def _create(
        self, cluster: str, instance: InstanceSpec, image: str, labels: Labels, layers: list[Path]
    ) -> None:
        overlay = (
            self._overlay(cluster, instance.host, labels, layers) if layers and self._use_overlay else None
        )
        request = container_request(cluster, instance, labels, overlay)
        name = container_name(cluster, instance.host)
        self._api.create_container_from_config({**request, "Image": image}, name)  # type: ignore[no-untyped-call]
        if layers and overlay is None:
            self._api.put_archive(name, INPUT, stream_trees(reversed(layers)))
        self._api.put_archive(name, "/", pack_files(instance.directories, instance.files))

    def _overlay(self, cluster: str, host: str, labels: Labels, layers: list[Path]) -> Overlay:
        lower = [self._paths.translate(layer) for layer in layers]
        upper, work = (
            self._api.create_volume(volume_name(cluster, host, role), labels=labels)["Mountpoint"]
            for role in ("changes", "work")
        )
        return overlay_options(lower, upper, work)

    def _remove(self, cluster: str, host: str) -> None:
        self._api.remove_container(container_name(cluster, host), v=True, force=True)
        self._api.remove_volume(volume_name(cluster, host, "input"), force=True)


def _is_mount_refusal(error: Exception) -> bool:
    return isinstance(error, ValueError) or "mount" in str(error).lower()
