from itertools import pairwise
from typing import Any

import pytest

from emulator.domain.status import FINAL, FINAL_MESSAGES, MOVES, Message, SecondaryStatus, TrainingJobStatus

S = SecondaryStatus

REAL_PATHS = {
    "success": "Starting Downloading Training Uploading Completed",
    "success after a wait for capacity": "Starting Pending Downloading Training Uploading Completed",
    "capacity found, then instances prepared": "Starting Pending Starting Downloading Training",
    "algorithm failed": "Starting Downloading Training Uploading Failed",
    "no capacity under strict": "Starting Failed",
    "download failed": "Starting Downloading Failed",
    "upload failed": "Starting Downloading Training Uploading Failed",
    "stopped before capacity": "Starting Pending Stopping Stopped",
    "stopped while starting": "Starting Stopping Stopped",
    "stopped while downloading": "Starting Downloading Stopping Stopped",
    "stopped while training": "Starting Downloading Training Stopping Uploading Stopped",
    "stopped while uploading": "Starting Downloading Training Uploading Stopped",
    "ran too long": "Starting Downloading Training Stopping Uploading MaxRuntimeExceeded",
    "downloaded too long": "Starting Downloading Stopping MaxRuntimeExceeded",
}


@pytest.mark.parametrize("path", REAL_PATHS.values(), ids=REAL_PATHS.keys())
def test_moves_allow_the_paths_of_real_jobs(path: str) -> None:
    statuses = [S(name) for name in path.split()]

    assert all(after in MOVES[before] for before, after in pairwise(statuses))


@pytest.mark.parametrize(
    "move",
    [
        "Starting Training",
        "Starting Uploading",
        "Starting Completed",
        "Pending Completed",
        "Downloading Uploading",
        "Downloading Completed",
        "Training Completed",
        "Training Downloading",
        "Training Stopped",
        "Stopping Training",
        "Stopping Completed",
        "Uploading Training",
        "Uploading Stopping",
        "Failed Starting",
        "Completed Failed",
        "Stopped Uploading",
    ],
)
def test_moves_forbid_what_no_job_does(move: str) -> None:
    before, after = move.split()

    assert S(after) not in MOVES[S(before)]


def test_moves_know_every_status_and_lead_nowhere_from_a_final_one() -> None:
    assert MOVES.keys() == set(S)
    assert {status for status, following in MOVES.items() if not following} == FINAL.keys()
    assert not any(status in following for status, following in MOVES.items())


def test_final_statuses_are_those_of_the_api() -> None:
    assert FINAL == {
        S.COMPLETED: TrainingJobStatus.COMPLETED,
        S.FAILED: TrainingJobStatus.FAILED,
        S.STOPPED: TrainingJobStatus.STOPPED,
        S.MAX_RUNTIME_EXCEEDED: TrainingJobStatus.STOPPED,
        S.MAX_WAIT_TIME_EXCEEDED: TrainingJobStatus.STOPPED,
    }
    assert [status for status in S if status.is_final] == list(FINAL)


def test_statuses_have_the_spelling_of_the_api(service_model: Any) -> None:
    assert set(S) <= set(service_model.shape_for("SecondaryStatus").enum)
    assert set(TrainingJobStatus) <= set(service_model.shape_for("TrainingJobStatus").enum)


def test_messages_are_those_of_real_jobs() -> None:
    assert Message.STARTING == "Starting the training job"
    assert Message.PREPARING == "Preparing the instances for training"
    assert Message.PENDING == "Training job waiting for capacity"
    assert Message.DOWNLOADING == "Downloading input data"
    assert Message.DOWNLOADING_IMAGE == "Downloading the training image"
    assert Message.TRAINING == "Training image download completed. Training in progress."
    assert Message.STOPPING == "Stopping the training job"
    assert Message.UPLOADING == "Uploading generated training model"
    assert FINAL_MESSAGES == {
        S.COMPLETED: "Training job completed",
        S.FAILED: "Training job failed",
        S.STOPPED: "Training job stopped",
        S.MAX_RUNTIME_EXCEEDED: "Training job runtime exceeded MaxRuntimeInSeconds provided",
        S.MAX_WAIT_TIME_EXCEEDED: "Training job exceeded MaxWaitTimeInSeconds provided",
    }
