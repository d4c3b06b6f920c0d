"""What a test has of the emulator: an account of its own, so that tests don't see each other."""

import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from emulator.sdk import OVERRIDING, environment
from emulator.testing.server import SessionServer
from emulator.testing.trained_job import TrainedJob

Files = Mapping[str, bytes | str]

MAX_RUNTIME = 600
"""Seconds that a job of `train` may take, unless the test gives it another StoppingCondition."""

WAIT_LIMIT = 300
"""Seconds besides, for waiting, downloading and uploading."""

LEADS_ELSEWHERE = (
    *OVERRIDING,
    "AWS_DEFAULT_PROFILE",
    "AWS_SECURITY_TOKEN",
    *(
        f"AWS_ENDPOINT_URL_{service}"
        for service in (
            "S3",
            "SAGEMAKER",
            "SAGEMAKER_METRICS",
            "STS",
            "CLOUDWATCH",
            "CLOUDWATCH_LOGS",
            "IAM",
            "ECR",
        )
    ),
)


@dataclass(frozen=True)
class SageMakerEmulator:
    """A test's own account on a running emulator."""

    server: SessionServer
    account_id: str = field(default_factory=lambda: str(10**11 + secrets.randbelow(9 * 10**11)))

    @property
    def endpoint(self) -> str:
        """URL for everything: SageMaker, S3, CloudWatch Logs, STS."""
        return self.server.endpoint

    @property
    def region(self) -> str:
        return self.server.region

    @property
    def role_arn(self) -> str:
        return f"arn:aws:iam::{self.account_id}:role/SageMakerRole"

    @property
    def bucket(self) -> str:
        """The name of a bucket of the account, which is made at the first use."""
        name, s3 = f"test-{self.account_id}", self.client("s3")
        try:
            s3.head_bucket(Bucket=name)
        except s3.exceptions.ClientError:
            place = {} if self.region == "us-east-1" else {"LocationConstraint": self.region}
            s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
        return name

    @property
    def variables(self) -> dict[str, str]:
        """The environment that sends any AWS client to the emulator, as this account; for child processes."""
        return {**environment(self.endpoint, self.region), "AWS_ACCESS_KEY_ID": self.account_id}

    @contextmanager
    def environment(self) -> Iterator[None]:
        """Code in the block that makes its own boto3 clients reaches the emulator."""
        with pytest.MonkeyPatch.context() as patch:
            for name in LEADS_ELSEWHERE:
                patch.delenv(name, raising=False)
            for name, value in self.variables.items():
                patch.setenv(name, value)
            # boto3 keeps the credentials of its first client.
            patch.setattr(boto3, "DEFAULT_SESSION", None)
            yield

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client; `options` are boto3.client's."""
        chosen: dict[str, Any] = {
            "endpoint_url": self.endpoint,
            "region_name": self.region,
            "aws_access_key_id": self.account_id,
            "aws_secret_access_key": "test",
            "config": Config(retries={"total_max_attempts": 1}),
            **options,
        }
        make: Any = self.server.boto3_session.client  # its stubs know no service by variable
        return make(service, **chosen)

    def train(
        self,
        image: str = "algorithm",
        channels: Mapping[str, str | Files] | None = None,
        hyperparameters: Mapping[str, object] | None = None,
        instance_count: int = 1,
        **members: Any,
    ) -> TrainedJob:
        """Run a training job to its end, whatever that is: look at `status` of what it returns.

        A channel is an S3 URI, or files by name, which are uploaded first. `members` are CreateTrainingJob's and
        replace those that are made here. Raises botocore's ClientError, and TimeoutError for a job without end.
        """
        name = f"job-{uuid4().hex[:12]}"
        resources = {"InstanceType": "ml.m5.large", "InstanceCount": instance_count, "VolumeSizeInGB": 1}
        request = {
            "TrainingJobName": name,
            "RoleArn": self.role_arn,
            "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
            "HyperParameters": {key: str(value) for key, value in (hyperparameters or {}).items()},
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/output"},
            "ResourceConfig": resources,
            "StoppingCondition": {"MaxRuntimeInSeconds": MAX_RUNTIME},
            **self._input(name, channels or {}),
            **members,
        }
        self.client("sagemaker").create_training_job(**request)
        return self.wait(str(request["TrainingJobName"]))

    def wait(self, training_job_name: str) -> TrainedJob:
        """Wait for the end of a job. Raises TimeoutError after its MaxRuntimeInSeconds and WAIT_LIMIT."""
        sagemaker = self.client("sagemaker")
        start, pause = time.monotonic(), 0.01
        while True:
            job = sagemaker.describe_training_job(TrainingJobName=training_job_name)
            if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"):
                return TrainedJob(job, self.client)
            limit = job["StoppingCondition"]["MaxRuntimeInSeconds"] + WAIT_LIMIT
            if time.monotonic() > start + limit:
                raise TimeoutError(f"{training_job_name} is still {job['SecondaryStatus']} after {limit} s.")
            time.sleep(pause)
            pause = min(0.5, pause * 1.5)

    def _input(self, job: str, channels: Mapping[str, str | Files]) -> dict[str, Any]:
        """AWS refuses an empty InputDataConfig."""
        return (
            {"InputDataConfig": [self._channel(job, *item) for item in channels.items()]} if channels else {}
        )

    def _channel(self, job: str, name: str, content: str | Files) -> dict[str, Any]:
        uri = content if isinstance(content, str) else self._upload(f"input/{job}/{name}/", content)
        source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        return {"ChannelName": name, "DataSource": {"S3DataSource": source}}

    def _upload(self, prefix: str, files: Files) -> str:
        bucket, s3 = self.bucket, self.client("s3")
        for name, content in files.items():
            body = content.encode() if isinstance(content, str) else content
            s3.put_object(Bucket=bucket, Key=prefix + name, Body=body)
        return f"s3://{bucket}/{prefix}"
