"""What CloudWatch knows of invocations (DG monitoring-cloudwatch, "Endpoint invocation metrics").

Summed up in memory and stored every few seconds, so that an invocation waits for no disk. A killed process loses the
seconds that were not stored.
"""

import logging
from dataclasses import dataclass, field

import anyio

from emulator.clock import Clock
from emulator.domain.arn import ResourceKey
from emulator.metrics.metric import DataPoint, MetricKey
from emulator.metrics.metric_store import MetricStore

log = logging.getLogger(__name__)

NAMESPACE = "AWS/SageMaker"
FLUSH_PERIOD = 5.0
"""Seconds. AWS publishes once a minute."""

FLUSH_LIMIT = 5.0
"""Seconds for the last time, when the emulator goes down."""

RECENT_LIMIT = 1000
"""Invocations that are summed up at once."""

SIGNIFICANT_DIGITS = 3
"""Of the latencies that percentiles are made from; sums, minima and maxima are exact."""


@dataclass
class _Sum:
    count: int = 0
    total: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    counts: dict[float, float] = field(default_factory=dict)
    """Rounded value -> how often; a few thousand entries for any latencies at all."""

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.minimum, self.maximum = min(self.minimum, value), max(self.maximum, value)
        rounded = float(f"{value:.{SIGNIFICANT_DIGITS}g}")
        self.counts[rounded] = self.counts.get(rounded, 0.0) + 1

    def point(self, time_ms: int, unit: str) -> DataPoint:
        counts = tuple(self.counts.items())
        return DataPoint(time_ms, self.count, self.total, self.minimum, self.maximum, unit, counts)


@dataclass
class Invoked:
    """One invocation that reached a variant's model, or should have."""

    endpoint: ResourceKey
    variant: str
    instances: int
    """How many the variant had in service; 0 where it is serverless and was not awake."""
    error_status: int = 0
    """4xx or 5xx where it failed."""
    total_seconds: float = 0.0
    model_seconds: float | None = None
    """None where no model answered."""


class InvocationMetrics:
    def __init__(self, store: MetricStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._recent: list[Invoked] = []
        self._sums: dict[tuple[ResourceKey, str, str, str], _Sum] = {}

    def record(self, invoked: Invoked) -> None:
        """Costs next to nothing: nearly all is done for many of them at once."""
        self._recent.append(invoked)
        if len(self._recent) >= RECENT_LIMIT:
            self._sum_up()

    def _sum_up(self) -> None:
        for invoked in self._recent:
            status = invoked.error_status
            self._add(invoked, "Invocations", "None", 1)
            if invoked.instances:
                self._add(invoked, "InvocationsPerInstance", "None", 1 / invoked.instances)
            self._add(invoked, "Invocation4XXErrors", "None", 400 <= status < 500)
            self._add(invoked, "Invocation5XXErrors", "None", status >= 500)
            self._add(invoked, "InvocationModelErrors", "None", status > 0)
            if invoked.model_seconds is not None:
                overhead = max(0.0, invoked.total_seconds - invoked.model_seconds)
                self._add(invoked, "ModelLatency", "Microseconds", invoked.model_seconds * 1e6)
                self._add(invoked, "OverheadLatency", "Microseconds", overhead * 1e6)
        self._recent.clear()

    def _add(self, invoked: Invoked, name: str, unit: str, value: float) -> None:
        self._sums.setdefault((invoked.endpoint, invoked.variant, name, unit), _Sum()).add(value)

    async def run(self) -> None:
        """Store until cancelled, and then what is left."""
        try:
            while True:
                await anyio.sleep(FLUSH_PERIOD)
                await self.flush()
        finally:
            with anyio.move_on_after(FLUSH_LIMIT, shield=True):
                await self.flush()

    async def flush(self) -> None:
        self._sum_up()
        sums, self._sums = self._sums, {}
        time_ms = int(self._clock.now().timestamp() * 1000)
        points = {}
        for (endpoint, variant, name, unit), total in sums.items():
            dimensions = (("EndpointName", endpoint.name), ("VariantName", variant))
            metric = MetricKey(endpoint.account_id, endpoint.region, NAMESPACE, name, dimensions)
            points[metric] = [total.point(time_ms, unit)]
        try:
            await self._store.put(points)
        except Exception:
            log.exception("The metrics of %d invocations were not stored.", len(points))
