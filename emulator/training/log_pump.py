"""A host's output, on its way to its log stream (group /aws/sagemaker/TrainingJobs) and to its metrics."""

from collections.abc import Sequence

from emulator.blocking import blocking
from emulator.domain.cluster import LogLine
from emulator.domain.placement import NOTICE
from emulator.domain.training_job import TrainingJob
from emulator.logs.escapes import escape_control_characters
from emulator.logs.log_event import LogEvent, LogGroupKey, LogStreamKey
from emulator.training.algorithm_metrics import AlgorithmMetrics
from emulator.training.parts import TrainingParts

GROUP = "/aws/sagemaker/TrainingJobs"
GIVEN_UP = (
    f"{NOTICE} The Regex of metric {{}} takes too long on this host's lines and is not looked for any more; "
    "make it simpler."
)


def log_stream(job: TrainingJob, host: str) -> LogStreamKey:
    """`<job>/algo-N-<seconds since the epoch>` of the start of training."""
    start = job.progress.run_start_time or job.creation_time
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

    def __init__(self, job: TrainingJob, host: str, parts: TrainingParts) -> None:
        self._stream = log_stream(job, host)
        self._logs = parts.logs
        self._metrics = AlgorithmMetrics(job, host, parts)
        self._clock = parts.clock
        self._limiter = parts.lines

    async def position(self) -> int:
        """Nanoseconds: lines up to here are in the store."""
        return await self._logs.last_timestamp_ns(self._stream) or 0

    async def put(self, lines: Sequence[LogLine]) -> None:
        """Metrics first: lines that are stored are never read again."""
        escaped = await blocking(self._limiter, _escaped, lines)
        given_up = await self._metrics.put(escaped)
        events = [LogEvent(*line) for line in escaped]
        events += [LogEvent(lines[-1].timestamp_ns, GIVEN_UP.format(name)) for name in given_up]
        await self._logs.put(self._stream, events, self._clock.now())


def _escaped(lines: Sequence[LogLine]) -> list[LogLine]:
    return [line._replace(message=escape_control_characters(line.message)) for line in lines]
