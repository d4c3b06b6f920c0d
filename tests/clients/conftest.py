"""The server that all clients share, and a working directory with data for each program.

`make test-clients` names the environments; without it these tests are not collected (pyproject.toml, norecursedirs).
"""

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException, ImageNotFound

from emulator.sdk import environment
from tests.clients.client_program import Client
from tests.support.emulator_process import EmulatorProcess, running_emulator
from tests.support.images import cannot_run

HERE = Path(__file__).parent
IMAGES = ("logistic_regression", "script_mode", "xgboost")


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    try:
        engine = docker.from_env()
        for name in IMAGES:
            engine.images.get(f"sagemaker-emulator-samples/{name}")
        engine.close()
    except ImageNotFound as error:
        cannot_run(f"scripts/images.py has not built it: {error}")
    except DockerException as error:
        cannot_run(f"no Docker Engine answers: {error}")
    with running_emulator(tmp_path_factory.mktemp("clients") / "data", {}) as running:
        yield running


@pytest.fixture
def client(emulator: EmulatorProcess, tmp_path: Path) -> Client:
    """Runs programs where `data`, `source` and `library` are; nothing of this machine's configuration is seen."""
    shutil.copytree(HERE / "script", tmp_path / "work")
    write_data(tmp_path / "work" / "data")
    (tmp_path / "home").mkdir()
    variables = {
        **environment(emulator.url),
        "HOME": str(tmp_path / "home"),
        "PATH": os.environ["PATH"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(HERE / "sdk_config.yaml"),
    }
    return Client(tmp_path / "work", variables)


def write_data(directory: Path) -> None:
    """Four CSV files of 50 rows, the label first: whether the first feature is positive."""
    directory.mkdir()
    source = random.Random(4)
    for part in range(4):
        rows = [(source.gauss(0, 1), source.random()) for _ in range(50)]
        text = "".join(f"{int(first > 0)},{first:.4f},{second:.4f}\n" for first, second in rows)
        (directory / f"part-{part}.csv").write_text(text)
