"""A host's output, on its way to its log stream (group /aws/sagemaker/TrainingJobs)."""

from collections.abc import Sequence

from emulator.domain.cluster import LogLine
from emulator.domain.training_job import TrainingJob
from emulator.logs.escapes import escape_control_characters
from emulator.logs.log_event import LogEvent, LogGroupKey, LogStreamKey
from emulator.logs.log_store import LogStore
from emulator.training.parts import TrainingParts

GROUP = "/aws/sagemaker/TrainingJobs"


def log_stream(job: TrainingJob, host: str) -> LogStreamKey:
    """`<job>/algo-N-<seconds since the epoch>` of the start of training."""
    start = job.progress.training_start_time or job.creation_time
    name = f"{job.key.name}/{host}-{int(start.timestamp())}"
    return LogStreamKey(LogGroupKey(job.key.account_id, job.key.region, GROUP), name)


async def open_streams(job: TrainingJob, hosts: Sequence[str], parts: TrainingParts) -> None:
    """Make every host's stream, also for one that never writes: SDK v3 waits for all of them."""
    notices = job.progress.placement.notices if job.progress.placement else {}
    stamp = int(job.creation_time.timestamp()) * 10**9
    for host in hosts:
        stream = log_stream(job, host)
        await parts.logs.create_stream(stream, parts.clock.now())
        if await parts.logs.last_timestamp_ns(stream) is None and notices.get(host):
            await parts.logs.put(stream, [LogEvent(stamp, text) for text in notices[host]], parts.clock.now())


class LogPump:
    """Takes one host's lines; the sink of `ComputeBackend.watch`."""

    def __init__(self, stream: LogStreamKey, parts: TrainingParts) -> None:
        self._stream = stream
        self._logs: LogStore = parts.logs
        self._clock = parts.clock

    async def position(self) -> int:
        """Nanoseconds: lines up to here are in the store."""
        return await self._logs.last_timestamp_ns(self._stream) or 0

    async def put(self, lines: Sequence[LogLine]) -> None:
        events = [LogEvent(line.timestamp_ns, escape_control_characters(line.message)) for line in lines]
        await self._logs.put(self._stream, events, self._clock.now())
