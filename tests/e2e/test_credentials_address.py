"""CREDENTIALS_ADDRESS: containers ask 169.254.170.2 for their credentials, as on AWS."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import docker
import pytest

from tests.e2e.conftest import Launch, Restartable
from tests.e2e.held_containers import WAIT
from tests.e2e.training_client import ACCOUNT, TrainingClient, until
from tests.support.images import cannot_run

FETCH = (
    "python3 -c \"import os, urllib.request as r; print('GOT', r.urlopen('http://169.254.170.2' + "
    "os.environ.get('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', '/'), timeout=60).read().decode())\" 2>&1 | tail -n 1"
)
SHOW = "env | grep -E '^AWS_' | cut -d= -f1 | sort"


@pytest.fixture(autouse=True, scope="module")
def _root() -> None:
    if os.getuid() != 0 or shutil.which("iptables") is None:
        cannot_run("only root can make rules, with iptables")


@pytest.fixture(scope="module")
def addressed(launch: Launch) -> Iterator[TrainingClient]:
    with launch(CREDENTIALS_ADDRESS="true") as client:
        yield client


def rules(name: str) -> list[str]:
    """Those of the job's clusters."""
    command = ["iptables", "--wait", "60", "--table", "nat", "--list-rules", "PREROUTING"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line for line in listed.splitlines() if f"sagemaker-emulator:{name}-" in line]


def got(lines: list[str]) -> Any:
    return json.loads(next(line for line in lines if line.startswith("GOT ")).removeprefix("GOT "))


def test_credentials_come_from_the_address_and_from_nowhere_else(addressed: TrainingClient) -> None:
    job = addressed.train({"run": f"{SHOW}; {FETCH}"}, instances=2)
    name = job["TrainingJobName"]
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    for host in ("algo-1", "algo-2"):
        lines = addressed.lines(name, host)
        assert [line for line in lines if line.startswith("AWS_")] == [
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_ENDPOINT_URL",
            "AWS_EXECUTION_ENV",
            "AWS_REGION",
        ]
        assert got(lines)["AccessKeyId"] == ACCOUNT


def test_rule_goes_with_the_job_and_serves_its_network_alone(
    addressed: TrainingClient, engine: docker.DockerClient, algorithm_image: str
) -> None:
    name = addressed.create({"on_sigterm": "save", "sleep": "600"})
    addressed.wait_for_line(name, "SLEEPING")
    assert len(rules(name)) == 1
    hasty = FETCH.replace("timeout=60", "timeout=2")
    stranger = ["sh", "-c", hasty]
    said = engine.containers.run(algorithm_image, entrypoint=stranger, command=[], remove=True).decode()
    assert "GOT" not in said
    assert "rror" in said
    isolated = addressed.train({"run": hasty}, EnableNetworkIsolation=True)
    assert "GOT" not in "".join(addressed.lines(isolated["TrainingJobName"]))
    addressed.stop(name)
    addressed.wait(name)
    assert rules(isolated["TrainingJobName"]) == []
    until("no rule", lambda: not rules(name))


def test_no_rule_outlives_a_killed_server_and_its_job(restartable: Restartable) -> None:
    before = restartable.start(CREDENTIALS_ADDRESS="true")
    script = f"{WAIT}; {FETCH}"
    name = before.create({"run": f"echo READY; {script}"})
    before.wait_for_line(name, "READY")
    restartable.kill()
    assert len(rules(name)) == 1

    after = restartable.start(CREDENTIALS_ADDRESS="true")
    assert after.describe(name)["TrainingJobStatus"] == "InProgress"
    to_the_new_port = f":{urlsplit(after.url).port}"
    until("its rule alone", lambda: [rule.endswith(to_the_new_port) for rule in rules(name)] == [True])
    client = docker.from_env()
    (container,) = client.containers.list(filters={"name": f"sagemaker-{name}-"}, ignore_removed=True)
    container.exec_run("touch /tmp/go")
    client.close()
    assert after.wait(name)["TrainingJobStatus"] == "Completed"
    assert got(after.lines(name))["AccessKeyId"] == ACCOUNT
    restartable.stop()
    restartable.start(CREDENTIALS_ADDRESS="true")
    until("no rule", lambda: not rules(name))
