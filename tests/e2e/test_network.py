"""Who can reach whom."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from ipaddress import IPv4Network

import docker
import pytest

from tests.e2e.conftest import Launch
from tests.e2e.training_client import TrainingClient, until

TRAIN_PORT = 7777
LINK_LOCAL = ["169.254.169.254:80", "169.254.170.2:80"]
WORLD = ["1.1.1.1:53", "8.8.8.8:443"]
SECRET = re.compile(r"KEY|TOKEN|CREDENTIAL|ENDPOINT|URL|URI|PROXY", re.IGNORECASE)


@pytest.fixture(scope="module")
def host_port() -> Iterator[int]:
    """A port that listens on every address of the Engine's machine, which is this one."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        threading.Thread(target=accept_all, args=(server,), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def accept_all(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


@pytest.fixture(scope="module")
def machine(engine: docker.DockerClient) -> list[str]:
    """This machine, as seen from a container: its own gateway, docker0, and the machine's own addresses."""
    (config,) = engine.networks.get("bridge").attrs["IPAM"]["Config"]
    docker0 = next(IPv4Network(config["Subnet"]).hosts())
    own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    outside = sorted(str(address) for address in own if not str(address).startswith("127."))
    return ["gateway", str(docker0), *outside]


@pytest.fixture(scope="module")
def addresses(machine: list[str], host_port: int) -> list[str]:
    return [f"{address}:{host_port}" for address in machine]


@pytest.fixture(scope="module")
def listener(emulator: TrainingClient, engine: docker.DockerClient) -> Iterator[str]:
    """Address of a running container of another job."""
    name = emulator.create({"on_sigterm": "save", "listen": "true", "sleep": "600"})
    emulator.wait_for_line(name, "SLEEPING")
    (container,) = engine.containers.list(filters={"name": f"sagemaker-{name}-"}, ignore_removed=True)
    (network,) = container.attrs["NetworkSettings"]["Networks"].values()
    address = f"{network['IPAddress']}:{TRAIN_PORT}"
    until("the listener", lambda: answers(address))
    yield address
    emulator.stop(name)
    emulator.wait(name)


def answers(address: str) -> bool:
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def reached(emulator: TrainingClient, name: str) -> dict[str, bool]:
    (line,) = emulator.lines(name)
    answer: dict[str, bool] = json.loads(line.removeprefix("REACHED "))
    return answer


def test_isolated_job_reaches_its_peers_and_nobody_else(
    emulator: TrainingClient, addresses: list[str], listener: str
) -> None:
    targets = json.dumps([*addresses, listener])
    job = emulator.train(
        {"talk": "true", "algo-1": json.dumps({"reach": targets})}, instances=2, EnableNetworkIsolation=True
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    name = job["TrainingJobName"]
    assert set(emulator.files(name)) == {"met-algo-1.json", "met-algo-2.json"}
    answer = reached(emulator, name)
    assert answer == dict.fromkeys([*addresses, listener], False)


@pytest.fixture(scope="module")
def open_emulator(launch: Launch) -> Iterator[TrainingClient]:
    """An emulator that listens on every address of this machine."""
    with launch(HOST="0.0.0.0") as client:
        yield client


def emulator_addresses(emulator: TrainingClient, machine: list[str]) -> list[str]:
    port = emulator.url.rpartition(":")[2]
    return [f"{address}:{port}" for address in machine]


def test_isolated_job_reaches_neither_the_emulator_nor_the_world(
    open_emulator: TrainingClient, machine: list[str]
) -> None:
    """Not even what answers on every machine of AWS: credentials and instance metadata, both link-local."""
    targets = [*emulator_addresses(open_emulator, machine), *LINK_LOCAL, *WORLD]
    job = open_emulator.train(
        {"reach": json.dumps(targets), "show_command": "true"}, EnableNetworkIsolation=True
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    told = dict(line.split(" ", 1) for line in open_emulator.lines(job["TrainingJobName"]))
    assert json.loads(told["REACHED"]) == dict.fromkeys(targets, False)
    environment = json.loads(told["COMMAND"])["environment"]
    assert environment["TRAINING_JOB_NAME"] == job["TrainingJobName"]
    assert not [name for name in environment if SECRET.search(name)], (
        "credentials or addresses of the emulator"
    )
    assert not [value for value in environment.values() if "http" in value]


def test_ordinary_job_reaches_the_emulator(open_emulator: TrainingClient, machine: list[str]) -> None:
    """So what isolation refuses is really there."""
    targets = emulator_addresses(open_emulator, machine)
    job = open_emulator.train({"reach": json.dumps(targets), "show_command": "true"})
    told = dict(line.split(" ", 1) for line in open_emulator.lines(job["TrainingJobName"]))
    assert json.loads(told["REACHED"]) == dict.fromkeys(targets, True)
    environment = json.loads(told["COMMAND"])["environment"]
    assert {name for name in environment if SECRET.search(name)} >= {"AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"}


def test_ordinary_job_reaches_this_machine_but_no_other_job(
    emulator: TrainingClient, addresses: list[str], listener: str
) -> None:
    job = emulator.train({"reach": json.dumps([*addresses, listener])})
    answer = reached(emulator, job["TrainingJobName"])
    assert answer == {**dict.fromkeys(addresses, True), listener: False}
