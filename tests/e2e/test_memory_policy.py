"""Jobs that are larger than the budget; and what happens at a container's limit."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.training_client import TrainingClient, statuses

MIB = 2**20


@pytest.fixture(scope="module")
def tiny_emulator(launch: Launch) -> Iterator[TrainingClient]:
    with launch(MEMORY_BUDGET="300MiB") as client:
        yield client


def test_scaled_job_is_told_so_in_the_first_line_of_every_host(tiny_emulator: TrainingClient) -> None:
    job = tiny_emulator.train(
        {"run": "echo mine", "report": "true"}, instances=2, instance_type="ml.m5.24xlarge"
    )
    name = job["TrainingJobName"]
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    for host in tiny_emulator.emulator_report(name)["hosts"]:
        lines = tiny_emulator.lines(name, host["host"])
        assert lines[0].startswith("[sagemaker-training-emulator] ml.m5.24xlarge has 384.00 GiB of memory")
        assert lines == [*host["notices"], "mine"]
        assert host["nominal_memory_bytes"] == 384 * 1024 * MIB
        assert host["memory_limit_bytes"] == 150 * MIB
        seen = tiny_emulator.report(name, host["host"])
        assert int(seen["limits"]["memory"]) == 150 * MIB
        assert seen["shm"] == 75 * MIB


def test_job_that_fits_is_told_nothing(emulator: TrainingClient) -> None:
    job = emulator.train({"run": "echo mine"})
    assert emulator.lines(job["TrainingJobName"]) == ["mine"]
    assert emulator.emulator_report(job["TrainingJobName"])["hosts"][0]["notices"] == []


def test_out_of_memory_names_host_type_limit_and_peak(tiny_emulator: TrainingClient) -> None:
    job = tiny_emulator.train({"run": "echo half > /opt/ml/model/half", "allocate_mib": "400"})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        "ClientError: Please use an instance type with more memory, or reduce the size of job data processed "
        "on an instance. (algo-1, ml.t3.medium: memory limit 300 MiB, peak 300 MiB)"
    )
    assert statuses(job)[-2:] == ["Uploading", "Failed"]
    assert list(tiny_emulator.files(job["TrainingJobName"])) == ["half"]


def test_strict_policy_fails_a_job_that_never_fits(launch: Launch) -> None:
    with launch(MEMORY_BUDGET="300MiB", MEMORY_POLICY="strict") as strict:
        job = strict.train()
        assert job["TrainingJobStatus"] == "Failed"
        assert job["FailureReason"] == (
            "CapacityError: Unable to provision requested ML compute capacity. "
            "Please retry using a different ML instance type."
        )
        assert statuses(job) == ["Starting", "Failed"]
        assert strict.keys(f"output/{job['TrainingJobName']}") == []
