"""Managed spot training and RetryStrategy on scripted containers: runs that end while the job goes on."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.compute.fake import FakeBackend, Script
from tests.support import web
from tests.support.emulator_server import (
    RunningEmulator,
    job_request,
    running_emulator,
    transitions,
    wait_for_status,
    wait_until,
)

Start = Callable[..., RunningEmulator]
ENDLESS = Script(after=math.inf)
SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
}
RUN = ["Starting", "Downloading", "Training"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def start(script: Script = ENDLESS, **settings: Any) -> RunningEmulator:
            backend = FakeBackend({"algo-1": script})
            scaled = {"time_scale": 0.01, **settings}
            running = stack.enter_context(running_emulator(tmp_path / "data", backend, **scaled))
            running.client("s3").create_bucket(Bucket="artifacts")
            return running

        yield start


def create(running: RunningEmulator, name: str, **members: Any) -> Any:
    sagemaker = running.client("sagemaker")
    sagemaker.create_training_job(**job_request(name, **members))
    return sagemaker


def await_training(running: RunningEmulator, name: str, run: int = 1) -> None:
    def is_training() -> bool:
        report = web.get(f"{running.endpoint}/_emulator/training-jobs/{name}").json()
        is_in_run = report["secondary_status"] == "Training" and report["run"] == run
        # The status is on the row before the containers are made, and those keep the scripts of their making.
        return bool(is_in_run and running.emulator.training.compute.limits())

    wait_until(is_training)


def call(running: RunningEmulator, name: str, what: str) -> httpx.Response:
    return web.post(f"{running.endpoint}/_emulator/training-jobs/{name}/{what}")


def test_interrupted_job_starts_again_in_fresh_containers_and_ends_well(start: Start) -> None:
    running = start()
    sagemaker = create(running, "spot", **SPOT)
    for run in (1, 2):
        await_training(running, "spot", run)
        running.emulator.training.compute.scripts = {"algo-1": ENDLESS if run == 1 else Script()}
        assert call(running, "spot", "interrupt").status_code == 202
    job = wait_for_status(sagemaker, "spot", "Completed", "Failed", "Stopped")

    assert job["TrainingJobStatus"] == "Completed"
    assert transitions(job) == [
        *RUN, "Interrupted", *RUN, "Interrupted", *RUN, "Uploading", "Completed"
    ]  # fmt: skip
    assert job["BillableTimeInSeconds"] <= job["TrainingTimeInSeconds"]


def test_interruption_gives_the_container_the_time_to_save_its_work(start: Start) -> None:
    running = start(Script(after=math.inf, ignores_sigterm=True))
    sagemaker = create(running, "spot", **SPOT)
    await_training(running, "spot")

    call(running, "spot", "interrupt")
    await_training(running, "spot", 2)
    assert running.emulator.training.compute.sent == [("algo-1", "SIGTERM"), ("algo-1", "SIGKILL")]
    sagemaker.stop_training_job(TrainingJobName="spot")

    assert wait_for_status(sagemaker, "spot", "Stopped")["SecondaryStatus"] == "Stopped"


def test_container_that_is_lost_during_the_interruption_is_no_fault(tmp_path: Path) -> None:
    backend = FakeBackend({"algo-1": Script(after=math.inf, ignores_sigterm=True)})
    with running_emulator(tmp_path / "spot", backend, time_scale=1) as first:
        create(first, "spot", **SPOT)
        await_training(first, "spot")
        call(first, "spot", "interrupt")
        wait_until(lambda: backend.sent)
    backend.lose("algo-1")
    with running_emulator(tmp_path / "spot", backend) as second:
        await_training(second, "spot", 2)
        job = second.client("sagemaker").describe_training_job(TrainingJobName="spot")

    assert transitions(job) == [*RUN, "Interrupted", *RUN]


def test_every_run_has_log_streams_of_its_own_or_goes_on_in_one_of_the_same_second(start: Start) -> None:
    running = start(Script(after=math.inf, logs=("begun",)))
    sagemaker = create(running, "spot", **SPOT)
    await_training(running, "spot")
    call(running, "spot", "interrupt")
    await_training(running, "spot", 2)
    sagemaker.stop_training_job(TrainingJobName="spot")
    wait_for_status(sagemaker, "spot", "Stopped")

    events = running.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="spot/algo-1-"
    )["events"]
    assert [event["message"] for event in events] == ["begun", "begun"]


def test_job_that_waits_too_long_for_new_instances_is_stopped(start: Start) -> None:
    # The first instances have 5 s to come, and so has what follows the interruption, which takes 6 s.
    running = start(time_scale=0.2)
    condition = {"MaxRuntimeInSeconds": 20, "MaxWaitTimeInSeconds": 25}
    sagemaker = create(running, "spot", **{**SPOT, "StoppingCondition": condition})
    await_training(running, "spot")
    call(running, "spot", "interrupt")
    job = wait_for_status(sagemaker, "spot", "Stopped", "Completed", "Failed")

    assert job["SecondaryStatus"] == "MaxWaitTimeExceeded"
    assert transitions(job) == [*RUN, "Interrupted", "Stopping", "MaxWaitTimeExceeded"]
    assert "ModelArtifacts" not in job


def test_spot_job_that_never_gets_its_instances_ends_without_having_begun(start: Start) -> None:
    running = start(memory_budget="10GiB", memory_policy="strict")
    create(running, "holder")
    await_training(running, "holder")
    condition = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 300}
    sagemaker = create(running, "spot", **{**SPOT, "StoppingCondition": condition})
    job = wait_for_status(sagemaker, "spot", "Stopped", "Completed", "Failed")

    assert transitions(job) == ["Starting", "Pending", "Stopping", "MaxWaitTimeExceeded"]
    assert "TrainingStartTime" not in job


def test_schedule_interrupts_spot_jobs_alone_and_no_more_than_it_says(start: Start) -> None:
    running = start(spot_interruptions="mean=0.01,seed=3,most=2")
    sagemaker = create(running, "spot", **SPOT)
    create(running, "on-demand")
    await_training(running, "on-demand")
    await_training(running, "spot", 3)
    time.sleep(0.5)  # in which a third interruption would come
    for name in ("spot", "on-demand"):
        sagemaker.stop_training_job(TrainingJobName=name)

    spot = wait_for_status(sagemaker, "spot", "Stopped", "Failed")
    on_demand = wait_for_status(sagemaker, "on-demand", "Stopped", "Failed")

    end = ["Stopping", "Uploading", "Stopped"]
    assert transitions(spot) == [*RUN, "Interrupted", *RUN, "Interrupted", *RUN, *end]
    assert transitions(on_demand) == [*RUN, *end]


def test_only_running_spot_jobs_can_be_interrupted(start: Start) -> None:
    running = start()
    create(running, "on-demand")
    await_training(running, "on-demand")

    refused = call(running, "on-demand", "interrupt")
    unknown = call(running, "nobody", "interrupt")

    assert (refused.status_code, unknown.status_code) == (409, 404)
    assert "EnableManagedSpotTraining" in refused.json()["error"]


def test_internal_error_fails_the_job_without_a_retry_strategy(start: Start) -> None:
    running = start()
    sagemaker = create(running, "unlucky")
    await_training(running, "unlucky")
    assert call(running, "unlucky", "internal-server-error").status_code == 202
    job = wait_for_status(sagemaker, "unlucky", "Failed", "Completed")

    assert job["FailureReason"].startswith(
        "InternalServerError: We encountered an internal error. Please try again."
    )


def test_retry_strategy_starts_the_job_again_as_often_as_it_says(start: Start) -> None:
    running = start()
    sagemaker = create(running, "retried", RetryStrategy={"MaximumRetryAttempts": 1})
    for run in (1, 2):
        await_training(running, "retried", run)
        call(running, "retried", "internal-server-error")
    job = wait_for_status(sagemaker, "retried", "Failed", "Completed")

    assert transitions(job) == [*RUN, *RUN, "Failed"]


def test_algorithm_error_is_not_retried(start: Start) -> None:
    running = start(Script(exit_code=1))
    sagemaker = create(running, "wrong", RetryStrategy={"MaximumRetryAttempts": 3})

    assert transitions(wait_for_status(sagemaker, "wrong", "Failed")) == [*RUN, "Uploading", "Failed"]
