"""Images of this machine's real MinIO and registry, for where the published ones can't be pulled."""

import shutil
from pathlib import Path

import docker

from tests.support.images import one_at_a_time

S3_IMAGE = "sagemaker-emulator-test/minio:latest"
REGISTRY_IMAGE = "sagemaker-emulator-test/registry:latest"
EMULATOR_IMAGE = "sagemaker-emulator-test/emulator:latest"

REGISTRY_CONFIG = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
"""


def find_registry() -> Path | None:
    program = shutil.which("docker-registry")
    return Path(program) if program else None


def build_s3_image(engine: docker.DockerClient, base: str, minio: Path, context: Path) -> None:
    shutil.copy(minio, context / "minio")
    dockerfile = [f"FROM {base}", "COPY minio /usr/bin/minio", 'ENTRYPOINT ["minio"]']
    build(engine, S3_IMAGE, dockerfile, context)


def build_registry_image(engine: docker.DockerClient, base: str, registry: Path, context: Path) -> None:
    shutil.copy(registry, context / "registry")
    (context / "config.yml").write_text(REGISTRY_CONFIG)
    dockerfile = [
        f"FROM {base}",
        "COPY registry /usr/bin/registry",
        "COPY config.yml /etc/docker/registry/config.yml",
        'ENTRYPOINT ["registry"]',
        'CMD ["serve", "/etc/docker/registry/config.yml"]',
    ]
    build(engine, REGISTRY_IMAGE, dockerfile, context)


def build(engine: docker.DockerClient, image: str, dockerfile: list[str], context: Path) -> None:
    (context / "Dockerfile").write_text("\n".join(dockerfile))
    with one_at_a_time():
        engine.images.build(path=str(context), tag=image, rm=True, forcerm=True)
