"""UpdateTrainingJob, DeleteTrainingJob."""

from emulator.domain import errors
from emulator.domain.arn import TrainingJobKey
from emulator.domain.status import SecondaryStatus
from emulator.domain.training_job import TrainingJob
from emulator.domain.training_job_deletion import why_not_deletable
from emulator.domain.warm_pool import may_have_pool
from emulator.operations.registry import Call, Params, Result, operation

UPDATED = ("ProfilerConfig", "ProfilerRuleConfigurations", "RemoteDebugConfig", "ResourceConfig")
PROFILER = ("ProfilerConfig", "ProfilerRuleConfigurations")
DEBUGGED = (SecondaryStatus.DOWNLOADING, SecondaryStatus.TRAINING)
"""Source: API UpdateTrainingJobRequest$RemoteDebugConfig."""


@operation("sagemaker", "UpdateTrainingJob")
async def update_training_job(call: Call, params: Params) -> Result:
    """The changes are written beside the request; the job plane reads what concerns the instances."""
    job = await _find(call, params["TrainingJobName"])
    updates = {name: params[name] for name in UPDATED if name in params}
    _check_status(job, updates)
    if updates.get("ResourceConfig", {}).get("KeepAlivePeriodInSeconds") and not may_have_pool(job.document):
        raise errors.keep_alive_misplaced()
    if updates:
        await call.parts.training_jobs.save_updates(job.key, updates, call.now())
    return {"TrainingJobArn": job.arn}


@operation("sagemaker", "DeleteTrainingJob")
async def delete_training_job(call: Call, params: Params) -> Result:
    """Row and tags go at once; log streams and what the job wrote to S3 stay."""
    job = await _find(call, params["TrainingJobName"])
    reason = why_not_deletable(job)
    if reason is None and not await call.parts.training_jobs.delete(job):
        reason = "it has just changed"
    if reason is not None:
        raise errors.training_job_not_deletable(reason)
    return {}


async def _find(call: Call, name: str) -> TrainingJob:
    job = await call.parts.training_jobs.get(TrainingJobKey(call.caller.account_id, call.caller.region, name))
    if job is None:
        raise errors.training_job_not_found()
    return job


def _check_status(job: TrainingJob, updates: Params) -> None:
    """Raises ValidationException for an update that comes too early or too late."""
    if "RemoteDebugConfig" in updates and job.secondary_status not in DEBUGGED:
        raise errors.validation_error(
            "RemoteDebugConfig can only be updated while the SecondaryStatus of the training job is Downloading "
            f"or Training; it is {job.secondary_status}."
        )
    if job.is_final and any(name in updates for name in PROFILER):
        raise errors.validation_error(
            "The profiler can only be updated while the training job is in progress; "
            f"it is in status {job.status}."
        )
    if job.is_final and not job.progress.has_warm_pool and "ResourceConfig" in updates:
        raise errors.validation_error(
            "KeepAlivePeriodInSeconds cannot be updated: the training job is over and has no Available warm pool."
        )
