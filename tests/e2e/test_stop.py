"""StopTrainingJob in every phase."""

from collections.abc import Iterator

import docker
import pytest
from botocore.exceptions import ClientError

from tests.e2e.conftest import Launch
from tests.e2e.held_containers import WAIT, release
from tests.e2e.slow_s3 import SlowS3, running_slow_s3
from tests.e2e.training_client import BUCKET, TrainingClient, channel, statuses


@pytest.fixture(scope="module")
def slow_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlowS3]:
    with running_slow_s3(tmp_path_factory.mktemp("slow-s3")) as s3:
        yield s3


@pytest.fixture(scope="module")
def slow_emulator(launch: Launch, slow_s3: SlowS3) -> Iterator[TrainingClient]:
    """Its S3 is slow; and it has room for one job at a time."""
    settings = {"S3_ENDPOINT_URL": slow_s3.url, "S3_ACCESS_KEY": "test", "S3_SECRET_KEY": "test"}
    with launch(MEMORY_BUDGET="4GiB", **settings) as client:
        yield client


def test_stop_while_pending(slow_emulator: TrainingClient) -> None:
    first = slow_emulator.create({"on_sigterm": "save", "sleep": "600"})
    slow_emulator.wait_for_line(first, "SLEEPING")
    second = slow_emulator.create()
    pending = slow_emulator.wait_for_status(second, "Pending")
    assert pending["SecondaryStatusTransitions"][-1]["StatusMessage"] == "Training job waiting for capacity"

    slow_emulator.stop(second)
    stopped = slow_emulator.wait(second)
    assert statuses(stopped) == ["Starting", "Pending", "Stopping", "Stopped"]
    assert "ModelArtifacts" not in stopped
    assert "TrainingStartTime" not in stopped
    assert "TrainingTimeInSeconds" not in stopped
    assert slow_emulator.describe(first)["SecondaryStatus"] == "Training"
    slow_emulator.stop(first)
    slow_emulator.wait(first)


@pytest.mark.ordinary_user
def test_stop_while_downloading(slow_emulator: TrainingClient) -> None:
    uri = slow_emulator.put({"slow": bytes(60 * 2**20)})
    name = slow_emulator.create(channels=[channel("train", uri)])
    slow_emulator.wait_for_status(name, "Downloading")
    slow_emulator.stop(name)
    stopped = slow_emulator.wait(name)
    assert statuses(stopped) == ["Starting", "Downloading", "Stopping", "Stopped"]
    assert stopped["TrainingJobStatus"] == "Stopped"
    assert "ModelArtifacts" not in stopped
    assert slow_emulator.lines(name) == []
    assert slow_emulator.keys(f"output/{name}") == []


@pytest.mark.ordinary_user
def test_stop_while_training_keeps_what_is_saved_on_sigterm(patient: TrainingClient) -> None:
    name = patient.create({"on_sigterm": "save", "sleep": "600"}, instances=2)
    for host in ("algo-1", "algo-2"):
        patient.wait_for_line(name, "SLEEPING", host)
    patient.stop(name)
    assert patient.describe(name)["TrainingJobStatus"] in ("Stopping", "Stopped")
    stopped = patient.wait(name)
    assert stopped["SecondaryStatus"] == "Stopped"
    assert statuses(stopped) == ["Starting", "Downloading", "Training", "Stopping", "Uploading", "Stopped"]
    assert sorted(patient.files(name)) == ["saved-algo-1", "saved-algo-2"]
    assert stopped["ModelArtifacts"]["S3ModelArtifacts"].endswith(f"/{name}/output/model.tar.gz")


def test_stop_while_training_kills_after_the_grace(emulator: TrainingClient) -> None:
    script = "echo early > /opt/ml/model/early"
    name = emulator.create({"on_sigterm": "ignore", "run": script, "sleep": "600"})
    emulator.wait_for_line(name, "SLEEPING")
    emulator.stop(name)
    stopped = emulator.wait(name)
    assert stopped["SecondaryStatus"] == "Stopped"
    assert "FailureReason" not in stopped
    (stopping,) = (t for t in stopped["SecondaryStatusTransitions"] if t["Status"] == "Stopping")
    assert (stopping["EndTime"] - stopping["StartTime"]).total_seconds() >= 2.4
    assert emulator.files(name) == {"early": b"early\n"}


def test_stop_while_uploading(slow_emulator: TrainingClient, slow_s3: SlowS3) -> None:
    output = {"S3OutputPath": f"s3://{BUCKET}/held"}
    name = slow_emulator.create({"run": "echo x > /opt/ml/model/x"}, OutputDataConfig=output)
    slow_emulator.wait_for_status(name, "Uploading")
    slow_emulator.stop(name)
    assert slow_emulator.describe(name)["TrainingJobStatus"] == "Stopping"
    slow_s3.release()
    stopped = slow_emulator.wait(name)
    assert (stopped["TrainingJobStatus"], stopped["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert slow_emulator.keys(f"held/{name}/") == [f"held/{name}/output/model.tar.gz"]


def test_stop_right_after_create(emulator: TrainingClient) -> None:
    name = emulator.create({"on_sigterm": "save", "sleep": "600"})
    emulator.stop(name)
    assert emulator.wait(name)["SecondaryStatus"] == "Stopped"


def test_second_stop_is_accepted_and_changes_nothing(
    patient: TrainingClient, engine: docker.DockerClient
) -> None:
    name = patient.create({"on_sigterm": "ignore", "run": f"echo UP; {WAIT}"})
    patient.wait_for_line(name, "UP")
    patient.stop(name)
    patient.wait_for_status(name, "Stopping")
    patient.stop(name)
    release(engine, name)
    stopped = patient.wait(name)
    assert stopped["SecondaryStatus"] == "Stopped"
    assert statuses(stopped).count("Stopping") == 1


def test_stop_of_a_finished_job_is_refused(emulator: TrainingClient) -> None:
    name = emulator.train()["TrainingJobName"]
    with pytest.raises(ClientError) as refusal:
        emulator.stop(name)
    assert refusal.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "The request was rejected because the training job is in status Completed.",
    }


def test_stop_leaves_the_input_in_s3(slow_emulator: TrainingClient) -> None:
    """A job that was stopped while it downloaded can be run again at once."""
    uri = slow_emulator.put({"small": b"small"})
    name = slow_emulator.create(channels=[channel("train", uri)])
    slow_emulator.stop(name)
    slow_emulator.wait(name)
    again = slow_emulator.train({"run": "cat /opt/ml/input/data/train/small"}, [channel("train", uri)])
    assert slow_emulator.lines(again["TrainingJobName"]) == ["small"]
