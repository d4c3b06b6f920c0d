"""What the scheduler does must not depend on what jobs do while it looks, nor on what cannot be removed just now."""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

from emulator.compute.fake import FakeBackend, Script
from tests.support import web
from tests.support.emulator_server import (
    RunningEmulator,
    end_container,
    job_request,
    running_emulator,
    s3_channel,
    transitions,
    wait_for_status,
    wait_until,
)
from tests.support.fuse import require_fuse

Start = Callable[..., RunningEmulator]
ENDLESS = Script(after=math.inf)
WARM = {
    "InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1, "KeepAlivePeriodInSeconds": 3600
}  # fmt: skip
ENDED = ["Starting", "Downloading", "Training", "Uploading", "Completed"]


@pytest.fixture(autouse=True)
def short_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.training.scheduler.RETRY_PERIOD", 0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def start(compute: FakeBackend, **settings: Any) -> RunningEmulator:
            running = stack.enter_context(running_emulator(tmp_path / "data", compute, **settings))
            running.client("s3").create_bucket(Bucket="artifacts")
            return running

        yield start


class BreaksOff(FakeBackend):
    """Verbs fail while the test says so."""

    preparing = destroying = False

    async def prepare(self, cluster: Any) -> None:
        if self.preparing:
            raise OSError("the Engine broke off")
        await super().prepare(cluster)

    async def destroy(self, cluster: str) -> None:
        if self.destroying:
            raise OSError("the Engine broke off")
        await super().destroy(cluster)


class StartsOnce(FakeBackend):
    """The first start succeeds and is not heard of."""

    def __init__(self) -> None:
        super().__init__()
        self.discarded: list[bool] = []

    async def start(self, cluster: str, host: str) -> None:
        await super().start(cluster, host)
        if not self.discarded or self.discarded == [False]:
            raise OSError("the Engine broke off")

    async def discard(self, cluster: str, host: str) -> None:
        self.discarded.append(any(found.host == host for found in await self.find()))
        await super().discard(cluster, host)


class LongLook:
    """Lasts as long as the test wants, in the middle: after the rows were read."""

    def __init__(self, running: RunningEmulator) -> None:
        self._store = running.emulator.training.store
        self._warm = self._store.warm
        self.holds, self.is_held = True, False
        self._store.warm = self._wait  # type: ignore[method-assign]

    async def _wait(self) -> Any:
        self.is_held = True
        while self.holds:
            await anyio.sleep(0.005)
        return await self._warm()


