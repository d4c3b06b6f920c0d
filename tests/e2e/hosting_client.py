"""One emulator as those see it who deploy models: models, endpoints, invocations, and the containers behind them."""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
import docker
from botocore.config import Config
from botocore.exceptions import ClientError
from docker.models.containers import Container

from tests.e2e.held_containers import WAIT
from tests.e2e.training_client import ACCOUNT, REGION, TrainingClient, new_name, until
from tests.support import web

ROLE = f"arn:aws:iam::{ACCOUNT}:role/SageMakerRole"
VARIANT = "AllTraffic"
WISHES_TYPE = "application/x-wishes"
CLUSTER_LABEL = "sagemaker-emulator.cluster"
SETTLED = {"InService", "Failed"}
HELD = {"run": WAIT}
"""A wish that is under way until `let_go` of its container."""


def archive(files: Mapping[str, bytes]) -> bytes:
    """A model.tar.gz."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return target.getvalue()


def s3_source(uri: str, kind: str = "S3Prefix", compression: str = "None") -> dict[str, Any]:
    """ModelDataSource of a container."""
    return {"S3DataSource": {"S3Uri": uri, "S3DataType": kind, "CompressionType": compression}}


def variant(model: str, name: str = VARIANT, count: int = 1, **members: Any) -> dict[str, Any]:
    sizes = {} if "ServerlessConfig" in members else {"InstanceType": "ml.m5.large"}
    counts = {} if "ServerlessConfig" in members else {"InitialInstanceCount": count}
    return {"VariantName": name, "ModelName": model, **sizes, **counts, **members}


class HostingClient:
    def __init__(self, training: TrainingClient, engine: docker.DockerClient) -> None:
        self.training = training
        self.url, self.image = training.url, training.image
        self.sagemaker, self.s3, self.logs = training.sagemaker, training.s3, training.logs
        self.engine = engine
        options: dict[str, Any] = {
            "endpoint_url": training.url,
            "region_name": REGION,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        pool = Config(retries={"total_max_attempts": 1}, max_pool_connections=64, read_timeout=70)
        self.runtime = boto3.client("sagemaker-runtime", **options, config=pool)
        self.cloudwatch = boto3.client("cloudwatch", **options)

    def close(self) -> None:
        self.runtime.close()
        self.cloudwatch.close()

    def put_archive(self, files: Mapping[str, bytes]) -> str:
        """Put a model.tar.gz; its URI."""
        return self.training.put({"model.tar.gz": archive(files)}) + "model.tar.gz"

    def container(self, *, environment: Mapping[str, str] | None = None, **members: Any) -> dict[str, Any]:
        return {"Image": self.image, "Environment": dict(environment or {}), **members}

    def create_model(self, *containers: Mapping[str, Any], **request: Any) -> str:
        """Of one container, or a pipeline; without any, the image alone. Its name."""
        name = new_name("model")
        given = list(containers) or [self.container()]
        parts = {"PrimaryContainer": given[0]} if len(given) == 1 else {"Containers": given}
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, **parts, **request)
        return name

    def create_config(self, *variants: Mapping[str, Any], **request: Any) -> str:
        name = new_name("config")
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=list(variants), **request
        )
        return name

    def create(self, *variants: Mapping[str, Any], **config: Any) -> str:
        """Create an endpoint with a configuration of its own; its name."""
        name = new_name("Endpoint")
        self.sagemaker.create_endpoint(
            EndpointName=name, EndpointConfigName=self.create_config(*variants, **config)
        )
        return name

    def deploy(self, *containers: Mapping[str, Any], count: int = 1, **members: Any) -> str:
        """Create a model and an endpoint of it, and wait until it is in service; its name."""
        name = self.create(variant(self.create_model(*containers), count=count, **members))
        self.wait(name)
        return name

    def update(self, name: str, *variants: Mapping[str, Any], **request: Any) -> None:
        """UpdateEndpoint, without waiting."""
        config = self.create_config(*variants)
        self.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **request)

    def describe(self, name: str) -> dict[str, Any]:
        return dict(self.sagemaker.describe_endpoint(EndpointName=name))

    def settled(self, name: str) -> dict[str, Any]:
        """Wait until nothing is under way."""

        def look() -> dict[str, Any] | None:
            described = self.describe(name)
            return described if described["EndpointStatus"] in SETTLED else None

        return until(f"{name} to settle", look)

    def wait(self, name: str, status: str = "InService") -> dict[str, Any]:
        described = self.settled(name)
        assert described["EndpointStatus"] == status, described.get("FailureReason", described)
        return described

    def delete(self, name: str) -> None:
        """Delete it once it is settled, and wait until it is gone."""
        self.settled(name)
        self.sagemaker.delete_endpoint(EndpointName=name)
        until(f"the end of {name}", lambda: not self.exists(name))

    def exists(self, name: str) -> bool:
        try:
            self.describe(name)
        except ClientError as error:
            if not error_of(error)[1].startswith("Could not find endpoint"):
                raise
            return False
        return True

    def containers(self, name: str) -> list[Container]:
        """Those that run, of every deployment, in the order of their names."""
        prefix = f"sagemaker-endpoint_{name.lower()}-"
        found = self.engine.containers.list(filters={"name": prefix}, ignore_removed=True)
        return sorted(found, key=lambda each: str(each.name))

    def things(self, name: str) -> list[str]:
        """All containers, networks and volumes that an endpoint has on the Engine."""
        prefix = f"sagemaker-endpoint_{name.lower()}-"
        found = [
            *self.engine.containers.list(all=True, filters={"name": prefix}, ignore_removed=True),
            *self.engine.networks.list(filters={"name": prefix}),
            *self.engine.volumes.list(filters={"name": prefix}),
        ]
        return [str(each.name) for each in found]

    def ask(self, name: str, body: bytes = b"", wish: Mapping[str, Any] | None = None, **given: Any) -> bytes:
        """InvokeEndpoint; the answer's body. `wish` is the test server's, see algorithm/serve."""
        if wish is not None:
            given |= {"CustomAttributes": json.dumps(wish)}
        answer = self.runtime.invoke_endpoint(EndpointName=name, Body=body, **given)
        told: bytes = answer["Body"].read()
        return told

    def report(self, name: str, **given: Any) -> dict[str, Any]:
        """What the container that answers sees."""
        seen: dict[str, Any] = json.loads(self.ask(name, wish={"report": True}, **given))
        return seen

    def run(self, name: str, script: str, **given: Any) -> str:
        """A shell command in a container; what it prints."""
        return self.ask(name, wish={"run": script}, **given).decode()

    def wait_for_lines(self, name: str, text: str, count: int = 1) -> dict[str, list[str]]:
        """Wait until so many lines of all streams begin with the text; all lines up to now, by stream."""

        def look() -> dict[str, list[str]] | None:
            found = self.lines(name)
            lines = [line for lines in found.values() for line in lines if line.startswith(text)]
            return found if len(lines) >= count else None

        return until(f"{count} lines of {text!r} in the logs of {name}", look)

    def lines(self, name: str) -> dict[str, list[str]]:
        """All log lines by stream; none while the group does not exist. An endpoint may be in service before."""
        group = f"/aws/sagemaker/Endpoints/{name}"
        try:
            streams = self.logs.describe_log_streams(logGroupName=group)["logStreams"]
        except self.logs.exceptions.ResourceNotFoundException:
            return {}
        found = {}
        for stream in (each["logStreamName"] for each in streams):
            page = self.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
            found[stream] = [event["message"] for event in page["events"]]
        return found


def direct_url(container: Container) -> str:
    """Past the emulator."""
    container.reload()
    [network] = container.attrs["NetworkSettings"]["Networks"].values()
    return f"http://{network['IPAddress']}:8080"


def ask_container(container: Container, wish: Mapping[str, Any]) -> bytes:
    """One request past the emulator, to see what it did without going through it."""
    headers = {"Content-Type": WISHES_TYPE}
    answer = web.post(f"{direct_url(container)}/invocations", content=json.dumps(wish), headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.content


def error_of(caught: ClientError) -> tuple[str, str]:
    """Code and message."""
    error = caught.response["Error"]
    return error["Code"], error["Message"]


def ids_of(containers: Sequence[Container]) -> list[str]:
    return [str(each.id) for each in containers]


def model_uri(job: Mapping[str, Any]) -> str:
    """Of a finished training job."""
    return str(job["ModelArtifacts"]["S3ModelArtifacts"])


@contextmanager
def hosting_client(training: TrainingClient, engine: docker.DockerClient) -> Iterator[HostingClient]:
    client = HostingClient(training, engine)
    try:
        yield client
    finally:
        client.close()
