import json

import pytest
from botocore.exceptions import ClientError

from tests.e2e.training_client import TrainingClient, statuses

FAILED = ["Starting", "Downloading", "Training", "Uploading", "Failed"]


def test_exit_code_without_a_failure_file(emulator: TrainingClient) -> None:
    job = emulator.train({"exit_code": "3"})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: , exit code: 3"
    assert statuses(job) == FAILED


def test_failure_file_is_the_reason_and_artifacts_are_kept(emulator: TrainingClient) -> None:
    job = emulator.train(
        {"run": "echo half > /opt/ml/model/half", "failure": "no convergence: ε < 0", "exit_code": "1"}
    )
    assert job["FailureReason"] == "AlgorithmError: no convergence: ε < 0, exit code: 1"
    assert emulator.files(job["TrainingJobName"]) == {"half": b"half\n"}


def test_failure_file_is_ignored_where_the_container_succeeds(emulator: TrainingClient) -> None:
    job = emulator.train({"failure": "only a warning"})
    assert job["TrainingJobStatus"] == "Completed"
    assert "FailureReason" not in job


def test_failure_reason_has_at_most_1024_characters(emulator: TrainingClient) -> None:
    script = "yes é | tr -d '\\n' | head -c 100000 > /opt/ml/output/failure"
    job = emulator.train({"run": script, "exit_code": "1"})
    reason = job["FailureReason"]
    assert reason.startswith("AlgorithmError: éé")
    assert len(reason) == 1024


@pytest.mark.parametrize(
    "script", ["mkdir /opt/ml/output/failure", "ln -s /etc/hostname /opt/ml/output/failure"]
)
def test_failure_that_is_no_file_is_no_reason(emulator: TrainingClient, script: str) -> None:
    job = emulator.train({"run": script, "exit_code": "4"})
    assert job["FailureReason"] == "AlgorithmError: , exit code: 4"


def test_one_failing_host_ends_the_others_after_their_grace(patient: TrainingClient) -> None:
    job = patient.train(
        {
            "talk": "once algo-1 is ready for SIGTERM",
            "algo-1": json.dumps({"on_sigterm": "save", "sleep": "600"}),
            "algo-2": json.dumps({"failure": "diverged", "exit_code": "5"}),
        },
        instances=2,
    )
    assert job["FailureReason"] == "AlgorithmError: diverged, exit code: 5"
    name = job["TrainingJobName"]
    assert "SIGTERM" in patient.lines(name, "algo-1")
    assert patient.files(name)["saved-algo-1"] == b"saved on SIGTERM"


def test_exit_code_137_without_lack_of_memory(emulator: TrainingClient) -> None:
    job = emulator.train(algorithm={"ContainerEntrypoint": ["sh", "-c", "sh -c 'kill -9 $$'; exit $?"]})
    assert job["FailureReason"] == "AlgorithmError: , exit code: 137"


def test_missing_command(emulator: TrainingClient) -> None:
    job = emulator.train(algorithm={"ContainerEntrypoint": ["no-such-command"]})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ")
    assert "no-such-command" in job["FailureReason"]
    assert job["FailureReason"].endswith(", exit code: 127")


def test_command_that_is_not_executable(emulator: TrainingClient) -> None:
    job = emulator.train(algorithm={"ContainerEntrypoint": ["/etc/hostname"]})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].endswith(", exit code: 126")


def test_missing_image_names_itself(emulator: TrainingClient) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/no-such-image:1"
    with pytest.raises(
        ClientError, match="Cannot find repository: no-such-image in registry ID: 123456789012"
    ):
        emulator.create(algorithm={"TrainingImage": image})
    with pytest.raises(ClientError, match="cannot find the training image no-such-image:1"):
        emulator.create(algorithm={"TrainingImage": "no-such-image:1"})


def test_output_bucket_that_is_missing(emulator: TrainingClient) -> None:
    job = emulator.train(
        {"run": "echo x > /opt/ml/model/x"}, OutputDataConfig={"S3OutputPath": "s3://no-such-bucket/x"}
    )
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Artifact upload failed:")
    assert "bucket" in job["FailureReason"]
    assert statuses(job) == FAILED


@pytest.mark.ordinary_user
def test_files_that_only_root_may_read_are_kept_of_a_failed_job(emulator: TrainingClient) -> None:
    """Containers write as root; what is left is judged when the session ends."""
    script = "touch /opt/ml/model/root /opt/ml/input/data/root && chmod 0 /opt/ml/model/root"
    job = emulator.train({"run": script, "exit_code": "1"})
    assert job["FailureReason"] == "AlgorithmError: , exit code: 1"
    member, _ = emulator.artifacts(job["TrainingJobName"])["root"]
    assert (member.uid, member.mode) == (0, 0)
