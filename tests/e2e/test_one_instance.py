from itertools import pairwise
from typing import Any

import pytest

from tests.e2e.training_client import BUCKET, GROUP, TrainingClient, channel, statuses


@pytest.fixture(scope="module")
def job(emulator: TrainingClient) -> dict[str, Any]:
    uri = emulator.put({"a.csv": b"1,2\n", "sub/b.csv": b"3,4\n"})
    script = "cd /opt/ml/input/data/train; cat a.csv sub/b.csv | tee /opt/ml/model/weights"
    return emulator.train({"run": script}, [channel("train", uri)])


@pytest.mark.ordinary_user
def test_training_job_on_one_instance(emulator: TrainingClient, job: dict[str, Any]) -> None:
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert statuses(job) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    name = job["TrainingJobName"]
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": f"s3://{BUCKET}/output/{name}/output/model.tar.gz"}
    assert emulator.files(name) == {"weights": b"1,2\n3,4\n"}
    assert emulator.lines(name) == ["1,2", "3,4"]


def test_training_job_without_input(emulator: TrainingClient) -> None:
    job = emulator.train({"run": "ls /opt/ml/input/data"})
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert emulator.lines(job["TrainingJobName"]) == []


def test_log_stream_is_named_after_job_and_host(emulator: TrainingClient, job: dict[str, Any]) -> None:
    name = job["TrainingJobName"]
    found = emulator.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")
    start = int(job["TrainingStartTime"].timestamp())
    assert [stream["logStreamName"] for stream in found["logStreams"]] == [f"{name}/algo-1-{start}"]


def test_times_are_in_order_and_transitions_are_without_gaps(job: dict[str, Any]) -> None:
    moves = job["SecondaryStatusTransitions"]
    for earlier, later in pairwise(moves):
        assert earlier["EndTime"] == later["StartTime"]
    assert job["CreationTime"] <= moves[0]["StartTime"]
    assert job["TrainingStartTime"] == moves[1]["StartTime"]
    assert job["TrainingEndTime"] == moves[-1]["StartTime"] == moves[-1]["EndTime"]
    assert job["LastModifiedTime"] >= job["TrainingEndTime"]
    assert job["TrainingTimeInSeconds"] == job["BillableTimeInSeconds"] >= 1
