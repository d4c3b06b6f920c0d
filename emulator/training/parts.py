"""What the job plane works with."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from anyio import CapacityLimiter

from emulator.clock import Clock
from emulator.compute.backend import ComputeBackend
from emulator.domain.interruption_schedule import InterruptionSchedule
from emulator.domain.training_job import TrainingJob
from emulator.file_systems import FileSystems
from emulator.logs.log_store import LogStore
from emulator.metrics.metric_store import MetricStore
from emulator.objects.object_store import ObjectStore
from emulator.occupancy import Occupancy
from emulator.store.training_jobs import TrainingJobStore
from emulator.training.plan import cluster_name

STOP_GRACE = timedelta(seconds=120)
"""Between SIGTERM and SIGKILL (API StopTrainingJob)."""

INTERRUPTED_PERIOD = timedelta(seconds=30)
"""Until new spot instances come; how long that takes on AWS nobody can tell."""


@dataclass(frozen=True)
class TrainingParts:
    store: TrainingJobStore
    objects: ObjectStore
    logs: LogStore
    metrics: MetricStore
    compute: ComputeBackend
    clock: Clock
    work_root: Path
    """Directory for staged input, one directory a job below it."""
    occupancy: Occupancy = field(default_factory=Occupancy)
    """Shared with the endpoints."""
    file_systems: FileSystems = field(default_factory=dict)
    time_scale: float = 1.0
    """Shortens AWS's waiting periods, never the training."""
    spot_interruptions: InterruptionSchedule | None = None
    """None: only those that somebody asks for."""
    disk: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(4))
    archives: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(4))
    syncs: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(4))
    """For files that go to S3 while containers run."""
    lines: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(2))
    """For log lines before they are stored; a container decides how long they are."""
    taps: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(2))
    """For the regular expressions of metrics, which can be slow."""
    verdicts: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(4))
    """For failure files, which must not wait behind uploads."""

    @property
    def stop_grace(self) -> timedelta:
        return STOP_GRACE * self.time_scale

    @property
    def interrupted_period(self) -> timedelta:
        return INTERRUPTED_PERIOD * self.time_scale

    def work_dir(self, job: TrainingJob) -> Path:
        return self.work_root / cluster_name(job)
