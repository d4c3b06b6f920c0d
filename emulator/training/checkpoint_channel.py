"""Pure: the checkpoints of an earlier job or run as the channel that SageMaker makes of them; it may be empty."""

from emulator.domain.channel import Channel
from emulator.domain.sync_directory import SyncDirectory, SyncKind, sync_directories
from emulator.domain.training_job import TrainingJobRequest

NAME = "checkpoints"


def checkpoint_directory(request: TrainingJobRequest) -> SyncDirectory | None:
    found = [each for each in sync_directories(request) if each.kind is SyncKind.CHECKPOINTS]
    return found[0] if found else None


def checkpoint_channel(directory: SyncDirectory) -> Channel:
    """What lies in the folder of CheckpointConfig$S3Uri, with or without its slash, for every host alike."""
    bucket, key = directory.folder
    folder = f"{key.rstrip('/')}/" if key.rstrip("/") else ""
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{folder}"}
    document = {"ChannelName": NAME, "InputMode": "File", "DataSource": {"S3DataSource": source}}
    return Channel.model_validate(document)
