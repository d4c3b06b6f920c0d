"""Small training images, built once and kept on the Engine, since nothing can be pulled for tests."""

import fcntl
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import docker
import pytest

from scripts.images import BaseImageError, ensure_base_image

REPOSITORY = "sagemaker-emulator-tests"
ALGORITHM = Path(__file__).parent.parent / "e2e" / "algorithm"


def cannot_run(reason: str) -> NoReturn:
    """Skip with the reason, or fail where CI asks for everything."""
    if os.environ.get("CI_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Among this user's test processes: two that build the same image at once make two, and one loses its name."""
    path = Path(tempfile.gettempdir(), f"sagemaker-emulator-test-images-{os.getuid()}.lock")
    with path.open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def base_image(engine: docker.DockerClient) -> str:
    try:
        with one_at_a_time():
            return ensure_base_image(engine)
    except BaseImageError as error:
        cannot_run(str(error))


def build_algorithm_image(engine: docker.DockerClient) -> str:
    """tests/e2e/algorithm on the base image; it has content of its own below /opt/ml, too."""
    dockerfile = f"""\
FROM {base_image(engine)}
ENV PYTHONUNBUFFERED=1
COPY train serve /usr/local/bin/
RUN mkdir -p /opt/ml/code /opt/ml/model /opt/ml/input/data/train \\
    && echo own > /opt/ml/code/own.py \\
    && echo hidden > /opt/ml/model/hidden \\
    && echo hidden > /opt/ml/input/data/train/hidden
"""
    programs = {name: (ALGORITHM / name).read_bytes() for name in ("train", "serve")}
    return build_image(engine, "algorithm", dockerfile, programs)


def build_entrypoint_image(engine: docker.DockerClient, algorithm: str) -> str:
    """The algorithm image with ENTRYPOINT, CMD, WORKDIR, ENV and USER of its own."""
    dockerfile = f"""\
FROM {algorithm}
ENV FROM_IMAGE=kept TRAINING_JOB_NAME=overridden
WORKDIR /srv
USER 1234:1234
ENTRYPOINT ["train", "from-entrypoint"]
CMD ["from-cmd"]
"""
    return build_image(engine, "entrypoint", dockerfile, {})


def build_tiny_image(engine: docker.DockerClient) -> str:
    """A shell and its libraries, two megabytes: to be pushed. It trains nothing, whatever it is asked."""
    dockerfile = f"""\
FROM {base_image(engine)} AS whole
RUN mkdir /tiny && cp --parents -L /bin/sh $(ldd /bin/sh | grep -o '/[^ ]*') /tiny
FROM scratch
COPY --from=whole /tiny /
COPY train /usr/local/bin/train
CMD ["train"]
"""
    return build_image(engine, "tiny", dockerfile, {"train": b"#!/bin/sh\necho trained\n"})


def build_image(engine: docker.DockerClient, name: str, dockerfile: str, files: Mapping[str, bytes]) -> str:
    """The image's name. The same content gives the same image, whoever builds it."""
    tag = f"{REPOSITORY}/{name}:latest"
    context = _context({"Dockerfile": dockerfile.encode(), **files})
    with one_at_a_time():
        engine.images.build(fileobj=context, custom_context=True, tag=tag, rm=True, forcerm=True)
    return tag


def _context(files: Mapping[str, bytes]) -> io.BytesIO:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o755
            tar.addfile(info, io.BytesIO(data))
    context.seek(0)
    return context
