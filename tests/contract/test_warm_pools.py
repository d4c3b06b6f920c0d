"""Warm pools on scripted containers: who takes over what, until when, and what callers are told."""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest
from botocore.exceptions import ClientError

from emulator.compute.fake import FakeBackend, Script
from tests.support.emulator_server import (
    RunningEmulator,
    job_request,
    running_emulator,
    s3_channel,
    wait_for_status,
    wait_until,
)

Start = Callable[..., RunningEmulator]
WARM = {
    "InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1, "KeepAlivePeriodInSeconds": 3600
}  # fmt: skip


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def start(compute: FakeBackend | None = None, **settings: Any) -> RunningEmulator:
            backend = compute or FakeBackend()
            running = stack.enter_context(
                running_emulator(tmp_path / "data", backend, **{"time_scale": 1, **settings})
            )
            running.client("s3").create_bucket(Bucket="artifacts")
            return running

        yield start


def run_job(running: RunningEmulator, name: str, **members: Any) -> dict[str, Any]:
    sagemaker = running.client("sagemaker")
    sagemaker.create_training_job(**job_request(name, **members))
    return wait_for_status(sagemaker, name, "Completed", "Failed", "Stopped")


def pool_status(running: RunningEmulator, name: str) -> dict[str, Any]:
    told = running.client("sagemaker").describe_training_job(TrainingJobName=name)
    return dict(told.get("WarmPoolStatus", {}))


def last_message(running: RunningEmulator, name: str) -> str:
    told = running.client("sagemaker").describe_training_job(TrainingJobName=name)
    return str(told["SecondaryStatusTransitions"][-1]["StatusMessage"])


def pools(running: RunningEmulator) -> set[str]:
    compute = running.emulator.training.compute
    assert isinstance(compute, FakeBackend)
    return compute.pools


def test_matching_job_takes_the_instances_over(start: Start) -> None:
    running = start()
    assert run_job(running, "first", ResourceConfig=WARM)["WarmPoolStatus"] == {"Status": "Available"}
    assert last_message(running, "first") == "Resource retained for reuse"
    kept = set(pools(running))

    assert run_job(running, "second", ResourceConfig=WARM)["WarmPoolStatus"]["Status"] == "Available"

    told = pool_status(running, "first")
    assert (told["Status"], told["ReusedByJob"]) == ("Reused", "second")
    assert told["ResourceRetainedBillableTimeInSeconds"] >= 0
    assert last_message(running, "first") == "Resource reused by training job: second"
    assert pools(running) == kept


def test_job_without_keep_alive_ends_the_pool_that_it_used(start: Start) -> None:
    running = start()
    run_job(running, "first", ResourceConfig=WARM)

    last = run_job(running, "last", ResourceConfig={**WARM, "KeepAlivePeriodInSeconds": 0})

    assert pool_status(running, "first")["ReusedByJob"] == "last"
    assert "WarmPoolStatus" not in last
    wait_until(lambda: not pools(running))


@pytest.mark.parametrize(
    "changes",
    [
        {"ResourceConfig": {**WARM, "InstanceCount": 1}},
        {"ResourceConfig": {**WARM, "VolumeSizeInGB": 2}},
        {"EnableNetworkIsolation": True},
        {"RoleArn": "arn:aws:iam::123456789012:role/Another"},
    ],
)
def test_job_that_differs_in_its_instances_leaves_the_pool_alone(
    start: Start, changes: dict[str, Any]
) -> None:
    running = start()
    run_job(running, "first", ResourceConfig=WARM)

    run_job(running, "other", **{"ResourceConfig": WARM, **changes})

    assert pool_status(running, "first") == {"Status": "Available"}


def test_pool_ends_when_its_time_is_over(start: Start) -> None:
    running = start(time_scale=0.0001)
    run_job(running, "first", ResourceConfig=WARM)

    wait_until(lambda: pool_status(running, "first")["Status"] == "Terminated")
    assert pools(running) == set()


def test_keep_alive_of_zero_ends_the_pool_at_once(start: Start) -> None:
    running = start()
    run_job(running, "first", ResourceConfig=WARM)
    sagemaker = running.client("sagemaker")
    with pytest.raises(ClientError, match="warm pool"):
        sagemaker.delete_training_job(TrainingJobName="first")

    sagemaker.update_training_job(TrainingJobName="first", ResourceConfig={"KeepAlivePeriodInSeconds": 0})

    wait_until(lambda: pool_status(running, "first")["Status"] == "Terminated")
    assert pools(running) == set()
    wait_until(lambda: can_delete(sagemaker, "first"))


def can_delete(sagemaker: Any, name: str) -> bool:
    try:
        sagemaker.delete_training_job(TrainingJobName=name)
    except ClientError:
        return False
    return True


