"""What a test does to a running job that on AWS happens by itself: a spot interruption, an internal error."""

from emulator.domain.arn import TrainingJobKey
from emulator.domain.status import SecondaryStatus
from emulator.operations.registry import Parts

RUNNING = (SecondaryStatus.DOWNLOADING, SecondaryStatus.TRAINING)


async def interrupt_training_job(parts: Parts, key: TrainingJobKey) -> str | None:
    """Take the spot instances away, once. Why not, or None where the wish is on the row."""
    job = await parts.training_jobs.get(key)
    if job is None or not job.request.enable_managed_spot_training:
        return "Only a training job with EnableManagedSpotTraining can be interrupted."
    if job.secondary_status not in RUNNING:
        return f"Only a running training job can be interrupted; this one is {job.secondary_status}."
    await parts.training_jobs.request_interruption(key)
    return None


async def fault_training_job(parts: Parts, key: TrainingJobKey) -> str | None:
    """Let the present run end with an InternalServerError. Why not, or None where the wish is on the row."""
    job = await parts.training_jobs.get(key)
    if job is None or job.secondary_status not in RUNNING:
        status = "unknown" if job is None else job.secondary_status
        return f"Only a running training job can meet an internal error; this one is {status}."
    await parts.training_jobs.request_fault(key)
    return None
