"""What workflow engines and infrastructure tools do: create, poll with logs, page through everything, wait, retry."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, WaiterError

from emulator.sdk import environment
from tests.support.emulator_process import EmulatorProcess

GROUP = "/aws/sagemaker/TrainingJobs"
ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"


@dataclass(frozen=True)
class Clients:
    sagemaker: Any
    logs: Any
    s3: Any


@pytest.fixture
def clients(emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """As a worker of a workflow engine makes them: everything comes from the environment."""
    for name, value in environment(emulator.url).items():
        monkeypatch.setenv(name, value)
    session = boto3.Session()
    with ExitStack() as closing:
        made = [session.client(name) for name in ("sagemaker", "logs", "s3")]
        for client in made:
            closing.callback(client.close)
        clients = Clients(*made)
        clients.s3.create_bucket(Bucket="workflows")
        yield clients


def create(sagemaker: Any, name: str, **hyper_parameters: str) -> None:
    sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingImage": "sagemaker-emulator-samples/logistic_regression",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["sh", "-c", hyper_parameters.get("command", "echo trained")],
        },
        OutputDataConfig={"S3OutputPath": "s3://workflows/output"},
        ResourceConfig={"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
        Tags=[{"Key": "workflow", "Value": "nightly"}],
    )


def test_airflow_style_caller_polls_with_logs(clients: Clients) -> None:
    """The steps of SageMakerHook: names are checked for first, then describe and the log streams are polled."""
    sagemaker, logs = clients.sagemaker, clients.logs
    pages = sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains="airflow", PaginationConfig={"PageSize": 1}
    )
    assert [job for page in pages for job in page["TrainingJobSummaries"]] == []

    create(sagemaker, "airflow-1")
    lines, token = [], None
    while True:
        status = sagemaker.describe_training_job(TrainingJobName="airflow-1")["TrainingJobStatus"]
        try:
            streams = logs.describe_log_streams(
                logGroupName=GROUP, logStreamNamePrefix="airflow-1/", orderBy="LogStreamName", limit=1
            )["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            streams = []
        for stream in streams:
            options = {"nextToken": token} if token else {"startTime": 0}
            page = logs.get_log_events(
                logGroupName=GROUP, logStreamName=stream["logStreamName"], startFromHead=True, **options
            )
            token = page["nextForwardToken"]
            lines += [event["message"] for event in page["events"]]
        if status not in ("InProgress", "Stopping"):
            break

    assert (status, lines) == ("Completed", ["trained"])


def test_infrastructure_tool_waits_pages_and_reads_its_tags_back(clients: Clients) -> None:
    sagemaker = clients.sagemaker
    names = [f"infrastructure-{number}" for number in range(3)]
    for name in names:
        create(sagemaker, name)

    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    for name in names:
        waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 100})
    pages = sagemaker.get_paginator("list_training_jobs").paginate(
        NameContains="infrastructure", SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
    )
    summaries = [job for page in pages for job in page["TrainingJobSummaries"]]

    assert [job["TrainingJobName"] for job in summaries] == names
    tags = sagemaker.get_paginator("list_tags").paginate(ResourceArn=summaries[0]["TrainingJobArn"])
    assert [tag for page in tags for tag in page["Tags"]] == [{"Key": "workflow", "Value": "nightly"}]
    with pytest.raises(ClientError) as refused:
        create(sagemaker, names[0])
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"


def test_waiter_tells_of_a_job_that_failed(clients: Clients) -> None:
    sagemaker = clients.sagemaker
    create(sagemaker, "doomed", command="exit 3")

    with pytest.raises(WaiterError, match="terminal failure state"):
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(
            TrainingJobName="doomed", WaiterConfig={"Delay": 1, "MaxAttempts": 100}
        )
