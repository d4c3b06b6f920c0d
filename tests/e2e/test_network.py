"""Who can reach whom."""

import json
import socket
import threading
from collections.abc import Iterator
from ipaddress import IPv4Network

import docker
import pytest

from tests.e2e.training_client import TrainingClient, until

TRAIN_PORT = 7777


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
def addresses(engine: docker.DockerClient, host_port: int) -> list[str]:
    """This machine, as seen from a container: its own gateway, docker0, and the machine's own address."""
    (config,) = engine.networks.get("bridge").attrs["IPAM"]["Config"]
    docker0 = next(IPv4Network(config["Subnet"]).hosts())
    own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    outside = sorted(str(address) for address in own if not str(address).startswith("127."))
    return [f"{address}:{host_port}" for address in ["gateway", docker0, *outside]]


@pytest.fixture(scope="module")
def listener(emulator: TrainingClient, engine: docker.DockerClient) -> Iterator[str]:
    """Address of a running container of another job."""
    name = emulator.create({"on_sigterm": "save", "listen": "true", "sleep": "600"})
    emulator.wait_for_line(name, "SLEEPING")
    (container,) = engine.containers.list(filters={"name": f"sagemaker-{name}-"})
    (network,) = container.attrs["NetworkSettings"]["Networks"].values()
    address = f"{network['IPAddress']}:{TRAIN_PORT}"
    until("the listener", lambda: answers(address))
    yield address
    emulator.stop(name)
    emulator.wait(name)


def answers(address: str) -> bool:
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
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


def test_ordinary_job_reaches_this_machine_but_no_other_job(
    emulator: TrainingClient, addresses: list[str], listener: str
) -> None:
    job = emulator.train({"reach": json.dumps([*addresses, listener])})
    answer = reached(emulator, job["TrainingJobName"])
    assert answer == {**dict.fromkeys(addresses, True), listener: False}
