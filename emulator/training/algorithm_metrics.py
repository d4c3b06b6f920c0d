"""Metrics that log lines tell (MetricDefinitions), in CloudWatch and in FinalMetricDataList.

Source: DG training-metrics; the dimension is TrainingJobName, for all hosts together. The order of writing makes it
crash safe: points come before their log lines, so lines that are read again give points that are there already, and
the store drops those.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic

from emulator.blocking import blocking
from emulator.domain.cluster import LogLine
from emulator.domain.metric_definition import MetricTap
from emulator.domain.progress import FinalMetric
from emulator.domain.training_job import TrainingJob
from emulator.metrics.metric import DataPoint, MetricKey, single_value
from emulator.training.parts import TrainingParts

NAMESPACE = "/aws/sagemaker/TrainingJobs"
_NS_PER_MS = 1_000_000
_ORDINALS, _HOSTS = 2**24, 2**16

TURN_SECONDS = 0.1
"""Then another host's lines have their turn."""

Points = Mapping[MetricKey, Sequence[DataPoint]]
Step = tuple[MetricKey, DataPoint] | None
"""What one search for one definition in one line found."""


def algorithm_metric(job: TrainingJob, name: str) -> MetricKey:
    dimensions = (("TrainingJobName", job.key.name),)
    return MetricKey(job.key.account_id, job.key.region, NAMESPACE, name, dimensions)


class AlgorithmMetrics:
    """Measures one host's lines, in their order."""

    def __init__(self, job: TrainingJob, host: str, parts: TrainingParts) -> None:
        definitions = job.request.algorithm_specification.metric_definitions
        self._job = job
        self._parts = parts
        self._tap = MetricTap(definitions) if definitions else None
        self._host_number = int(host.rpartition("-")[2])
        self._last = (0, -1)

    async def put(self, lines: Sequence[LogLine]) -> list[str]:
        """Store what the lines tell, control characters escaped already. Names of metrics given up because of them."""
        if self._tap is None:
            return []
        given_up = len(self._tap.given_up)
        steps, is_over = self._measure(self._tap, lines), False
        while not is_over:
            points, is_over = await blocking(self._parts.taps, _take_turn, steps)
            await self._parts.metrics.put(points)
        return self._tap.given_up[given_up:]

    def _measure(self, tap: MetricTap, lines: Sequence[LogLine]) -> Iterator[Step]:
        for line in lines:
            identity = self._identity(line.timestamp_ns)
            for found in tap.find(line.message):
                if found is None:
                    yield None
                    continue
                time_ms = line.timestamp_ns // _NS_PER_MS
                point = single_value(time_ms, found.value, identity=identity)
                yield algorithm_metric(self._job, found.name), point

    def _identity(self, timestamp_ns: int) -> int:
        """The same for the same line whenever it is read: nanoseconds, host, number among lines of that time."""
        ordinal = self._last[1] + 1 if self._last[0] == timestamp_ns else 0
        self._last = (timestamp_ns, ordinal)
        nanoseconds = timestamp_ns % _NS_PER_MS
        return (nanoseconds * _HOSTS + self._host_number % _HOSTS) * _ORDINALS + ordinal % _ORDINALS


def _take_turn(steps: Iterator[Step]) -> tuple[Points, bool]:
    """What is found in one turn, and whether that is all there is."""
    points: dict[MetricKey, list[DataPoint]] = {}
    end = monotonic() + TURN_SECONDS
    for step in steps:
        if step is not None:
            points.setdefault(step[0], []).append(step[1])
        if monotonic() >= end:
            return points, False
    return points, True


async def final_metrics(job: TrainingJob, parts: TrainingParts) -> tuple[FinalMetric, ...]:
    """The last value of each metric that was seen, in the order of the definitions, as real answers show it."""
    names = [definition["Name"] for definition in job.request.algorithm_specification.metric_definitions]
    since_ms = int(job.creation_time.timestamp() * 1000)
    found = []
    for name in dict.fromkeys(names):
        last = await parts.metrics.last(algorithm_metric(job, name), since_ms)
        if last is not None:
            time = datetime.fromtimestamp(last.timestamp_ms // 1000, UTC)
            found.append(FinalMetric(name=name, value=to_float32(last.total), timestamp=time))
    return tuple(found)


def to_float32(value: float) -> float:
    """The nearest single-precision number, the largest one for what is beyond."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return 3.4028234663852886e38 if value > 0 else -3.4028234663852886e38
