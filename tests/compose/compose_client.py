"""Calls of an emulator that compose runs, and the training jobs that its tests run there."""

from typing import Any

import boto3

from tests.compose.compose_project import wait_until

JOB_LIMIT_SECONDS = 180.0
FINAL = {"Completed", "Failed", "Stopped"}
ACCOUNT = "123456789012"


def client(service: Any, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="sagemaker",
        aws_secret_access_key="sagemaker-emulator",
    )


def upload_shards(s3: Any, bucket: str, count: int) -> None:
    """Rows that the sign of the first feature decides."""
    s3.create_bucket(Bucket=bucket)
    for shard in range(count):
        rows = [f"{int(value > 0)},{value},{value * shard % 3}" for value in range(-5, 6) if value]
        s3.put_object(Bucket=bucket, Key=f"train/part-{shard}.csv", Body="\n".join(rows).encode())


def training_job_request(name: str, image: str, bucket: str) -> dict[str, Any]:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": f"s3://{bucket}/train/",
        "S3DataDistributionType": "ShardedByS3Key",
    }
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/SageMakerRole",
        "HyperParameters": {"epochs": "5"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/output"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def run_to_the_end(sagemaker: Any, request: dict[str, Any]) -> dict[str, Any]:
    sagemaker.create_training_job(**request)

    def describe() -> Any:
        return sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"])

    wait_until(lambda: describe()["TrainingJobStatus"] in FINAL, "training job over", JOB_LIMIT_SECONDS)
    return dict(describe())
