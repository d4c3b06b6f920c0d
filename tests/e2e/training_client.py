"""One emulator as its users see it: boto3, with waiting for states and reading of archives."""

import io
import json
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.request import urlopen
from uuid import uuid4

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

T = TypeVar("T")

ACCOUNT, REGION = "123456789012", "us-east-1"
BUCKET = "training"
GROUP = "/aws/sagemaker/TrainingJobs"
FINAL = {"Completed", "Failed", "Stopped"}
LIMIT_SECONDS = 90.0
POLL_SECONDS = 0.05


def new_name(stem: str = "job") -> str:
    return f"{stem}-{uuid4().hex[:10]}"


def until(what: str, look: Callable[[], T | None]) -> T:
    """The first true thing that `look` finds. Fails after an overall limit."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {LIMIT_SECONDS:g} s"
        time.sleep(POLL_SECONDS)


def script(text: str) -> str:
    """Lines of shell as the value of a hyperparameter, which cannot hold a line end."""
    return "; ".join(line.strip() for line in text.strip().splitlines())


def channel(name: str, uri: str, **source: Any) -> dict[str, Any]:
    s3 = {"S3DataType": "S3Prefix", "S3Uri": uri, **source}
    return {"ChannelName": name, "DataSource": {"S3DataSource": s3}}


class TrainingClient:
    def __init__(self, url: str, image: str, access_key: str = "test", secret_key: str = "test") -> None:
        self.url = url
        self.image = image
        """Of jobs that name no other."""
        options: dict[str, Any] = {
            "endpoint_url": url,
            "region_name": REGION,
            "aws_access_key_id": access_key,
            "aws_secret_access_key": secret_key,
            "config": Config(retries={"total_max_attempts": 1}, max_pool_connections=32),
        }
        self.s3 = boto3.client("s3", **options)
        self.sagemaker = boto3.client("sagemaker", **options)
        self.logs = boto3.client("logs", **options)
        if BUCKET not in [bucket["Name"] for bucket in self.s3.list_buckets()["Buckets"]]:
            self.s3.create_bucket(Bucket=BUCKET)

    def close(self) -> None:
        for client in (self.s3, self.sagemaker, self.logs):
            client.close()

    def put(self, objects: Mapping[str, bytes], prefix: str = "") -> str:
        """Put objects below a prefix, by default one of their own. The prefix as a URI, ending in `/`."""
        prefix = prefix or new_name("input")
        for key, body in objects.items():
            self.s3.put_object(Bucket=BUCKET, Key=f"{prefix}/{key}", Body=body)
        return f"s3://{BUCKET}/{prefix}/"

    def create(
        self,
        hyper_parameters: Mapping[str, str] | None = None,
        channels: Sequence[Mapping[str, Any]] = (),
        instances: int = 1,
        algorithm: Mapping[str, Any] | None = None,
        instance_type: str = "ml.t3.medium",
        **request: Any,
    ) -> str:
        """Create a training job; its name."""
        name = new_name()
        given: dict[str, Any] = {
            "TrainingJobName": name,
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/SageMakerRole",
            "AlgorithmSpecification": {
                "TrainingImage": self.image,
                "TrainingInputMode": "File",
                **(algorithm or {}),
            },
            "HyperParameters": dict(hyper_parameters or {}),
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/output"},
            "ResourceConfig": {
                "InstanceType": instance_type,
                "InstanceCount": instances,
                "VolumeSizeInGB": 1,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        }
        if channels:
            given["InputDataConfig"] = list(channels)
        self.sagemaker.create_training_job(**{**given, **request})
        return name

    def train(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Create a training job and wait for its end; the last Describe."""
        return self.wait(self.create(*args, **kwargs))

    def describe(self, name: str) -> dict[str, Any]:
        return dict(self.sagemaker.describe_training_job(TrainingJobName=name))

    def stop(self, name: str) -> None:
        self.sagemaker.stop_training_job(TrainingJobName=name)

    def wait(self, name: str) -> dict[str, Any]:
        return until(f"the end of {name}", lambda: self._if_final(name))

    def _if_final(self, name: str) -> dict[str, Any] | None:
        described = self.describe(name)
        return described if described["TrainingJobStatus"] in FINAL else None

    def wait_for_status(self, name: str, status: str) -> dict[str, Any]:
        """Wait for a secondary status. Fails at once if the job ends otherwise."""

        def look() -> dict[str, Any] | None:
            described = self.describe(name)
            reached = described["SecondaryStatus"] == status
            assert reached or described["TrainingJobStatus"] not in FINAL, described
            return described if reached else None

        return until(f"{name} in {status}", look)

    def wait_for_line(self, name: str, text: str, host: str = "algo-1") -> list[str]:
        """Wait until a log line contains the text; all lines up to now."""

        def look() -> list[str] | None:
            lines = self.lines(name, host)
            return lines if any(text in line for line in lines) else None

        return until(f"{text!r} in the log of {host} of {name}", look)

    def events(self, name: str, host: str = "algo-1") -> list[dict[str, Any]]:
        """All log events of the host, read page by page; none while its stream does not exist."""
        try:
            found = self.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/{host}-")
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return []
        return [event for stream in found["logStreams"] for event in self._pages(stream["logStreamName"])]

    def _pages(self, stream: str) -> Iterator[dict[str, Any]]:
        where: dict[str, Any] = {"logGroupName": GROUP, "logStreamName": stream, "startFromHead": True}
        page = self.logs.get_log_events(**where)
        while page["events"]:
            yield from map(dict, page["events"])
            page = self.logs.get_log_events(**where, nextToken=page["nextForwardToken"])

    def lines(self, name: str, host: str = "algo-1") -> list[str]:
        return [event["message"] for event in self.events(name, host)]

    def body(self, uri: str) -> bytes:
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def keys(self, prefix: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def artifacts(self, name: str, archive: str = "model") -> dict[str, tuple[tarfile.TarInfo, bytes | None]]:
        """Members of `<job>/output/<archive>.tar.gz` with the content of regular files."""
        data = self.body(f"s3://{BUCKET}/output/{name}/output/{archive}.tar.gz")
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
            members = tar.getmembers()
            names = [member.name for member in members]
            assert len(set(names)) == len(names), f"a member is there twice: {sorted(names)}"
            return {member.name: (member, _content(tar, member)) for member in members}

    def files(self, name: str, archive: str = "model") -> dict[str, bytes]:
        """Regular files of the archive."""
        members = self.artifacts(name, archive)
        return {path: content for path, (_, content) in members.items() if content is not None}

    def report(self, name: str, host: str = "algo-1") -> dict[str, Any]:
        """What the algorithm's `report` saw on the host."""
        seen: dict[str, Any] = json.loads(self.files(name, "output")[f"report-{host}.json"])
        return seen

    def emulator_report(self, name: str) -> dict[str, Any]:
        """GET /_emulator/training-jobs/NAME."""
        with urlopen(f"{self.url}/_emulator/training-jobs/{name}") as answer:
            told: dict[str, Any] = json.load(answer)
        return told


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | None:
    file = tar.extractfile(member) if member.isreg() else None
    return file.read() if file else None


def statuses(described: Mapping[str, Any]) -> list[str]:
    return [transition["Status"] for transition in described["SecondaryStatusTransitions"]]


@contextmanager
def training_client(url: str, image: str, **keys: str) -> Iterator[TrainingClient]:
    client = TrainingClient(url, image, **keys)
    try:
        yield client
    finally:
        client.close()
