"""From one run of a training job to the next."""

from emulator.domain.status import Message, SecondaryStatus
from emulator.domain.stop_reason import RunEnd
from emulator.domain.training_job import TrainingJob
from emulator.training.parts import TrainingParts


async def leave_run(job: TrainingJob, reason: RunEnd, parts: TrainingParts) -> TrainingJob:
    """The job as it waits for its next run. Its containers are for that run's first stage to remove."""
    progress, now = job.progress, parts.clock.now()
    asked = await parts.store.get(job.key) or job
    if reason is RunEnd.FAULT:
        served = {"retries": progress.retries + 1, "faults": asked.faults_requested}
        return job.advance(progress.end_run(SecondaryStatus.STARTING, Message.RESTARTING, now, **served))
    if asked.interruptions_requested > progress.interruptions:
        served = {"interruptions": progress.interruptions + 1}
    else:
        served = {"scheduled_interruptions": progress.scheduled_interruptions + 1}
    return job.advance(progress.end_run(SecondaryStatus.INTERRUPTED, Message.INTERRUPTED, now, **served))
