"""UpdateTrainingJob and DeleteTrainingJob with the real boto3."""

import math
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from emulator.compute.fake import FakeBackend, Script
from emulator.domain.arn import TrainingJobKey
from emulator.domain.training_job import TrainingJob
from emulator.sqlite import Database
from emulator.store.changes import Changes
from emulator.store.training_jobs import TrainingJobStore
from tests.contract.test_training_job_operations import refusal
from tests.support.emulator_server import (
    RunningEmulator,
    job_request,
    running_emulator,
    wait_for_status,
    wait_until,
)


class KeepsContainers(FakeBackend):
    """Cannot remove anything while `stuck`."""

    stuck = False

    async def destroy(self, cluster: str) -> None:
        if self.stuck:
            raise OSError("the Engine broke off")
        await super().destroy(cluster)


@pytest.fixture(scope="module")
def backend() -> KeepsContainers:
    return KeepsContainers({"endless/algo-1": Script(after=math.inf), "algo-1": Script(logs=("hello",))})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, backend: KeepsContainers) -> Iterator[RunningEmulator]:
    with running_emulator(tmp_path_factory.mktemp("data"), backend) as running:
        running.client("s3").create_bucket(Bucket="artifacts")
        yield running


@pytest.fixture(scope="module")
def sagemaker(running: RunningEmulator) -> Any:
    return running.client("sagemaker")


def read_job(running: RunningEmulator, name: str) -> TrainingJob:
    """The row, read past the server's event loop."""
    database = Database(running.emulator.data_dir.path / "state.db", "emulator.store.migrations")
    store, key = TrainingJobStore(database, Changes()), TrainingJobKey("123456789012", "us-east-1", name)
    try:
        job = anyio.run(store.get, key)
    finally:
        database.close()
    assert job is not None
    return job


def wait_for_release(running: RunningEmulator, name: str) -> None:
    wait_until(lambda: read_job(running, name).is_released)


def test_updates_are_told_and_kept_beside_the_request(running: RunningEmulator, sagemaker: Any) -> None:
    profiler = {"S3OutputPath": "s3://artifacts/profile", "ProfilingIntervalInMilliseconds": 100}
    created = sagemaker.create_training_job(**job_request("endless", ProfilerConfig=profiler))
    before = wait_for_status(sagemaker, "endless", "Training")
    rule = {"RuleConfigurationName": "rule", "RuleEvaluatorImage": "rules:1"}
    update = sagemaker.update_training_job(
        TrainingJobName="endless",
        ProfilerConfig={"DisableProfiler": True},
        ProfilerRuleConfigurations=[rule],
        RemoteDebugConfig={"EnableRemoteDebug": True},
    )
    assert update["TrainingJobArn"] == created["TrainingJobArn"]
    sagemaker.update_training_job(TrainingJobName="endless", ResourceConfig={"KeepAlivePeriodInSeconds": 600})
    told = sagemaker.describe_training_job(TrainingJobName="endless")
    assert told["ProfilerConfig"] == {**profiler, "DisableProfiler": True}
    assert told["ProfilerRuleConfigurations"] == [rule]
    assert told["RemoteDebugConfig"] == {"EnableRemoteDebug": True}
    assert told["ProfilingStatus"] == "Disabled"
    assert told["ResourceConfig"] == {**before["ResourceConfig"], "KeepAlivePeriodInSeconds": 600}
    assert told["LastModifiedTime"] > before["LastModifiedTime"]
    (listed,) = sagemaker.list_training_jobs(NameContains="endless")["TrainingJobSummaries"]
    assert listed["LastModifiedTime"] == told["LastModifiedTime"]
    job = read_job(running, "endless")
    assert job.keep_alive_period_in_seconds == 600
    assert "KeepAlivePeriodInSeconds" not in job.document["ResourceConfig"]
    assert refusal(sagemaker.delete_training_job, TrainingJobName="endless") == (
        "ResourceInUse",
        "The training job cannot be deleted: it is in status InProgress.",
    )
    sagemaker.stop_training_job(TrainingJobName="endless")
    wait_for_status(sagemaker, "endless", "Stopped")


def test_an_update_that_comes_too_late_is_refused(sagemaker: Any) -> None:
    sagemaker.create_training_job(**job_request("over"))
    before = wait_for_status(sagemaker, "over", "Completed")
    debug, profiler = {"EnableRemoteDebug": True}, {"DisableProfiler": True}
    assert refusal(sagemaker.update_training_job, TrainingJobName="over", RemoteDebugConfig=debug) == (
        "ValidationException",
        "RemoteDebugConfig can only be updated while the SecondaryStatus of the training job is Downloading or "
        "Training; it is Completed.",
    )
    code, message = refusal(sagemaker.update_training_job, TrainingJobName="over", ProfilerConfig=profiler)
    assert (code, "status Completed" in message) == ("ValidationException", True)
    keep = {"KeepAlivePeriodInSeconds": 60}
    code, message = refusal(sagemaker.update_training_job, TrainingJobName="over", ResourceConfig=keep)
    assert (code, "no Available warm pool" in message) == ("ValidationException", True)
    sagemaker.update_training_job(TrainingJobName="over")
    after = sagemaker.describe_training_job(TrainingJobName="over")
    assert after["LastModifiedTime"] == before["LastModifiedTime"]


@pytest.mark.parametrize("operation", ["update_training_job", "delete_training_job"])
def test_an_unknown_job_is_not_found(sagemaker: Any, operation: str) -> None:
    answer = refusal(getattr(sagemaker, operation), TrainingJobName="unknown")
    assert answer == ("ResourceNotFound", "Requested resource not found.")


def test_a_deleted_job_is_forgotten_and_its_name_free_while_its_log_stays(
    running: RunningEmulator, sagemaker: Any
) -> None:
    request = job_request("deleted", Tags=[{"Key": "a", "Value": "1"}])
    arn = sagemaker.create_training_job(**request)["TrainingJobArn"]
    wait_for_status(sagemaker, "deleted", "Completed")
    wait_for_release(running, "deleted")
    sagemaker.delete_training_job(TrainingJobName="deleted")
    assert refusal(sagemaker.describe_training_job, TrainingJobName="deleted")[0] == "ValidationException"
    streams = running.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="deleted/"
    )
    assert len(streams["logStreams"]) == 1
    sagemaker.create_training_job(**job_request("Deleted"))
    assert wait_for_status(sagemaker, "Deleted", "Completed")["TrainingJobName"] == "Deleted"
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


def test_a_job_whose_containers_are_still_there_is_in_use(
    running: RunningEmulator, sagemaker: Any, backend: KeepsContainers
) -> None:
    backend.stuck = True
    sagemaker.create_training_job(**job_request("stuck"))
    wait_for_status(sagemaker, "stuck", "Completed")
    code, message = refusal(sagemaker.delete_training_job, TrainingJobName="stuck")
    assert code == "ResourceInUse"
    assert "still being released" in message
    backend.stuck = False
    sagemaker.create_training_job(**job_request("after"))
    wait_for_release(running, "stuck")
    sagemaker.delete_training_job(TrainingJobName="stuck")
    assert refusal(sagemaker.describe_training_job, TrainingJobName="stuck")[0] == "ValidationException"
