"""How a container gets its private, writable view of the staged input layers.

`overlay`: the Engine mounts an overlay filesystem over the layers, so one staged copy serves every host. `copy`: the
layers are streamed into a volume of the host's own; for Engines whose machine cannot see our directories. `auto`
takes the first until the Engine refuses it.
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Literal

from docker import APIClient
from docker.errors import APIError

from emulator.compute.docker_archive import pack_files, stream_trees
from emulator.compute.docker_files import fill_directories
from emulator.compute.docker_request import (
    Labels,
    container_name,
    container_request,
    overlay_options,
    volume_name,
    volumes_of,
)
from emulator.compute.engine_paths import EnginePaths
from emulator.domain.cluster import InstanceSpec, Mount
from emulator.domain.failure_reason import internal_error

log = logging.getLogger(__name__)

NO_MOUNTS = (
    "Pipe mode, FastFile and file systems need a Docker Engine on the emulator's machine, "
    "one that sees the emulator's directories."
)


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
        instance = replace(instance, mounts=tuple(self._mount(mount, work_dir) for mount in instance.mounts))
        try:
            self._create(cluster, instance, image, labels, work_dir)
        except (APIError, ValueError) as error:
            if "bind source path" in str(error):
                raise internal_error(f"{NO_MOUNTS} The Engine says: {error}") from error
            if not (
                instance.views and self._use_overlay and self._may_fall_back and _is_mount_refusal(error)
            ):
                raise
            log.warning("The Engine cannot show the staged input in place, so it is copied: %s", error)
            self._use_overlay = False
            self._remove(cluster, instance)
            self._create(cluster, instance, image, labels, work_dir)

    def _mount(self, mount: Mount, work_dir: Path) -> Mount:
        return mount._replace(source=self._paths.translate(work_dir / mount.source))

    def _create(
        self, cluster: str, instance: InstanceSpec, image: str, labels: Labels, work_dir: Path
    ) -> None:
        overlays = self._overlays(cluster, instance, labels, work_dir) if self._use_overlay else {}
        request = container_request(cluster, instance, labels, overlays)
        name = container_name(cluster, instance.host)
        self._api.create_container_from_config({**request, "Image": image}, name)  # type: ignore[no-untyped-call]
        for view in instance.views:
            if view.target not in overlays:
                layers = [work_dir / layer for layer in view.layers]
                # Not at the target: below a read-only mount, as of the pipes, the Engine refuses that every other time.
                self._api.put_archive(name, "/", stream_trees(reversed(layers), view.target))
        fill_directories(self._api, name, instance.trees, work_dir)
        if instance.directories or instance.files:
            self._api.put_archive(name, "/", pack_files(instance.directories, instance.files))

    def _overlays(
        self, cluster: str, instance: InstanceSpec, labels: Labels, work_dir: Path
    ) -> dict[str, dict[str, str]]:
        """Options of the local volume driver by target."""
        layers = {view.target: view.layers for view in instance.views}
        overlays = {}
        for role, target in volumes_of(instance).items():
            if target in layers:
                lower = [self._paths.translate(work_dir / layer) for layer in layers[target]]
                upper, work = (
                    self._api.create_volume(
                        volume_name(cluster, instance.host, f"{role}-{purpose}"), labels=labels
                    )["Mountpoint"]
                    for purpose in ("changes", "work")
                )
                overlays[target] = overlay_options(lower, upper, work)
        return overlays

    def _remove(self, cluster: str, instance: InstanceSpec) -> None:
        self._api.remove_container(container_name(cluster, instance.host), v=True, force=True)
        for role in volumes_of(instance):
            if role.startswith(("input", "view")):
                self._api.remove_volume(volume_name(cluster, instance.host, role), force=True)


def _is_mount_refusal(error: Exception) -> bool:
    return isinstance(error, ValueError) or "mount" in str(error).lower()
