"""Containers whose program goes on when the test says so: nothing races with a sleep."""

from collections.abc import Sequence

import docker
from docker.models.containers import Container

WAIT = "while [ ! -e /tmp/go ]; do sleep 0.05; done"
"""For a shell in the container, until `let_go` or `release`."""


def find_containers(engine: docker.DockerClient, name: str) -> list[Container]:
    """Those of a training job that run."""
    return engine.containers.list(filters={"name": f"sagemaker-{name}-"}, ignore_removed=True)


def release(engine: docker.DockerClient, name: str) -> None:
    """All containers of a training job."""
    let_go(find_containers(engine, name))


def let_go(containers: Sequence[Container]) -> None:
    """What waits in them goes on, and what comes to a wait later does not begin it."""
    for container in containers:
        assert container.exec_run("touch /tmp/go").exit_code == 0
