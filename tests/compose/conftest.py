from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from scripts.images import PROJECT, build_sample, copy_ca_bundle
from tests.compose.compose_images import (
    EMULATOR_IMAGE,
    REGISTRY_IMAGE,
    S3_IMAGE,
    build_registry_image,
    build_s3_image,
    find_registry,
)
from tests.compose.compose_project import ComposeProject, compose_command
from tests.support.images import base_image, cannot_run, one_at_a_time
from tests.support.minio_server import minio_binary


@pytest.fixture(scope="session")
def base(engine: docker.DockerClient) -> str:
    return base_image(engine)


@pytest.fixture(scope="session")
def s3_image(engine: docker.DockerClient, base: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    build_s3_image(engine, base, minio_binary(), tmp_path_factory.mktemp("s3"))
    return S3_IMAGE


@pytest.fixture(scope="session")
def registry_image(engine: docker.DockerClient, base: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    registry = find_registry()
    if registry is None:
        cannot_run("no docker-registry; Debian's package of that name has it")
    build_registry_image(engine, base, registry, tmp_path_factory.mktemp("registry"))
    return REGISTRY_IMAGE


@pytest.fixture(scope="module")
def compose_project(
    engine: docker.DockerClient, base: str, s3_image: str, registry_image: str
) -> Iterator[ComposeProject]:
    command = compose_command()
    if command is None:
        cannot_run("no docker-compose; Debian's package of that name has it")
    images = {"S3_IMAGE": s3_image, "REGISTRY_IMAGE": registry_image}
    emulator = {"EMULATOR_IMAGE": EMULATOR_IMAGE, "EMULATOR_BASE_IMAGE": base}
    project = ComposeProject(engine, command, images | emulator)
    with one_at_a_time():
        copy_ca_bundle(PROJECT / "build" / "ca-bundle.pem")
        project.build()
    try:
        project.up()
        yield project
    finally:
        project.down()
    assert project.leftovers() == []


@pytest.fixture
def pushed_image(engine: docker.DockerClient, compose_project: ComposeProject) -> Iterator[str]:
    """The name in the project's registry of an image that the Engine has to pull from there."""
    sample = engine.images.get(build_sample(engine, "logistic_regression"))
    repository = f"{compose_project.registry}/logistic_regression"
    sample.tag(repository, compose_project.name)
    pushed = engine.images.push(repository, compose_project.name)
    assert '"error"' not in pushed, pushed
    name = f"{repository}:{compose_project.name}"
    engine.images.remove(name)
    yield name
    for image in engine.api.images(repository):
        for pulled in image["RepoDigests"]:
            if pulled.startswith(f"{repository}@"):
                engine.images.remove(pulled)


@pytest.fixture
def artifact_path(tmp_path: Path) -> Path:
    return tmp_path / "model.tar.gz"
