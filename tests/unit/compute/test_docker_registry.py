from pathlib import Path
from typing import Any

import anyio
import pytest
from docker.errors import DockerException, NotFound

from emulator.compute.docker_registry import ContainerOptions, RegistryContainer
from emulator.domain.ecr import RegistryUnavailableError


class Engine:
    """Makes containers and cannot start them."""

    def __init__(self) -> None:
        self.containers: list[str] = []

    def inspect_image(self, name: str) -> dict[str, Any]:
        return {"Id": name}

    def info(self) -> dict[str, Any]:
        return {"Name": "engine"}

    def create_host_config(self, **options: Any) -> dict[str, Any]:
        return options

    def create_container(self, image: str, name: str, **options: Any) -> None:
        self.containers.append(name)

    def start(self, name: str) -> None:
        raise DockerException("the port is taken")

    def remove_container(self, name: str, **options: Any) -> None:
        if name not in self.containers:
            raise NotFound(f"No such container: {name}")
        self.containers.remove(name)


def test_container_that_cannot_be_started_is_removed(tmp_path: Path) -> None:
    engine = Engine()
    registry = RegistryContainer(ContainerOptions("ab12", "registry:2", True, tmp_path / "registry"))
    registry.__dict__["_api"] = engine
    with pytest.raises(RegistryUnavailableError, match="the port is taken"):
        anyio.run(registry.start)
    assert engine.containers == []
