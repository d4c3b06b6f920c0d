"""What an instance uses, as CloudWatch metrics of its host.

Source: DG monitoring-cloudwatch, "SageMaker training jobs": CPUUtilization 0 to 100 times the number of cores,
MemoryUtilization and DiskUtilization in percent, one point a minute, dimension Host=`<job>/algo-N`.
"""

from dataclasses import dataclass, field

from emulator.domain.cluster import Limits, UsageSample
from emulator.domain.training_job import TrainingJob
from emulator.metrics.metric import MetricKey, single_value
from emulator.metrics.metric_store import MetricStore
from emulator.training.algorithm_metrics import NAMESPACE
from emulator.training.volume import volume_sizes

MINUTE_NS = 60 * 10**9
_NS_PER_MS = 1_000_000


@dataclass
class InstanceMetrics:
    """Makes one point a minute of one host's samples: their mean, at the time of the last one.

    What a minute has so far is lost with the process, and the next one goes on without it.
    """

    job: TrainingJob
    host: str
    limits: Limits
    store: MetricStore
    _minute: list[UsageSample] = field(default_factory=list)
    _disk_bytes: int | None = None

    async def put(self, sample: UsageSample) -> None:
        """The sink of `ComputeBackend.watch`."""
        if self._minute and sample.timestamp_ns // MINUTE_NS != self._minute[-1].timestamp_ns // MINUTE_NS:
            await self.flush()
        self._minute.append(sample)
        self._disk_bytes = self._disk_bytes if sample.disk_bytes is None else sample.disk_bytes

    async def flush(self) -> None:
        """Publish the minute as far as it has come."""
        samples, self._minute = self._minute, []
        if not samples:
            return
        time_ms = samples[-1].timestamp_ns // _NS_PER_MS
        values = self._values(samples)
        await self.store.put({self._key(n): [single_value(time_ms, v, "Percent")] for n, v in values.items()})

    def _values(self, samples: list[UsageSample]) -> dict[str, float]:
        memory = sum(sample.memory_bytes for sample in samples) / len(samples)
        values = {
            "CPUUtilization": sum(sample.cpu_percent for sample in samples) / len(samples),
            "MemoryUtilization": min(100.0, 100 * memory / self.limits.memory_bytes),
        }
        if self._disk_bytes is not None:
            used = self._disk_bytes + self.job.progress.input_bytes.get(self.host, 0)
            volume = volume_sizes(self.job.request.resource_config)[self.host]
            values["DiskUtilization"] = min(100.0, 100 * used / volume)
        return values

    def _key(self, name: str) -> MetricKey:
        dimensions = (("Host", f"{self.job.key.name}/{self.host}"),)
        return MetricKey(self.job.key.account_id, self.job.key.region, NAMESPACE, name, dimensions)
