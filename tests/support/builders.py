"""Requests and training jobs for tests: valid as they are, with any member replaced."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from emulator.domain.arn import TrainingJobKey
from emulator.domain.progress import Progress
from emulator.domain.status import SecondaryStatus
from emulator.domain.training_job import TrainingJob, TrainingJobRequest
from tests.support.clock import START

Document = dict[str, Any]

ACCOUNT = "111122223333"
REGION = "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/training"


def a_request(**members: Any) -> Document:
    """A CreateTrainingJob request in wire casing. `members` are added or replace; None takes one out."""
    request = {
        "TrainingJobName": "Train-1",
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": "algorithm:1", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/artifacts"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **members,
    }
    return {name: value for name, value in request.items() if value is not None}


def read_request(document: Mapping[str, Any]) -> TrainingJobRequest:
    return TrainingJobRequest.model_validate(document)


def a_channel(name: str = "train", uri: str = "s3://bucket/data", **source: Any) -> Document:
    """An S3Prefix channel; `source` are more members of its S3DataSource."""
    s3 = {"S3DataType": "S3Prefix", "S3Uri": uri, **source}
    return {"ChannelName": name, "DataSource": {"S3DataSource": s3}}


def instances(count: int, instance_type: str = "ml.m5.large") -> Document:
    """A homogeneous ResourceConfig."""
    return {"InstanceType": instance_type, "InstanceCount": count, "VolumeSizeInGB": 10}


def instance_groups(*groups: tuple[str, str, int]) -> Document:
    """A heterogeneous ResourceConfig of (name, type, count)."""
    return {
        "VolumeSizeInGB": 10,
        "InstanceGroups": [
            {"InstanceGroupName": name, "InstanceType": instance_type, "InstanceCount": count}
            for name, instance_type, count in groups
        ],
    }


def a_progress(*path: SecondaryStatus, start: datetime = START, **facts: Any) -> Progress:
    """Progress that went from Starting along `path`, ten seconds in each status, with `facts` at its end."""
    progress = Progress.begin(start)
    for step, status in enumerate(path, start=1):
        now = start + timedelta(seconds=10 * step)
        is_final = status.is_final
        progress = progress.finish(status, now) if is_final else progress.enter(status, status, now)
        if status is SecondaryStatus.DOWNLOADING:
            progress = progress.model_copy(update={"training_start_time": now})
        if status is SecondaryStatus.TRAINING:
            progress = progress.model_copy(update={"launched_at": now})
    return progress.model_copy(update=facts)


def a_training_job(
    name: str = "Train-1",
    progress: Progress | None = None,
    created: datetime = START,
    stop_requested_at: datetime | None = None,
    key: TrainingJobKey | None = None,
    **members: Any,
) -> TrainingJob:
    """A job just created; `members` are those of its request."""
    return TrainingJob(
        key=key or TrainingJobKey(ACCOUNT, REGION, name),
        creation_time=created,
        document=a_request(TrainingJobName=name, **members),
        progress=progress or Progress.begin(created),
        stop_requested_at=stop_requested_at,
    )
