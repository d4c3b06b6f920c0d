"""Pure: which training jobs can be deleted (API DeleteTrainingJob)."""

from emulator.domain.training_job import TrainingJob


def why_not_deletable(job: TrainingJob) -> str | None:
    """None for a job that is over and of which nothing is left, neither containers nor a warm pool."""
    if not job.is_final:
        return f"it is in status {job.status}"
    if job.progress.has_warm_pool:
        return "its instances wait in a warm pool; set KeepAlivePeriodInSeconds to 0 to release them"
    if not job.is_released:
        return "its instances are still being released; try again in a moment"
    return None
