"""Where the output of a transform job's containers goes, and what is told of its data (DG logging-cloudwatch)."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from emulator.clock import Clock
from emulator.domain.s3_object import S3Object
from emulator.domain.transform_job import TransformJob
from emulator.logs.escapes import escape_control_characters
from emulator.logs.log_event import LogEvent, LogGroupKey, LogStreamKey
from emulator.logs.log_store import LogStore

GROUP = "/aws/sagemaker/TransformJobs"


def instance_stream(job: TransformJob, instance: str) -> LogStreamKey:
    """`<job>/<instance id>-<seconds since the epoch>`, of the time when the job got its instances."""
    digest = sha256(f"{job.arn}{job.creation_time.isoformat()}/{instance}".encode()).hexdigest()
    start = job.progress.start_time or job.creation_time
    group = LogGroupKey(job.key.account_id, job.key.region, GROUP)
    return LogStreamKey(group, f"{job.key.name}/i-{digest[:17]}-{int(start.timestamp())}")


def container_stream(job: TransformJob, instance: str, position: int) -> LogStreamKey:
    """In a pipeline with the container's name behind it."""
    stream = instance_stream(job, instance)
    if len(job.model.pipeline) == 1:
        return stream
    return LogStreamKey(stream.group, f"{stream.name}/{job.model.container_name(position)}")


@dataclass(frozen=True)
class DataLog:
    """`<instance's stream>/data-log`: how the instance is asked, and what went wrong with which object."""

    stream: LogStreamKey
    logs: LogStore
    clock: Clock

    @classmethod
    def of(cls, job: TransformJob, instance: str, logs: LogStore, clock: Clock) -> "DataLog":
        stream = instance_stream(job, instance)
        return cls(LogStreamKey(stream.group, f"{stream.name}/data-log"), logs, clock)

    async def say(self, lines: Iterable[str], about: S3Object | None = None) -> None:
        """As real ones have it: `2020-10-14T04:08:19.666:[sagemaker logs]: bucket/key: ClientError: 400`."""
        now = self.clock.now()
        begin = f"{now.replace(tzinfo=None).isoformat(timespec='milliseconds')}:[sagemaker logs]: "
        begin += f"{about.bucket}/{about.key}: " if about else ""
        stamp = int(now.timestamp() * 10**9)
        events = [LogEvent(stamp, escape_control_characters(f"{begin}{line}")) for line in lines]
        await self.logs.put(self.stream, events, now)
