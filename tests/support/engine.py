"""A pytest plugin, see tests/conftest.py."""

from collections.abc import Iterator

import docker
import pytest
from docker.errors import DockerException

from tests.support.images import cannot_run


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The real Docker Engine, which other tests use at the same time."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        cannot_run(f"no Docker Engine answers: {error}")
    yield client
    client.close()
