"""Real servers on a real Docker Engine; at the end of the session nothing of them may be left."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.hosting_client import HostingClient, hosting_client
from tests.e2e.leftovers import find_foreign_files, find_leftovers, remove_leftovers
from tests.e2e.training_client import TrainingClient, training_client
from tests.support.emulator_process import EmulatorProcess, running_emulator, start_emulator
from tests.support.images import build_algorithm_image, build_entrypoint_image

HERE = Path(__file__).parent

Launch = Callable[..., AbstractContextManager[TrainingClient]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session")
def algorithm_image(engine: docker.DockerClient) -> str:
    return build_algorithm_image(engine)


@pytest.fixture(scope="session")
def entrypoint_image(engine: docker.DockerClient, algorithm_image: str) -> str:
    return build_entrypoint_image(engine, algorithm_image)


@pytest.fixture(scope="session")
def data_dirs(
    engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Path]]:
    """A new data directory at each call. In the end nothing of their servers may be left."""
    made: list[Path] = []

    def make() -> Path:
        made.append(tmp_path_factory.mktemp("emulator") / "data")
        return made[-1]

    yield make
    installations = [file.read_text() for path in made if (file := path / "installation").exists()]
    left = find_leftovers(engine, installations)
    remove_leftovers(engine, installations)
    assert left == [], "containers, networks or volumes were left behind"
    assert [file for path in made for file in find_foreign_files(path)] == []


@pytest.fixture(scope="session")
def launch(data_dirs: Callable[[], Path], algorithm_image: str) -> Launch:
    """`launch(MEMORY_BUDGET="1GiB")` is a context with a client of a server of its own."""

    @contextmanager
    def start(keys: dict[str, str] | None = None, **settings: str) -> Iterator[TrainingClient]:
        with (
            running_emulator(data_dirs(), settings) as emulator,
            training_client(emulator.url, algorithm_image, **(keys or {})) as client,
        ):
            yield client

    return start


@pytest.fixture(scope="session")
def emulator(launch: Launch) -> Iterator[TrainingClient]:
    """The server that most tests share."""
    with launch() as client:
        yield client


@pytest.fixture(scope="session")
def patient(launch: Launch) -> Iterator[TrainingClient]:
    """A server that leaves 24 s between SIGTERM and SIGKILL to what containers have to do then."""
    with launch(TIME_SCALE="0.2") as client:
        yield client


@pytest.fixture(scope="session")
def hosting(emulator: TrainingClient, engine: docker.DockerClient) -> Iterator[HostingClient]:
    """The server that most tests share, for models and endpoints."""
    with hosting_client(emulator, engine) as client:
        yield client


@pytest.fixture
def restartable(
    engine: docker.DockerClient, data_dirs: Callable[[], Path], algorithm_image: str
) -> Iterator["Restartable"]:
    servers = Restartable(data_dirs(), algorithm_image)
    yield servers

    def is_clean() -> bool:
        file = servers.data_dir / "installation"
        if not file.exists():  # the test was skipped
            return True
        installation = file.read_text()
        return not any(servers.data_dir.glob("work/*")) and not find_leftovers(engine, [installation])

    tick = threading.Event()
    for _ in range(40):
        if is_clean():
            break
        tick.wait(0.05)
    servers.end()
    if not is_clean():
        servers.start(ON_SHUTDOWN="stop")
        servers.stop()


class Restartable:
    """Servers one after the other on the same data directory."""

    def __init__(self, data_dir: Path, image: str) -> None:
        self.data_dir = data_dir
        self._image = image
        self._emulator: EmulatorProcess | None = None
        self._client: TrainingClient | None = None

    def start(self, **settings: Any) -> TrainingClient:
        self._emulator = start_emulator(self.data_dir, {"ON_SHUTDOWN": "leave", **settings})
        self._client = TrainingClient(self._emulator.url, self._image)
        return self._client

    def kill(self) -> None:
        assert self._emulator is not None
        self._emulator.kill()
        self._close()

    def stop(self) -> None:
        assert self._emulator is not None
        self._emulator.stop()
        self._close()

    def end(self) -> None:
        if self._client is not None:
            self.stop()

    def _close(self) -> None:
        assert self._client is not None
        self._client.close()
        self._client = None
