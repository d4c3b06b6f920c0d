"""EnableNetworkIsolation of models: who reaches the container, and whom it reaches."""

import json
import os
import re
import socket
import threading
from collections.abc import Iterator
from ipaddress import IPv4Network

import docker
import pytest

from tests.e2e.conftest import Launch
from tests.e2e.hosting_client import HostingClient, hosting_client, variant

pytestmark = pytest.mark.ordinary_user

SECRET = re.compile(r"KEY|TOKEN|CREDENTIAL|ENDPOINT|URL|URI|PROXY", re.IGNORECASE)
REACH = """\
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def reaches(target):
    host, port = target.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True
with ThreadPoolExecutor() as pool:
    print(json.dumps(dict(zip(sys.argv[1:], pool.map(reaches, sys.argv[1:])))))
"""
OUTSIDE = ["169.254.169.254:80", "169.254.170.2:80", "1.1.1.1:53", "8.8.8.8:443"]


@pytest.fixture(scope="module")
def open_emulator(launch: Launch, engine: docker.DockerClient) -> Iterator[HostingClient]:
    """An emulator that listens on every address of this machine."""
    with launch(HOST="0.0.0.0") as training, hosting_client(training, engine) as client:
        yield client


@pytest.fixture(scope="module")
def machine(engine: docker.DockerClient) -> Iterator[list[str]]:
    """Addresses of this machine with a port that listens on all of them."""
    (config,) = engine.networks.get("bridge").attrs["IPAM"]["Config"]
    docker0 = next(IPv4Network(config["Subnet"]).hosts())
    with socket.create_server(("0.0.0.0", 0)) as server:
        threading.Thread(target=accept_all, args=(server,), daemon=True).start()
        port = server.getsockname()[1]
        own = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
        outside = sorted(str(address) for address in own if not str(address).startswith("127."))
        yield [f"{address}:{port}" for address in (docker0, *outside)]
        server.shutdown(socket.SHUT_RDWR)


def accept_all(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


def reached(client: HostingClient, name: str, targets: list[str]) -> dict[str, bool]:
    told: dict[str, bool] = json.loads(client.run(name, f"python3 -c '{REACH}' {' '.join(targets)}"))
    return told


def of_emulator(client: HostingClient, machine: list[str]) -> list[str]:
    """The emulator's port at the same addresses."""
    port = client.url.rpartition(":")[2]
    return [f"{each.rpartition(':')[0]}:{port}" for each in machine]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reaches into a container without a network")
def test_isolated_container_is_invoked_and_reaches_nobody(
    open_emulator: HostingClient, machine: list[str]
) -> None:
    uri = open_emulator.put_archive({"weights": b"w"})
    container = open_emulator.container(ModelDataUrl=uri)
    model = open_emulator.create_model(container, EnableNetworkIsolation=True)
    name = open_emulator.create(variant(model, count=2))
    open_emulator.wait(name)
    body = bytes(range(256)) * 4096
    assert open_emulator.ask(name, body) == body
    targets = [*machine, *of_emulator(open_emulator, machine), *OUTSIDE]
    assert reached(open_emulator, name, targets) == dict.fromkeys(targets, False)
    seen = open_emulator.report(name)
    assert list(seen["files"]) == ["weights"]
    assert not [name for name in seen["environment"] if SECRET.search(name)]
    assert not [value for value in seen["environment"].values() if "http" in value]
    hosts = {open_emulator.report(name)["hostname"] for _ in range(2)}
    assert hosts == {"AllTraffic-1", "AllTraffic-2"}
    open_emulator.delete(name)
    assert open_emulator.things(name) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root can do it")
def test_ordinary_user_is_told_why_isolation_cannot_be_had(open_emulator: HostingClient) -> None:
    name = open_emulator.create(variant(open_emulator.create_model(EnableNetworkIsolation=True)))
    reason = open_emulator.wait(name, "Failed")["FailureReason"]
    assert "EnableNetworkIsolation of a model needs an emulator that runs as root" in reason
    open_emulator.delete(name)
    assert open_emulator.things(name) == []


def test_other_containers_reach_the_machine_and_the_emulator(
    open_emulator: HostingClient, machine: list[str]
) -> None:
    """So what isolation refuses is really there."""
    name = open_emulator.deploy()
    targets = [*machine, *of_emulator(open_emulator, machine)]
    assert reached(open_emulator, name, targets) == dict.fromkeys(targets, True)
    assert "AWS_ENDPOINT_URL" in open_emulator.report(name)["environment"]
    open_emulator.delete(name)
