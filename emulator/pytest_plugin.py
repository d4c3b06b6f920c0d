"""The pytest plugin: fixtures for tests of code that trains on SageMaker.

Loaded by every pytest run of an environment that has the emulator, so it imports nothing of it before a fixture is
used. One server a session (and xdist worker) and compute; every test has an account of its own on it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from emulator.compute.fake import Script
    from emulator.testing.account import SageMakerEmulator
    from emulator.testing.server import SessionServer

COMPUTES = ("docker", "fake")
MARKER = "sagemaker_emulator"
INI = "sagemaker_emulator_compute"


@dataclass(frozen=True)
class Wish:
    """What a test wants, by its marker."""

    compute: str
    scripts: "Mapping[str, Script]" = field(default_factory=dict)


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "what trains in tests that use sagemaker_emulator: docker (real containers) or fake (scripts, no Docker)"
    parser.addini(INI, text, default="docker")


def pytest_configure(config: pytest.Config) -> None:
    text = (
        'sagemaker_emulator(compute="docker"|"fake", scripts={"algo-1": Script(...)}): what runs the training jobs '
        "of this test; by default what the ini option sagemaker_emulator_compute says, and fake with scripts"
    )
    config.addinivalue_line("markers", text)


@pytest.fixture(scope="session")
def sagemaker_emulator_settings() -> dict[str, Any]:
    """Settings of the emulator for this session, to override in a conftest.py: `{"memory_budget": "4GiB"}`.

    Names as in docs/settings.md, in lower case and without prefix. Variables SAGEMAKER_EMULATOR_* count as well.
    """
    return {}


@pytest.fixture(scope="session")
def _sagemaker_emulator_server(
    sagemaker_emulator_settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[Callable[[str], SessionServer]]":
    """The session's server for a compute, started at its first use."""
    servers: dict[str, SessionServer] = {}
    with ExitStack() as stack:

        def server(compute: str) -> "SessionServer":
            from emulator.testing.server import serving  # noqa: PLC0415 - see the module's docstring

            if compute not in servers:
                data_dir = tmp_path_factory.mktemp("sagemaker-emulator")
                servers[compute] = stack.enter_context(
                    serving(data_dir, compute, sagemaker_emulator_settings)
                )
            return servers[compute]

        yield server


@pytest.fixture
def sagemaker_emulator(
    request: pytest.FixtureRequest, _sagemaker_emulator_server: "Callable[[str], SessionServer]"
) -> "Iterator[SageMakerEmulator]":
    """A running SageMaker emulator, with an account of this test's own on it.

    `endpoint`, `region`, `account_id`, `role_arn`, `bucket` (made at its first use); `client("sagemaker")` is a boto3
    client; `with environment():` sends boto3 clients that the tested code makes there; `variables` are for child
    processes; `train(image, channels, hyperparameters)` runs a job and returns its `description`, `status`, `logs`,
    `files` and `open("file-of-model.tar.gz")`; `wait(name)` is the same for a job that the tested code created.

    Jobs run in Docker, or by scripts: `@pytest.mark.sagemaker_emulator(compute="fake", scripts=...)`. In the end
    what the test's account has is removed, containers that still run included.
    """
    wish = read_wish(request)
    from emulator.testing.account import SageMakerEmulator  # noqa: PLC0415 - see the module's docstring

    server = _sagemaker_emulator_server(wish.compute)
    if server.fake is not None:
        server.fake.scripts = wish.scripts
    account = SageMakerEmulator(server)
    yield account
    server.reset(account.account_id)


@pytest.fixture
def sagemaker_environment(sagemaker_emulator: "SageMakerEmulator") -> "Iterator[SageMakerEmulator]":
    """`sagemaker_emulator`, with the environment variables of this test leading boto3 clients there."""
    with sagemaker_emulator.environment():
        yield sagemaker_emulator


@pytest.fixture
def sagemaker_client(sagemaker_emulator: "SageMakerEmulator") -> Any:
    """A boto3 client for SageMaker on the emulator, in the account of this test."""
    return sagemaker_emulator.client("sagemaker")


@pytest.fixture
def sagemaker_s3_client(sagemaker_emulator: "SageMakerEmulator") -> Any:
    """A boto3 client for S3 on the emulator, in the account of this test."""
    return sagemaker_emulator.client("s3")


@pytest.fixture
def sagemaker_logs_client(sagemaker_emulator: "SageMakerEmulator") -> Any:
    """A boto3 client for CloudWatch Logs on the emulator, in the account of this test."""
    return sagemaker_emulator.client("logs")


@pytest.fixture
def sagemaker_bucket(sagemaker_emulator: "SageMakerEmulator") -> str:
    """The name of an S3 bucket on the emulator that is this test's own."""
    return sagemaker_emulator.bucket


def read_wish(request: pytest.FixtureRequest) -> Wish:
    """The marker's arguments, else the ini option. Raises pytest.UsageError."""
    marker = request.node.get_closest_marker(MARKER)
    try:
        wanted = dict(marker.kwargs) if marker else {}
        compute = "fake" if wanted.get("scripts") else request.config.getini(INI)
        wish = Wish(**{"compute": compute, **wanted})
    except TypeError as error:
        raise pytest.UsageError(f"@pytest.mark.{MARKER}: {error}") from None
    if (marker and marker.args) or wish.compute not in COMPUTES:
        raise pytest.UsageError(f'{MARKER}: write compute="docker" or compute="fake", not {wish.compute!r}')
    if wish.scripts and wish.compute != "fake":
        raise pytest.UsageError(f'@pytest.mark.{MARKER}: scripts need compute="fake"')
    return wish
