import pytest

from tests.e2e.training_client import TrainingClient, statuses

TWO_SECONDS = {"MaxRuntimeInSeconds": 2}
ENOUGH = {"MaxRuntimeInSeconds": 15}
"""For a container to be there and to listen to SIGTERM."""


def test_max_runtime_ends_in_stopped_with_artifacts(patient: TrainingClient) -> None:
    job = patient.train({"on_sigterm": "save", "sleep": "600"}, StoppingCondition=ENOUGH)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert statuses(job) == [
        "Starting",
        "Downloading",
        "Training",
        "Stopping",
        "Uploading",
        "MaxRuntimeExceeded",
    ]
    assert "FailureReason" not in job
    (stopping,) = (t for t in job["SecondaryStatusTransitions"] if t["Status"] == "Stopping")
    # Both times are cut to milliseconds.
    assert (stopping["StartTime"] - job["TrainingStartTime"]).total_seconds() >= 14.998
    assert patient.files(job["TrainingJobName"]) == {"saved-algo-1": b"saved on SIGTERM"}


def test_job_that_ends_before_its_max_runtime_is_completed(emulator: TrainingClient) -> None:
    job = emulator.train({"run": "true"}, StoppingCondition={"MaxRuntimeInSeconds": 60})
    assert job["SecondaryStatus"] == "Completed"


@pytest.mark.parametrize("code", ["0", "1"])
def test_exit_code_after_max_runtime_does_not_matter(emulator: TrainingClient, code: str) -> None:
    command = ["sh", "-c", f"trap 'exit {code}' TERM; while :; do sleep 0.1; done"]
    job = emulator.train(algorithm={"ContainerEntrypoint": command}, StoppingCondition=TWO_SECONDS)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
