"""How far a training job is: the part of its row that only the job plane writes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from emulator.domain.channel import FastFileView
from emulator.domain.cluster import Limits
from emulator.domain.image_source import ResolvedImage
from emulator.domain.status import FINAL_MESSAGES, MOVES, Message, SecondaryStatus
from emulator.domain.stop_reason import RunEnd, StopReason
from emulator.domain.warm_pool import PoolStatus, WarmPool


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Transition(Frozen):
    """One secondary status and its latest message (API SecondaryStatusTransition)."""

    status: SecondaryStatus
    start_time: datetime
    end_time: datetime | None = None
    message: str


class Placement(Frozen):
    """What the scheduler gave to the job; decided once, so that a resumed job is compiled to the same spec."""

    limits: Mapping[str, Limits]
    """By host."""
    notices: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """What the user should know of a host's limits, by host; the first lines of its log stream."""

    @property
    def memory_bytes(self) -> int:
        return sum(limits.memory_bytes for limits in self.limits.values())

    @property
    def gpu_ids(self) -> frozenset[str]:
        return frozenset(gpu for limits in self.limits.values() for gpu in limits.gpu_ids)


class Run(Frozen):
    """A stretch of time in which the job had its instances: from Downloading to the run's end."""

    start_time: datetime
    end_time: datetime

    @property
    def seconds(self) -> float:
        return (self.end_time - self.start_time).total_seconds()


class FinalMetric(Frozen):
    """The last value of a metric (API MetricData): single precision, time in whole seconds."""

    name: str
    value: float
    timestamp: datetime


class Progress(Frozen):
    """Replaced as a whole, never edited."""

    secondary_status: SecondaryStatus
    transitions: tuple[Transition, ...]
    last_modified_time: datetime
    placement: Placement | None = None
    image: ResolvedImage | None = None
    """What TrainingImage turned out to be; all hosts run it, also after a restart of the emulator."""
    training_start_time: datetime | None = None
    """Start of the first Downloading."""
    run_start_time: datetime | None = None
    """Start of this run's Downloading; None while the job waits for its instances."""
    former_runs: tuple[Run, ...] = ()
    """Those that a spot interruption or an internal error ended."""
    interruptions: int = 0
    """How many of the requested interruptions were served."""
    scheduled_interruptions: int = 0
    faults: int = 0
    """How many of the requested internal errors were served."""
    retries: int = 0
    """How many of RetryStrategy's attempts were used."""
    run_end: RunEnd | None = None
    """Why this run is being ended, while another follows."""
    training_end_time: datetime | None = None
    launched_at: datetime | None = None
    """When every container had been started."""
    object_counts: Mapping[str, Mapping[str, int]] = Field(default_factory=dict)
    """How many objects each host got, by channel."""
    input_bytes: Mapping[str, int] = Field(default_factory=dict)
    """What the objects take of each host's storage volume."""
    channel_bytes: Mapping[str, int] = Field(default_factory=dict)
    """Bytes read of each Pipe and FastFile channel, over all hosts, once training has ended."""
    fast_file: FastFileView | None = None
    """Decided while Downloading; None for jobs without FastFile channels."""
    fast_file_fault: str | None = None
    """The first object of a FastFile channel that could not be read; the algorithm got EIO for it."""
    final_metrics: tuple[FinalMetric, ...] = ()
    """Of the MetricDefinitions that matched, in their order; told when training is over."""
    pool: str | None = None
    """Name of what a warm pool keeps between jobs: network, staged objects, the persistent cache."""
    warm_pool: WarmPool | None = None
    """None for jobs without KeepAlivePeriodInSeconds."""
    stop_reason: StopReason | None = None
    failure_reason: str | None = None

    @classmethod
    def begin(cls, now: datetime) -> "Progress":
        first = Transition(status=SecondaryStatus.STARTING, start_time=now, message=Message.STARTING)
        return cls(secondary_status=SecondaryStatus.STARTING, transitions=(first,), last_modified_time=now)

    def say(self, message: str, now: datetime, **facts: Any) -> "Progress":
        """Another message within the same status."""
        last = self.transitions[-1].model_copy(update={"message": message})
        return self._with(now, transitions=(*self.transitions[:-1], last), **facts)

    def enter(self, status: SecondaryStatus, message: str, now: datetime, **facts: Any) -> "Progress":
        """Close the current transition and open the next. Raises ValueError for a move that is not allowed."""
        if status not in MOVES[self.secondary_status]:
            raise ValueError(f"A training job cannot go from {self.secondary_status} to {status}.")
        closed = self.transitions[-1].model_copy(update={"end_time": now})
        opened = Transition(
            status=status, start_time=now, end_time=now if status.is_final else None, message=message
        )
        return self._with(
            now, secondary_status=status, transitions=(*self.transitions[:-1], closed, opened), **facts
        )

    @property
    def run_number(self) -> int:
        return len(self.former_runs) + 1

    def seconds_run(self, now: datetime) -> float:
        """How long the job had instances, over all its runs, up to `now`."""
        current = max(0.0, (now - self.run_start_time).total_seconds()) if self.run_start_time else 0.0
        return sum(run.seconds for run in self.former_runs) + current

    def begin_run(self, message: str, now: datetime) -> "Progress":
        """Enter Downloading: from here billing and MaxRuntimeInSeconds count."""
        first = self.training_start_time or now
        return self.enter(
            SecondaryStatus.DOWNLOADING, message, now, training_start_time=first, run_start_time=now
        )

    def end_run(self, status: SecondaryStatus, message: str, now: datetime, **facts: Any) -> "Progress":
        """Leave this run for the next, which starts without containers and with nothing staged."""
        run = Run(start_time=self.run_start_time or now, end_time=now)
        fresh: dict[str, Any] = {"run_start_time": None, "launched_at": None, "run_end": None}
        return self.enter(
            status, message, now, former_runs=(*self.former_runs, run), object_counts={}, **fresh, **facts
        )

    def finish(self, status: SecondaryStatus, now: datetime, **facts: Any) -> "Progress":
        """Enter a final status; the end of training is told only where training began."""
        end = now if self.training_start_time is not None else None
        return self.enter(status, FINAL_MESSAGES[status], now, training_end_time=end, **facts)

    @property
    def has_warm_pool(self) -> bool:
        """Whether its instances wait for a next job."""
        return self.warm_pool is not None and self.warm_pool.status is PoolStatus.AVAILABLE

    def _with(self, now: datetime, **facts: Any) -> "Progress":
        return self.model_copy(update={"last_modified_time": now, **facts})
