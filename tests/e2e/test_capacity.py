"""Eight jobs at once on a budget that holds two."""

import json
from collections.abc import Iterator

import docker
import pytest

from tests.e2e.conftest import Launch
from tests.e2e.held_containers import WAIT, find_containers, release
from tests.e2e.training_client import TrainingClient, statuses, until

JOBS = 8
FIT = 2

SCRIPT = "date +%s.%N; {}; date +%s.%N"


@pytest.fixture(scope="module")
def small_emulator(launch: Launch) -> Iterator[TrainingClient]:
    """Two ml.t3.medium fit: each takes 4 GiB * 0.93 - 512 MiB."""
    with launch(MEMORY_BUDGET="7GiB") as client:
        yield client


def at_once(spans: list[tuple[float, float]]) -> int:
    """The most spans that overlap."""
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)


def test_eight_jobs_on_a_budget_for_two(small_emulator: TrainingClient, engine: docker.DockerClient) -> None:
    # The first ones run until they have met, and all others wait.
    work = [WAIT] * FIT + ["sleep 0.5"] * (JOBS - FIT)
    names = [small_emulator.create({"run": SCRIPT.format(each)}) for each in work]
    for name in names[FIT:]:
        small_emulator.wait_for_status(name, "Pending")
    for name in names[:FIT]:
        until("its container", lambda of=name: find_containers(engine, of))
    for name in names[:FIT]:
        release(engine, name)
    jobs = [small_emulator.wait(name) for name in names]

    assert [job["TrainingJobStatus"] for job in jobs] == ["Completed"] * JOBS
    waited = [job for job in jobs if "Pending" in statuses(job)]
    assert len(waited) >= JOBS - FIT
    for job in waited:
        (pending,) = (t for t in job["SecondaryStatusTransitions"] if t["Status"] == "Pending")
        assert pending["StatusMessage"] in (
            "Training job waiting for capacity",
            "Preparing the instances for training",
        )
        assert job["TrainingStartTime"] >= pending["StartTime"]
    printed = [tuple(map(float, small_emulator.lines(name))) for name in names]
    assert at_once([(start, end) for start, end in printed]) <= FIT
    held = [(job["TrainingStartTime"].timestamp(), job["TrainingEndTime"].timestamp()) for job in jobs]
    assert at_once(held) == FIT
    starts = [job["TrainingStartTime"] for job in jobs]
    # Those that are let in together race.
    assert all(first <= later for first, later in zip(starts, starts[FIT:], strict=False))


def test_job_of_two_instances_waits_until_both_fit(small_emulator: TrainingClient) -> None:
    single = small_emulator.create({"on_sigterm": "save", "sleep": "600"})
    small_emulator.wait_for_line(single, "SLEEPING")
    double = small_emulator.create({"talk": "true"}, instances=2)
    small_emulator.wait_for_status(double, "Pending")
    overtaking = small_emulator.train({"run": "true"})
    assert overtaking["TrainingJobStatus"] == "Completed"
    assert small_emulator.describe(double)["SecondaryStatus"] == "Pending"
    small_emulator.stop(single)
    assert small_emulator.wait(double)["TrainingJobStatus"] == "Completed"


def test_jobs_side_by_side_keep_their_input_output_and_names_apart(emulator: TrainingClient) -> None:
    parameters = [
        {"talk": "true", "run": f"echo {number} > /opt/ml/model/number"} for number in range(JOBS // 2)
    ]
    names = [emulator.create(given, instances=2) for given in parameters]
    for number, name in enumerate(names):
        assert emulator.wait(name)["TrainingJobStatus"] == "Completed"
        files = emulator.files(name)
        assert files["number"] == f"{number}\n".encode()
        assert json.loads(files["met-algo-1.json"])["heard"] == ["algo-2"]
