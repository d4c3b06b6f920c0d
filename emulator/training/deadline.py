"""Pure: until when a training job may run or wait (API StoppingCondition)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from emulator.domain.stop_reason import StopReason
from emulator.domain.training_job import TrainingJob


@dataclass(frozen=True)
class Deadline:
    time: datetime
    reason: StopReason


def next_deadline(job: TrainingJob, now: datetime, time_scale: float = 1.0) -> Deadline | None:
    """What ends the job first if nothing changes; None where nothing does.

    MaxRuntimeInSeconds counts the time with instances over all runs. MaxWaitTimeInSeconds counts that and the waiting
    for instances from the creation on; `time_scale` shortens the waiting alone.
    """
    condition, progress = job.request.stopping_condition, job.progress
    run = progress.seconds_run(now)
    is_running = progress.run_start_time is not None
    deadlines = []
    if is_running:
        left = condition.max_runtime_in_seconds - run
        deadlines.append(Deadline(now + timedelta(seconds=left), StopReason.MAX_RUNTIME))
    if condition.max_wait_time_in_seconds is not None:
        waited = max(0.0, (now - job.creation_time).total_seconds() - run) / time_scale
        left = condition.max_wait_time_in_seconds - run - waited
        real = left if is_running else left * time_scale
        deadlines.append(Deadline(now + timedelta(seconds=real), StopReason.MAX_WAIT_TIME))
    return min(deadlines, key=lambda deadline: deadline.time, default=None)
