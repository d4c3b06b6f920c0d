"""What an algorithm reaches of AWS from inside its container: the emulator, and under isolation nothing."""

import json
from ipaddress import IPv4Network
from typing import Any

import docker
import pytest

from tests.e2e.training_client import ACCOUNT, TrainingClient, until

FETCH = (
    "python3 -c \"import os, urllib.request as r; print('GOT', "
    "r.urlopen(os.environ['{variable}'] + '{path}', timeout=60).read().decode())\""
)
SHOW = "env | grep -E '^(AWS|S3)_' | sort"


def printed(emulator: TrainingClient, script: str, **request: Any) -> list[str]:
    job = emulator.train({"run": script}, **request)
    lines = emulator.lines(job["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), lines)
    return lines


@pytest.mark.ordinary_user
def test_objects_are_read_from_inside(emulator: TrainingClient) -> None:
    emulator.s3.put_object(Bucket="training", Key="from-inside", Body=b"the content")

    lines = printed(emulator, FETCH.format(variable="S3_ENDPOINT_URL", path="/training/from-inside"))

    assert "GOT the content" in lines


def test_credentials_are_those_of_the_jobs_account(emulator: TrainingClient) -> None:
    (line,) = [
        line
        for line in printed(emulator, FETCH.format(variable="AWS_CONTAINER_CREDENTIALS_FULL_URI", path=""))
        if line.startswith("GOT ")
    ]

    credentials = json.loads(line.removeprefix("GOT "))

    assert credentials["AccessKeyId"] == ACCOUNT
    assert set(credentials) == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}


def test_static_credentials_are_there_for_programs_that_ask_nobody(emulator: TrainingClient) -> None:
    variables = dict(line.split("=", 1) for line in printed(emulator, SHOW) if "=" in line)
    assert variables["AWS_ACCESS_KEY_ID"] == ACCOUNT
    assert variables["AWS_ENDPOINT_URL"] == variables["S3_ENDPOINT_URL"]
    assert variables["AWS_REGION"] == "us-east-1"


def test_the_requests_own_endpoint_wins(emulator: TrainingClient) -> None:
    lines = printed(emulator, SHOW, Environment={"AWS_ENDPOINT_URL": "http://mine.example"})
    assert "AWS_ENDPOINT_URL=http://mine.example" in lines


def test_an_isolated_job_has_neither_credentials_nor_an_endpoint(emulator: TrainingClient) -> None:
    lines = printed(emulator, SHOW, EnableNetworkIsolation=True)
    assert [line for line in lines if line.startswith(("AWS_", "S3_"))] == [
        "AWS_EXECUTION_ENV=AWS_ECS_EC2",
        "AWS_REGION=us-east-1",
    ]


@pytest.mark.ordinary_user
def test_the_entrance_of_one_job_is_closed_to_others(
    emulator: TrainingClient, engine: docker.DockerClient
) -> None:
    other = emulator.create({"on_sigterm": "save", "sleep": "600"})
    emulator.wait_for_line(other, "SLEEPING")
    (network,) = until("the network", lambda: engine.networks.list(names=[f"sagemaker-{other}-"]))
    gateway = IPv4Network(network.attrs["IPAM"]["Config"][0]["Subnet"])[1]
    port = emulator.url.rpartition(":")[2]
    fetch = f"r.urlopen('http://{gateway}:{port}/_emulator/health', timeout=60)"
    script = f'python3 -c "import urllib.request as r; {fetch}" 2>&1 | tail -n 1; echo DONE'

    lines = printed(emulator, script)

    assert "DONE" in lines
    assert any("Connection reset" in line or "closed connection" in line for line in lines), lines
    emulator.stop(other)
    emulator.wait(other)
