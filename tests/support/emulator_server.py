"""A whole emulator in this process, behind a real socket, for tests with the real boto3."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import boto3
import uvicorn
from botocore.config import Config

from emulator.app import Emulator
from emulator.compute.backend import ComputeBackend
from emulator.compute.fake import FakeBackend
from emulator.settings import Settings
from emulator.wire.service_model import load_service_models
from tests.support.web import PATIENCE

MODELS = load_service_models()
ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"


@dataclass(frozen=True)
class RunningEmulator:
    emulator: Emulator
    endpoint: str

    def client(self, service: str, **options: Any) -> Any:
        credentials = {
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "region_name": "us-east-1",
        }
        config = Config(retries={"max_attempts": 0}, **options.pop("config", {}))
        return boto3.client(service, endpoint_url=self.endpoint, config=config, **{**credentials, **options})


@contextmanager
def running_emulator(data_dir: Path, compute: ComputeBackend, **settings: Any) -> Iterator[RunningEmulator]:
    """The server until the end of the block; then it goes down as it does on SIGTERM."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        chosen = Settings(data_dir=data_dir, **{"time_scale": 0.01, "port": port, **settings})
        emulator = Emulator.build(chosen, compute)
        app, http = emulator.app(MODELS, strict=True), emulator.protocol()
        server = uvicorn.Server(uvicorn.Config(app, http=http, log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield RunningEmulator(emulator, f"http://127.0.0.1:{port}")
        finally:
            server.should_exit = True
            thread.join(2 * PATIENCE)


def wait_until(condition: Any, limit: float = PATIENCE) -> Any:
    """The first true answer of `condition`. Fails the test after `limit` seconds."""
    end = time.monotonic() + limit
    while not (answer := condition()):
        assert time.monotonic() < end, "the state that the test waits for did not come"
        time.sleep(0.01)
    return answer


def wait_for_status(sagemaker: Any, name: str, *statuses: str, limit: float = PATIENCE) -> dict[str, Any]:
    """Describe until the job has one of the primary or secondary `statuses`."""

    def look() -> dict[str, Any] | None:
        job = sagemaker.describe_training_job(TrainingJobName=name)
        return job if {job["TrainingJobStatus"], job["SecondaryStatus"]} & set(statuses) else None

    return wait_until(look, limit)


def end_container(compute: FakeBackend, host: str = "algo-1") -> None:
    """As a signal from outside does: it exits as its script says of SIGTERM."""
    for found in anyio.run(compute.find):
        if found.host == host:
            anyio.run(compute.signal, found.cluster, host, "SIGTERM")


def job_request(name: str, **changes: Any) -> dict[str, Any]:
    """A CreateTrainingJob request without input; `changes` replace members."""
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": "algorithm:1", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://artifacts/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **changes,
    }


def s3_channel(name: str, uri: str, distribution: str = "FullyReplicated") -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": distribution}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def transitions(job: dict[str, Any]) -> list[str]:
    return [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