def test_failed_algorithm_keeps_the_pool_and_a_job_that_never_launched_does_not(start: Start) -> None:
    running = start(FakeBackend({"algo-1": Script(exit_code=1)}))
    assert run_job(running, "wrong", ResourceConfig=WARM)["WarmPoolStatus"] == {"Status": "Available"}

    other = {**WARM, "VolumeSizeInGB": 3}
    running.client("s3").create_bucket(Bucket="data")
    running.client("s3").put_object(Bucket="data", Key="a/../b", Body=b"x")
    channels = [s3_channel("train", "s3://data/a")]
    lost = run_job(running, "lost", ResourceConfig=other, InputDataConfig=channels)

    assert lost["TrainingJobStatus"] == "Failed"
    assert lost["WarmPoolStatus"]["Status"] == "Terminated"


def test_idle_pool_gives_way_to_a_job_that_waits_for_room(start: Start) -> None:
    running = start(memory_budget="16GiB", memory_policy="strict")
    run_job(running, "first", ResourceConfig=WARM)

    other = run_job(running, "other", ResourceConfig={**WARM, "VolumeSizeInGB": 9})

    assert other["TrainingJobStatus"] == "Completed"
    assert pool_status(running, "first")["Status"] == "Terminated"


def test_pool_outlives_a_restart_of_the_emulator(start: Start, tmp_path: Path) -> None:
    backend = FakeBackend()
    with running_emulator(tmp_path / "data", backend, time_scale=1) as running:
        running.client("s3").create_bucket(Bucket="artifacts")
        run_job(running, "first", ResourceConfig=WARM)
    with running_emulator(tmp_path / "data", backend, time_scale=1) as running:
        run_job(running, "second", ResourceConfig=WARM)

        assert pool_status(running, "first")["ReusedByJob"] == "second"
        assert len(pools(running)) == 1


class CleansUpNothing(FakeBackend):
    """Until `cleans_up` is set, as where the emulator is killed at the end of a job."""

    cleans_up = False

    async def destroy(self, cluster: str) -> None:
        if not self.cleans_up:
            await anyio.sleep_forever()
        await super().destroy(cluster)


def test_what_a_kill_left_of_a_job_goes_at_the_start_and_its_pool_stays(tmp_path: Path) -> None:
    backend = CleansUpNothing()
    with running_emulator(tmp_path / "data", backend, time_scale=1) as running:
        running.client("s3").create_bucket(Bucket="artifacts")
        run_job(running, "first", ResourceConfig=WARM)
        assert len(backend.limits()) == 2
    backend.cleans_up = True
    with running_emulator(tmp_path / "data", backend, time_scale=1) as running:
        wait_until(lambda: not backend.limits())
        wait_until(lambda: not [*(tmp_path / "data" / "work").glob("first-*")])
        assert pool_status(running, "first")["Status"] == "Available"
        assert len(pools(running)) == 1


def test_objects_that_were_staged_are_not_downloaded_again(start: Start) -> None:
    running = start()
    s3 = running.client("s3")
    s3.create_bucket(Bucket="data")
    s3.put_object(Bucket="data", Key="in/a", Body=b"1")
    channels = [s3_channel("train", "s3://data/in/")]
    run_job(running, "first", ResourceConfig=WARM, InputDataConfig=channels)
    [pool] = pools(running)
    kept = running.emulator.training.work_root / pool

    assert len(list(kept.iterdir())) == 1
    s3.put_object(Bucket="data", Key="in/b", Body=b"2")
    run_job(running, "second", ResourceConfig=WARM, InputDataConfig=channels)

    assert len(list(kept.iterdir())) == 2


def test_listing_filters_by_the_state_of_the_pool(start: Start) -> None:
    running = start()
    run_job(running, "first", ResourceConfig=WARM)
    run_job(running, "plain")
    sagemaker = running.client("sagemaker")

    found = sagemaker.list_training_jobs(WarmPoolStatusEquals="Available")["TrainingJobSummaries"]

    assert [(job["TrainingJobName"], job["WarmPoolStatus"]) for job in found] == [
        ("first", {"Status": "Available"})
    ]
    assert sagemaker.list_training_jobs(WarmPoolStatusEquals="Reused")["TrainingJobSummaries"] == []


@pytest.mark.parametrize(
    "members",
    [
        {
            "EnableManagedSpotTraining": True,
            "StoppingCondition": {"MaxRuntimeInSeconds": 10, "MaxWaitTimeInSeconds": 20},
            "ResourceConfig": WARM,
        },
        {
            "ResourceConfig": {
                "VolumeSizeInGB": 1,
                "KeepAlivePeriodInSeconds": 60,
                "InstanceGroups": [
                    {"InstanceGroupName": "a", "InstanceType": "ml.m5.large", "InstanceCount": 1}
                ],
            }
        },
    ],
)
def test_keep_alive_with_spot_or_groups_is_refused(start: Start, members: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="KeepAlivePeriodInSeconds"):
        start().client("sagemaker").create_training_job(**job_request("odd", **members))


def test_job_that_runs_says_that_its_pool_is_in_use(start: Start) -> None:
    running = start(FakeBackend({"algo-1": Script(after=math.inf)}), time_scale=0.01)
    sagemaker = running.client("sagemaker")
    sagemaker.create_training_job(**job_request("busy", ResourceConfig=WARM))

    wait_until(lambda: pool_status(running, "busy") == {"Status": "InUse"})
    sagemaker.stop_training_job(TrainingJobName="busy")
    wait_for_status(sagemaker, "busy", "Stopped")
