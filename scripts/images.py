"""Builds images: the base image, sample_containers/ on top of it, and the emulator itself.

The base image holds Python and NumPy. Where a registry can be reached it is python:3.11-slim with NumPy;
where nothing can be pulled, debootstrap makes it (about one minute, root only) and the Engine imports it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, ImageNotFound
from requests.exceptions import RequestException

PROJECT = Path(__file__).resolve().parent.parent
SAMPLES = PROJECT / "sample_containers"
BASE_IMAGE = "sagemaker-emulator-base:bookworm"
EMULATOR_IMAGE = "sagemaker-training-emulator"
BASE_LABEL = "sagemaker-emulator.base-version"
BASE_VERSION = "1"
PULLED_IMAGE, PULLED_TAG = "python", "3.11-slim"
DEBIAN_PACKAGES = "python3,python3-numpy,python3-pip,python3-venv"
PULL_LIMIT_SECONDS = 30
VARIANTS = {"script_mode_torch": ("script_mode", {"TORCH": "cpu"})}
"""Samples with build arguments, made only where they are asked for by name."""


class BaseImageError(Exception):
    """The base image can be neither pulled nor made here; the message says why."""


def sample_image(name: str) -> str:
    return f"sagemaker-emulator-samples/{name}:latest"


def sample_names() -> list[str]:
    return sorted(dockerfile.parent.name for dockerfile in SAMPLES.glob("*/Dockerfile"))


def ensure_base_image(engine: docker.DockerClient) -> str:
    """The name of the base image, which is there afterwards; raises BaseImageError."""
    try:
        if engine.images.get(BASE_IMAGE).labels.get(BASE_LABEL) == BASE_VERSION:
            return BASE_IMAGE
    except ImageNotFound:
        pass
    if pull(PULLED_IMAGE, PULLED_TAG):
        say(f"building {BASE_IMAGE} from {PULLED_IMAGE}:{PULLED_TAG}")
        build_from_pulled(engine)
    else:
        say(f"nothing can be pulled: debootstrap makes {BASE_IMAGE} (about one minute)")
        import_debian(engine)
    return BASE_IMAGE


def build_sample(engine: docker.DockerClient, name: str) -> str:
    """Build sample_containers/NAME, or a variant, and return the image's name; quick if nothing changed."""
    image = sample_image(name)
    sample, options = VARIANTS.get(name, (name, {}))
    arguments = {"BASE_IMAGE": ensure_base_image(engine), **options}
    with tempfile.TemporaryDirectory() as directory:
        context = shutil.copytree(SAMPLES / sample, Path(directory, sample))
        copy_ca_bundle(context / "ca-bundle.pem")
        engine.images.build(path=str(context), tag=image, buildargs=arguments, rm=True, forcerm=True)
    return image


def build_emulator(engine: docker.DockerClient) -> str:
    """Build the emulator's own image from Dockerfile; a slimmer base than ours where one can be pulled."""
    base = f"{PULLED_IMAGE}:{PULLED_TAG}" if pull(PULLED_IMAGE, PULLED_TAG) else ensure_base_image(engine)
    copy_ca_bundle(PROJECT / "build" / "ca-bundle.pem")
    engine.images.build(
        path=str(PROJECT), tag=EMULATOR_IMAGE, buildargs={"BASE_IMAGE": base}, rm=True, forcerm=True
    )
    return EMULATOR_IMAGE


def pull(repository: str, tag: str) -> bool:
    """Whether the Engine could pull the image; the limit is on silence, not on a slow download."""
    impatient = docker.from_env(timeout=PULL_LIMIT_SECONDS)
    try:
        impatient.images.pull(repository, tag)
    except (APIError, RequestException):
        return False
    finally:
        impatient.close()
    return True


def build_from_pulled(engine: docker.DockerClient) -> None:
    dockerfile = [
        f"FROM {PULLED_IMAGE}:{PULLED_TAG}",
        "COPY . /tmp/build/",
        "RUN if [ -f /tmp/build/ca-bundle.pem ]; then export PIP_CERT=/tmp/build/ca-bundle.pem; fi;"
        " pip install --no-cache-dir numpy",
        f"LABEL {BASE_LABEL}={BASE_VERSION}",
    ]
    with tempfile.TemporaryDirectory() as context:
        copy_ca_bundle(Path(context) / "ca-bundle.pem")
        Path(context, "Dockerfile").write_text("\n".join(dockerfile), encoding="utf-8")
        engine.images.build(path=context, tag=BASE_IMAGE, rm=True, forcerm=True)


def copy_ca_bundle(target: Path) -> None:
    """Give a build the machine's own certificate authorities, where the environment names some."""
    bundle = os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE")
    if bundle and Path(bundle).is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(bundle, target)


def import_debian(engine: docker.DockerClient) -> None:
    if os.getuid() != 0:
        raise BaseImageError(f"{PULLED_IMAGE}:{PULLED_TAG} cannot be pulled, and debootstrap needs root")
    debian_package = PROJECT / "scripts" / "debian_package.sh"
    if subprocess.run([debian_package, "debootstrap"], check=False).returncode != 0:
        raise BaseImageError(
            f"{PULLED_IMAGE}:{PULLED_TAG} cannot be pulled, and debootstrap cannot be installed"
        )
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory, "root")
        debootstrap(root)
        repository, tag = BASE_IMAGE.split(":")
        engine.api.import_image_from_stream(
            tar_stream(root), repository, tag, changes=[f"LABEL {BASE_LABEL}={BASE_VERSION}", 'CMD ["bash"]']
        )


def debootstrap(root: Path) -> None:
    command = ["debootstrap", "--variant=minbase", f"--include={DEBIAN_PACKAGES}", "bookworm", str(root)]
    made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if made.returncode != 0:
        raise BaseImageError("debootstrap failed:\n" + "\n".join(made.stdout.splitlines()[-10:]))
    for leftover in [*root.glob("var/cache/apt/archives/*.deb"), *root.glob("var/lib/apt/lists/*_*")]:
        leftover.unlink()


def tar_stream(root: Path) -> Iterator[bytes]:
    with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as tar:
        assert tar.stdout is not None
        while chunk := tar.stdout.read(1 << 20):
            yield chunk


def say(text: str) -> None:
    print(f"[images] {text}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the base image and the sample containers' images.")
    parser.add_argument(
        "samples",
        nargs="*",
        metavar="SAMPLE",
        help=f"of {', '.join(sample_names())}, which are all built by default, and {', '.join(VARIANTS)}",
    )
    parser.add_argument("--base-only", action="store_true", help="only provide the base image")
    parser.add_argument("--emulator", action="store_true", help="build the emulator's own image instead")
    options = parser.parse_args()
    engine = docker.from_env()
    try:
        if options.emulator:
            say(build_emulator(engine))
            return 0
        say(ensure_base_image(engine))
        for name in [] if options.base_only else options.samples or sample_names():
            say(build_sample(engine, name))
    except BaseImageError as error:
        print(f"[images] {error}", file=sys.stderr)
        return 1
    except BuildError as error:
        said = "".join(step.get("stream", "") for step in error.build_log).splitlines()
        print("[images] " + "\n".join([*said[-20:], str(error)]), file=sys.stderr)
        return 1
    finally:
        engine.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
