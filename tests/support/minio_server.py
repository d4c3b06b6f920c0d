"""A real MinIO of one directory, for tests that compare with it (marker `minio`)."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import platformdirs
import pytest

from tests.support.ports import free_port

ACCESS_KEY = "minioadmin"
SECRET_KEY = "minioadmin"
_START_LIMIT_SECONDS = 120.0


def minio_binary() -> Path:
    """The MinIO binary; where it is missing the test is skipped, or fails if CI_REQUIRE_ALL=1."""
    default = platformdirs.user_cache_path("sagemaker-training-emulator") / "bin" / "minio"
    binary = Path(os.environ.get("SAGEMAKER_EMULATOR_MINIO", str(default)))
    if not os.access(binary, os.X_OK):
        reason = f"no MinIO binary at {binary}; set SAGEMAKER_EMULATOR_MINIO"
        if os.environ.get("CI_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return binary


@contextlib.contextmanager
def running_minio(directory: Path, region: str = "us-east-1") -> Iterator[str]:
    """Its endpoint URL; `directory` is made and filled. Takes `<bucket>.localhost` as well."""
    binary, port = minio_binary(), free_port()
    directory.mkdir(parents=True, exist_ok=True)
    environment = {
        "HOME": str(directory),
        "MINIO_BROWSER": "off",
        "MINIO_DOMAIN": "localhost",
        "MINIO_REGION": region,
        "MINIO_ROOT_PASSWORD": SECRET_KEY,
        "MINIO_ROOT_USER": ACCESS_KEY,
    }
    command = [str(binary), "server", "--quiet", "--address", f"127.0.0.1:{port}", str(directory / "data")]
    log = directory / "minio.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until_live(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def wait_until_live(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    tick = threading.Event()
    for _ in range(int(_START_LIMIT_SECONDS / 0.1)):
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/minio/health/cluster").status_code == 200:
                return
        if process.poll() is not None:
            break
        tick.wait(0.1)
    pytest.fail(f"MinIO did not start: {log.read_text(errors='replace')[-2000:]}")