@pytest.mark.parametrize("resources", [{}, {"ResourceConfig": WARM}])
def test_job_that_ends_during_a_look_is_left_alone(
    start: Start, resources: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    backend = FakeBackend({"quick/algo-1": Script(after=math.inf, exit_code_on_sigterm=0)})
    running = start(backend, time_scale=1)
    sagemaker = running.client("sagemaker")
    sagemaker.create_training_job(**job_request("quick", **resources))
    wait_until(backend.limits)
    look = LongLook(running)
    sagemaker.create_training_job(**job_request("other"))
    wait_until(lambda: look.is_held)
    end_container(backend)
    wait_for_status(sagemaker, "quick", "Completed")
    wait_until(lambda: not running.emulator.scheduler._running)
    look.holds = False
    wait_for_status(sagemaker, "other", "Completed")

    job = sagemaker.describe_training_job(TrainingJobName="quick")
    assert transitions(job) == ENDED
    assert "met a fault" not in caplog.text
    assert job.get("WarmPoolStatus", {}) == ({"Status": "Available"} if resources else {})


def test_job_that_a_lost_engine_failed_says_that_its_instances_are_gone(start: Start) -> None:
    backend = BreaksOff()
    backend.preparing = True
    sagemaker = start(backend).client("sagemaker")
    sagemaker.create_training_job(**job_request("unlucky", ResourceConfig=WARM))

    job = wait_for_status(sagemaker, "unlucky", "Failed")

    assert job["WarmPoolStatus"]["Status"] == "Terminated"


def test_stop_is_passed_on_while_something_cannot_be_removed(start: Start) -> None:
    backend = BreaksOff({"endless/algo-1": ENDLESS})
    sagemaker = start(backend).client("sagemaker")
    sagemaker.create_training_job(**job_request("endless"))
    wait_for_status(sagemaker, "endless", "Training")
    backend.destroying = True
    sagemaker.create_training_job(**job_request("left"))
    wait_for_status(sagemaker, "left", "Completed")

    sagemaker.stop_training_job(TrainingJobName="endless")

    assert wait_for_status(sagemaker, "endless", "Stopped")["TrainingJobStatus"] == "Stopped"


def test_all_of_a_job_is_removed_later_where_it_cannot_be_at_once(start: Start) -> None:
    backend = BreaksOff()
    running = start(backend)
    s3, sagemaker = running.client("s3"), running.client("sagemaker")
    s3.put_object(Bucket="artifacts", Key="in/a", Body=b"1")
    backend.destroying = True
    # Its pool ends with it: its time is over before it began.
    sagemaker.create_training_job(
        **job_request(
            "left", ResourceConfig=WARM, InputDataConfig=[s3_channel("train", "s3://artifacts/in/")]
        )
    )
    wait_for_status(sagemaker, "left", "Training", "Completed")
    sagemaker.update_training_job(TrainingJobName="left", ResourceConfig={"KeepAlivePeriodInSeconds": 0})
    wait_for_status(sagemaker, "left", "Completed")
    wait_until(lambda: running.emulator.scheduler.leftovers.clusters)

    backend.destroying = False

    wait_until(lambda: not backend.limits() and not backend.pools)
    wait_until(lambda: not list(running.emulator.training.work_root.iterdir()))


def test_reset_removes_pools_after_their_clusters(start: Start) -> None:
    backend = FakeBackend({"algo-1": ENDLESS})
    running = start(backend)
    sagemaker = running.client("sagemaker")
    for number in range(8):
        sagemaker.create_training_job(**job_request(f"job-{number}", ResourceConfig=WARM))
    wait_until(lambda: len(backend.pools) > 2)

    answer = web.post(f"{running.endpoint}/_emulator/reset", json={}).json()

    assert answer["containers_left"] == []
    assert (backend.pools, backend.limits()) == (set(), [])


def test_all_admitted_jobs_have_their_room_before_anybody_waits(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Endpoints take from the same budget whenever the scheduler waits, for the database for instance."""
    monkeypatch.setattr("emulator.training.scheduler.LOOK_PERIOD", 0.05)
    running = start(FakeBackend({"algo-1": ENDLESS}))
    store, held = running.emulator.training.store, []
    save, look = store.save_progress, LongLook(running)

    async def save_progress(job: Any) -> None:
        if job.progress.placement is not None:
            held.append(len(running.emulator.training.occupancy.holders))
        await save(job)

    store.save_progress = save_progress
    wait_until(lambda: look.is_held)
    sagemaker = running.client("sagemaker")
    sagemaker.create_training_job(**job_request("one"))
    sagemaker.create_training_job(**job_request("two"))
    look.holds = False
    wait_for_status(sagemaker, "two", "Training")

    assert held[0] == 2


def test_job_that_is_retried_keeps_its_room(start: Start) -> None:
    backend = BreaksOff({"algo-1": ENDLESS})
    backend.preparing = True
    running = start(backend)
    released: list[str] = []
    running.emulator.training.occupancy.release = released.append
    sagemaker = running.client("sagemaker")
    sagemaker.create_training_job(**job_request("retried", RetryStrategy={"MaximumRetryAttempts": 30}))
    report = f"{running.endpoint}/_emulator/training-jobs/retried"
    wait_until(lambda: web.get(report).json()["run"] >= 2)
    backend.preparing = False
    wait_for_status(sagemaker, "retried", "Training")

    assert released == []


def test_spot_job_takes_no_pool_over(start: Start) -> None:
    sagemaker = start(FakeBackend(), time_scale=1).client("sagemaker")
    sagemaker.create_training_job(**job_request("first", ResourceConfig=WARM))
    wait_for_status(sagemaker, "first", "Completed")
    spot = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60},
        "ResourceConfig": {**WARM, "KeepAlivePeriodInSeconds": 0},
    }
    sagemaker.create_training_job(**job_request("spot", **spot))
    wait_for_status(sagemaker, "spot", "Completed")

    first = sagemaker.describe_training_job(TrainingJobName="first")
    assert first["WarmPoolStatus"] == {"Status": "Available"}


def test_reset_ends_the_feeds_of_pipe_channels(start: Start) -> None:
    running = start(FakeBackend({"algo-1": ENDLESS}))
    running.client("s3").put_object(Bucket="artifacts", Key="in/a", Body=b"1")
    sagemaker = running.client("sagemaker")
    channel = {**s3_channel("reset-feed", "s3://artifacts/in/"), "InputMode": "Pipe"}
    sagemaker.create_training_job(**job_request("piped", InputDataConfig=[channel]))
    wait_until(lambda: feeds("reset-feed"))

    web.post(f"{running.endpoint}/_emulator/reset", json={})

    assert feeds("reset-feed") == []


def test_container_of_a_launch_that_broke_off_is_made_anew_where_it_sees_mounts(
    start: Start, tmp_path: Path
) -> None:
    require_fuse(tmp_path)
    backend = StartsOnce()
    running = start(backend)
    running.client("s3").put_object(Bucket="artifacts", Key="in/a", Body=b"1")
    sagemaker = running.client("sagemaker")
    channel = {**s3_channel("train", "s3://artifacts/in/"), "InputMode": "FastFile"}
    sagemaker.create_training_job(**job_request("mounted", InputDataConfig=[channel]))

    assert wait_for_status(sagemaker, "mounted", "Completed", "Failed")["TrainingJobStatus"] == "Completed"
    assert backend.discarded == [False, True]


def feeds(channel: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if channel in thread.name]
