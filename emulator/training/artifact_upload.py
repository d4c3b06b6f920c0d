"""Uploading: what the hosts left in /opt/ml/model and /opt/ml/output/data goes to S3.

May be entered again: it writes the same objects anew.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from anyio import from_thread

from emulator.blocking import blocking
from emulator.domain.failure_reason import JobFailure
from emulator.domain.s3_uri import S3Uri
from emulator.domain.training_job import TrainingJob
from emulator.training.model_artifacts import upload_archive
from emulator.training.model_files import upload_files
from emulator.training.opt_ml import MODEL, OUTPUT_DATA
from emulator.training.parts import TrainingParts
from emulator.training.plan import cluster_name
from emulator.training.volume import VolumeOutgrownError, volume_sizes


async def upload_artifacts(job: TrainingJob, parts: TrainingParts) -> None:
    """One archive or single files, as OutputDataConfig$CompressionType says. What outgrew its volume is left out.

    Raises JobFailure.
    """
    output, name = job.request.output_data_config, job.key.name
    upload = _upload_archive if output.is_compressed else _upload_files
    outgrown: JobFailure | None = None
    for directory, target in ((MODEL, output.model_uri(name)), (OUTPUT_DATA, output.data_uri(name))):
        try:
            await blocking(parts.archives, upload, job, parts, directory, target)
        except VolumeOutgrownError as failure:
            outgrown = outgrown or JobFailure(f"{failure.reason} ({target})")
        except JobFailure as failure:
            raise JobFailure(f"{failure.reason} ({target})") from failure
    if outgrown is not None:
        raise outgrown


def _upload_archive(job: TrainingJob, parts: TrainingParts, directory: str, target: S3Uri) -> None:
    archive = partial(_archive, job, parts, f"{directory}/.")
    upload_archive(volume_sizes(job.request.resource_config), archive, parts.objects.writer(target))


def _upload_files(job: TrainingJob, parts: TrainingParts, directory: str, target: S3Uri) -> None:
    upload_files(
        volume_sizes(job.request.resource_config),
        archive=partial(_archive, job, parts, f"{directory}/."),
        file=lambda host, name: _archive(job, parts, f"{directory}/{name}", host),
        folder=target,
        writer=parts.objects.writer,
    )


@contextmanager
def _archive(
    job: TrainingJob, parts: TrainingParts, path: str, host: str
) -> Iterator[Iterator[bytes] | None]:
    """For a worker thread: what the host has at the path, until this process goes down."""
    with parts.compute.archive(cluster_name(job), host, path) as stream:
        yield None if stream is None else _until_cancelled(stream)


def _until_cancelled(stream: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in stream:
        from_thread.check_cancelled()
        yield chunk
