"""Statuses of a training job and the moves between them (API SecondaryStatusTransition)."""

from enum import StrEnum


class TrainingJobStatus(StrEnum):
    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"


class SecondaryStatus(StrEnum):
    STARTING = "Starting"
    PENDING = "Pending"
    DOWNLOADING = "Downloading"
    TRAINING = "Training"
    STOPPING = "Stopping"
    UPLOADING = "Uploading"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"
    MAX_RUNTIME_EXCEEDED = "MaxRuntimeExceeded"
    MAX_WAIT_TIME_EXCEEDED = "MaxWaitTimeExceeded"
    INTERRUPTED = "Interrupted"

    @property
    def is_final(self) -> bool:
        return self in FINAL


S = SecondaryStatus

FINAL = {
    S.COMPLETED: TrainingJobStatus.COMPLETED,
    S.FAILED: TrainingJobStatus.FAILED,
    S.STOPPED: TrainingJobStatus.STOPPED,
    S.MAX_RUNTIME_EXCEEDED: TrainingJobStatus.STOPPED,
    S.MAX_WAIT_TIME_EXCEEDED: TrainingJobStatus.STOPPED,
}

_STOPS = {S.STOPPED, S.MAX_RUNTIME_EXCEEDED, S.MAX_WAIT_TIME_EXCEEDED}
_NEXT_RUN = {S.STARTING, S.INTERRUPTED}

MOVES: dict[SecondaryStatus, set[SecondaryStatus]] = {
    S.STARTING: {S.PENDING, S.DOWNLOADING, S.STOPPING, S.FAILED},
    S.PENDING: {S.STARTING, S.DOWNLOADING, S.STOPPING, S.FAILED},
    S.DOWNLOADING: {S.TRAINING, S.STOPPING, S.FAILED, *_NEXT_RUN},
    S.TRAINING: {S.STOPPING, S.UPLOADING, S.FAILED, *_NEXT_RUN},
    S.INTERRUPTED: {S.STARTING, S.STOPPING, S.FAILED},
    S.STOPPING: {S.UPLOADING, S.FAILED, *_STOPS},
    S.UPLOADING: {S.COMPLETED, S.FAILED, *_STOPS},
    S.COMPLETED: set(),
    S.FAILED: set(),
    S.STOPPED: set(),
    S.MAX_RUNTIME_EXCEEDED: set(),
    S.MAX_WAIT_TIME_EXCEEDED: set(),
}
"""Which secondary status may follow which. Failed jobs pass through Uploading, as at AWS."""


class Message:
    """StatusMessage texts; those without a public capture are our choice (docs/fidelity.md)."""

    STARTING = "Starting the training job"
    PREPARING = "Preparing the instances for training"
    PENDING = "Training job waiting for capacity"
    DOWNLOADING = "Downloading input data"
    DOWNLOADING_IMAGE = "Downloading the training image"
    TRAINING = "Training image download completed. Training in progress."
    STOPPING = "Stopping the training job"
    UPLOADING = "Uploading generated training model"
    INTERRUPTED = "The spot instances were interrupted; the training job waits for new ones"
    RETAINED = "Resource retained for reuse"
    REUSED = "Resource reused by training job:"
    RESTARTING = "Restarting the training job after an internal error"


FINAL_MESSAGES = {
    S.COMPLETED: "Training job completed",
    S.FAILED: "Training job failed",
    S.STOPPED: "Training job stopped",
    S.MAX_RUNTIME_EXCEEDED: "Training job runtime exceeded MaxRuntimeInSeconds provided",
    S.MAX_WAIT_TIME_EXCEEDED: "Training job exceeded MaxWaitTimeInSeconds provided",
}
