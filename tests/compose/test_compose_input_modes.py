"""Pipe mode and FastFile of an emulator in a container: FIFOs and files cross from one to the other."""

from typing import Any

import httpx
import pytest

from tests.compose.compose_client import client, run_to_the_end, training_job_request, upload_shards
from tests.compose.compose_project import ComposeProject, wait_until

pytestmark = [pytest.mark.compose, pytest.mark.timeout(600)]

READ = {
    "Pipe": "for epoch in 0 1; do cat /opt/ml/input/data/train_$epoch | wc -c; done",
    "FastFile": "cat /opt/ml/input/data/train/part-* | wc -c",
}


def lines(project: ComposeProject, job: str) -> list[str]:
    logs = client("logs", project.emulator_url)
    group = "/aws/sagemaker/TrainingJobs"
    events = logs.filter_log_events(logGroupName=group, logStreamNamePrefix=f"{job}/")["events"]
    return [event["message"] for event in events]


def report(project: ComposeProject, job: str) -> Any:
    return httpx.get(f"{project.emulator_url}/_emulator/training-jobs/{job}").json()


@pytest.mark.parametrize("mode", READ)
def test_compose_algorithm_reads_what_is_streamed(
    compose_project: ComposeProject, pushed_image: str, mode: str
) -> None:
    s3 = client("s3", compose_project.s3_url)
    job = f"{mode.lower()}-{compose_project.name}"
    upload_shards(s3, job, count=2)
    request = training_job_request(job, pushed_image, job)
    request["AlgorithmSpecification"]["ContainerEntrypoint"] = ["bash", "-c", READ[mode]]
    request["InputDataConfig"][0]["InputMode"] = mode
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "FullyReplicated"
    request["ResourceConfig"]["InstanceCount"] = 1

    described = run_to_the_end(client("sagemaker", compose_project.emulator_url), request)

    assert described["TrainingJobStatus"] == "Completed", described["FailureReason"]
    listed = s3.list_objects_v2(Bucket=job, Prefix="train/")["Contents"]
    size = sum(found["Size"] for found in listed)
    assert lines(compose_project, job) == [str(size)] * (2 if mode == "Pipe" else 1)
    assert report(compose_project, job)["fast_file"] == (None if mode == "Pipe" else "read-only copy")
    filters = {"label": f"sagemaker-emulator.cluster={job}"}
    wait_until(lambda: not compose_project.engine.networks.list(filters=filters), "network gone", 30)
