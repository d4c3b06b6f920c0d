"""One running project of docker-compose.yml, under a name and on ports of its own."""

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker

from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT_SECONDS = 120.0


def compose_command() -> list[str] | None:
    """Debian's docker-compose, or the plugin of a newer Docker client."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    plugin = ["docker", "compose"]
    if shutil.which("docker") is None:
        return None
    asked = subprocess.run([*plugin, "version"], check=False, capture_output=True)
    return plugin if asked.returncode == 0 else None


def wait_until(is_so: Callable[[], bool], what: str, limit_seconds: float) -> None:
    deadline = time.monotonic() + limit_seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {limit_seconds:g} s")
        time.sleep(0.2)


@dataclass
class ComposeProject:
    engine: docker.DockerClient
    command: list[str]
    variables: dict[str, str]
    name: str = field(default_factory=lambda: f"emulator-test-{uuid.uuid4().hex[:8]}")
    ports: list[int] = field(default_factory=lambda: [free_port() for _ in range(3)])

    @property
    def emulator_url(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    @property
    def s3_url(self) -> str:
        return f"http://127.0.0.1:{self.ports[1]}"

    @property
    def registry(self) -> str:
        return f"localhost:{self.ports[2]}"

    def compose(self, *arguments: str) -> str:
        names = ("EMULATOR_PORT", "S3_PORT", "REGISTRY_PORT")
        ports = dict(zip(names, map(str, self.ports), strict=True))
        # The classic builder: the client of this machine may lack BuildKit's plugin.
        environment = os.environ | self.variables | ports | {"COMPOSE_DOCKER_CLI_BUILD": "0"}
        command = [
            *self.command,
            "--project-name",
            self.name,
            "--file",
            str(ROOT / "docker-compose.yml"),
            *arguments,
        ]
        output: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        ran = subprocess.run(command, check=False, env=environment, cwd=ROOT, **output)
        assert ran.returncode == 0, f"{' '.join(command)}\n{ran.stdout[-5000:]}"
        return ran.stdout

    def build(self) -> None:
        self.compose("build")

    def up(self) -> None:
        self.compose("up", "--detach")
        try:
            wait_until(
                lambda: set(self.health().values()) == {"healthy"},
                "all services healthy",
                START_LIMIT_SECONDS,
            )
        except TimeoutError as error:
            raise AssertionError(f"{error}: {self.health()}\n{self.compose('logs', '--no-color')}") from error

    def down(self) -> None:
        self.compose("down", "--volumes", "--timeout", "30")

    def containers(self) -> list[docker.models.containers.Container]:
        return self.engine.containers.list(all=True, filters={"label": self.label}, ignore_removed=True)

    def container(self, service: str) -> docker.models.containers.Container:
        filters = {"label": [self.label, f"com.docker.compose.service={service}"]}
        (found,) = self.engine.containers.list(filters=filters, ignore_removed=True)
        return found

    def health(self) -> dict[str, str]:
        return {
            container.name: container.attrs["State"]["Health"]["Status"] for container in self.containers()
        }

    def leftovers(self) -> list[str]:
        """Names of this project's containers, networks and volumes that still exist."""
        filters = {"label": self.label}
        return [
            *(container.name for container in self.containers()),
            *(network.name for network in self.engine.networks.list(filters=filters)),
            *(volume.name for volume in self.engine.volumes.list(filters=filters)),
        ]

    @property
    def label(self) -> str:
        return f"com.docker.compose.project={self.name}"
