"""What CreateTrainingJob demands of the input's places, before there is a job."""

from collections.abc import Callable
from functools import partial

from anyio import CapacityLimiter

from emulator.blocking import blocking
from emulator.domain import errors
from emulator.domain.channel import Channel, FileSystemDataSource, S3DataSource, S3DataType
from emulator.domain.errors import ServiceError, validation_error
from emulator.domain.s3_fault import S3Fault
from emulator.domain.training_job import TrainingJobRequest
from emulator.file_systems import find_directory
from emulator.operations.registry import Call


async def require_input(call: Call, request: TrainingJobRequest) -> None:
    """Raise AWS's refusal for a channel without any object, ours for a directory that is not there.

    A manifest has to exist; what it says is looked at when the job downloads its input.
    """
    for channel in request.input_data_config:
        if channel.file_system is not None:
            await _require_directory(call, channel, channel.file_system)
        else:
            await require_objects(call, channel.source, request.role_arn)


async def _require_directory(call: Call, channel: Channel, source: FileSystemDataSource) -> None:
    try:
        await blocking(CapacityLimiter(1), find_directory, source, call.parts.file_systems)
    except ValueError as error:
        raise validation_error(f"Channel {channel.channel_name}: {error}.") from error


async def require_objects(call: Call, source: S3DataSource, role: str) -> None:
    """SageMaker lists every S3 input before it accepts a job. Raises its refusal."""
    uri = source.uri
    refusal = partial(errors.no_objects_found, source.s3_uri, call.caller.region, role, uri.bucket)
    await _require_region(call, uri.bucket, refusal)
    try:
        if source.s3_data_type is S3DataType.S3_PREFIX:
            found = await anext(call.parts.objects.list(uri), None)
        else:
            found = await call.parts.objects.stat(uri)
    except S3Fault as fault:
        raise refusal(fault.message) from fault
    if found is None:
        raise refusal()


async def _require_region(call: Call, bucket: str, refusal: Callable[[str], ServiceError]) -> None:
    """The job's own Region, as API S3DataSource$S3Uri demands. A bucket that is nowhere is left to the listing."""
    region = await call.parts.objects.bucket_region(bucket)
    if region is not None and region != call.caller.region:
        raise refusal(errors.bucket_elsewhere(region))
