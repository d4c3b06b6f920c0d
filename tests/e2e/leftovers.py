"""What servers left behind: on the Engine, and files that are not ours below their data directories."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docker

LABEL = "sagemaker-emulator.installation"


def find_leftovers(engine: docker.DockerClient, installations: Sequence[str]) -> list[str]:
    """Containers, networks and volumes by name."""
    found = []
    for installation in installations:
        wanted: dict[str, Any] = {"label": f"{LABEL}={installation}"}
        found += [
            f"container {one.name}"
            for one in engine.containers.list(all=True, filters=wanted, ignore_removed=True)
        ]
        found += [f"network {one.name}" for one in engine.networks.list(filters=wanted)]
        found += [f"volume {one.name}" for one in engine.volumes.list(filters=wanted)]
    return found


def remove_leftovers(engine: docker.DockerClient, installations: Sequence[str]) -> None:
    """So that one defect does not spoil the next run."""
    for installation in installations:
        wanted: dict[str, Any] = {"label": f"{LABEL}={installation}"}
        for container in engine.containers.list(all=True, filters=wanted, ignore_removed=True):
            container.remove(v=True, force=True)
        for volume in engine.volumes.list(filters=wanted):
            volume.remove(force=True)
        for network in engine.networks.list(filters=wanted):
            network.remove()


def find_foreign_files(directory: Path) -> list[Path]:
    """Files and directories that belong to another user, or lie in the directory for staged input."""
    everything = list(directory.rglob("*"))
    staged = [path for path in everything if path.is_relative_to(directory / "work" / "")]
    foreign = [path for path in everything if path.lstat().st_uid != os.getuid()]
    return foreign + [path for path in staged if path != directory / "work"]
