"""The emulator goes down at every stage and comes back on the same files, while the containers go on."""

import math
from pathlib import Path
from typing import Any

import anyio
import pytest

from emulator.compute.fake import FakeBackend, Script
from tests.support.emulator_server import (
    end_container,
    job_request,
    running_emulator,
    transitions,
    wait_for_status,
    wait_until,
)

GROUP = "/aws/sagemaker/TrainingJobs"


class SlowPreparation(FakeBackend):
    """Downloading lasts until the test lets it end."""

    slow = True

    async def prepare(self, cluster: Any) -> None:
        if self.slow:
            await anyio.sleep_forever()
        await super().prepare(cluster)


def test_a_job_that_was_downloading_is_downloaded_again(tmp_path: Path) -> None:
    backend = SlowPreparation({"algo-1": Script(writes={"model/m": b"x"})})
    with running_emulator(tmp_path, backend) as first:
        first.client("s3").create_bucket(Bucket="artifacts")
        sagemaker = first.client("sagemaker")
        sagemaker.create_training_job(**job_request("job"))
        wait_for_status(sagemaker, "job", "Downloading")
    backend.slow = False
    with running_emulator(tmp_path, backend) as second:
        job = wait_for_status(second.client("sagemaker"), "job", "Completed")
        assert transitions(job) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
        assert second.client("s3").head_object(Bucket="artifacts", Key="out/job/output/model.tar.gz")


def test_running_containers_are_adopted_and_no_line_is_lost_or_doubled(tmp_path: Path) -> None:
    backend = FakeBackend({"algo-1": Script(after=math.inf, logs=("one", "two"), exit_code_on_sigterm=0)})
    with running_emulator(tmp_path, backend) as first:
        first.client("s3").create_bucket(Bucket="artifacts")
        sagemaker = first.client("sagemaker")
        sagemaker.create_training_job(**job_request("job"))
        wait_until(lambda: _lines(first, "job") == ["one", "two"])
    with running_emulator(tmp_path, backend) as second:
        sagemaker = second.client("sagemaker")
        wait_for_status(sagemaker, "job", "Training")
        sagemaker.stop_training_job(TrainingJobName="job")
        wait_for_status(sagemaker, "job", "Stopped")
        assert _lines(second, "job") == ["one", "two"]


def test_a_container_that_ended_meanwhile_counts(tmp_path: Path) -> None:
    backend = FakeBackend({"algo-1": Script(after=math.inf, logs=("up",), exit_code_on_sigterm=4)})
    with running_emulator(tmp_path, backend) as first:
        first.client("s3").create_bucket(Bucket="artifacts")
        first.client("sagemaker").create_training_job(**job_request("job"))
        wait_until(lambda: _lines(first, "job") == ["up"])
    end_container(backend)
    with running_emulator(tmp_path, backend) as second:
        job = wait_for_status(second.client("sagemaker"), "job", "Failed")
        assert job["FailureReason"] == "AlgorithmError: , exit code: 4"


def test_a_lost_container_is_an_internal_error(tmp_path: Path) -> None:
    backend = FakeBackend({"algo-1": Script(after=math.inf, logs=("up",))})
    with running_emulator(tmp_path, backend) as first:
        first.client("s3").create_bucket(Bucket="artifacts")
        first.client("sagemaker").create_training_job(**job_request("job"))
        # The status is on the row before the container is launched; its line comes after that.
        wait_until(lambda: _lines(first, "job") == ["up"])
    backend.lose("algo-1")
    with running_emulator(tmp_path, backend) as second:
        job = wait_for_status(second.client("sagemaker"), "job", "Failed")
        assert job["FailureReason"].startswith("InternalServerError: We encountered an internal error.")
        assert "algo-1" in job["FailureReason"]


def test_a_stop_that_was_under_way_goes_on(tmp_path: Path) -> None:
    backend = FakeBackend({"algo-1": Script(after=math.inf, ignores_sigterm=True)})
    with running_emulator(tmp_path, backend, time_scale=1) as first:
        first.client("s3").create_bucket(Bucket="artifacts")
        sagemaker = first.client("sagemaker")
        sagemaker.create_training_job(**job_request("job"))
        wait_for_status(sagemaker, "job", "Training")
        sagemaker.stop_training_job(TrainingJobName="job")
        wait_until(lambda: backend.signals("algo-1"))
    with running_emulator(tmp_path, backend, time_scale=0.0001) as second:
        job = wait_for_status(second.client("sagemaker"), "job", "Stopped")
        assert transitions(job) == ["Starting", "Downloading", "Training", "Stopping", "Uploading", "Stopped"]


def test_pending_jobs_and_tags_survive(tmp_path: Path) -> None:
    backend = FakeBackend({"first/algo-1": Script(after=math.inf)})
    with running_emulator(tmp_path, backend, memory_budget="7GiB") as before:
        before.client("s3").create_bucket(Bucket="artifacts")
        sagemaker = before.client("sagemaker")
        sagemaker.create_training_job(**job_request("first"))
        wait_for_status(sagemaker, "first", "Training")
        tags = [{"Key": "k", "Value": "v"}]
        arn = sagemaker.create_training_job(**job_request("second", Tags=tags))["TrainingJobArn"]
        wait_for_status(sagemaker, "second", "Pending")
    with running_emulator(tmp_path, backend, memory_budget="7GiB") as after:
        sagemaker = after.client("sagemaker")
        assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
        assert sagemaker.describe_training_job(TrainingJobName="second")["SecondaryStatus"] == "Pending"
        sagemaker.stop_training_job(TrainingJobName="first")
        wait_for_status(sagemaker, "second", "Completed")


def test_strays_of_this_installation_are_swept_at_start(tmp_path: Path) -> None:
    backend = FakeBackend({"algo-1": Script(after=math.inf)})
    with running_emulator(tmp_path / "one", backend) as first:
        first.client("s3").create_bucket(Bucket="artifacts")
        first.client("sagemaker").create_training_job(**job_request("job"))
        wait_for_status(first.client("sagemaker"), "job", "Training")
    with running_emulator(tmp_path / "two", backend):
        wait_until(lambda: not backend.limits())


def test_a_second_emulator_on_the_same_files_is_refused(tmp_path: Path) -> None:
    with (
        running_emulator(tmp_path, FakeBackend()),
        pytest.raises(RuntimeError, match="Another emulator uses the data directory"),
        running_emulator(tmp_path, FakeBackend()),
    ):
        pass


def _lines(running: Any, name: str) -> list[str]:
    logs = running.client("logs")
    try:
        streams = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    if not streams:
        return []
    stream = streams[0]["logStreamName"]
    events = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True)["events"]
    return [event["message"] for event in events]
