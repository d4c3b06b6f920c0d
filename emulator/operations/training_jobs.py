"""CreateTrainingJob, DescribeTrainingJob, StopTrainingJob: handlers read or write rows, nothing else."""

from emulator.domain import errors
from emulator.domain.arn import TrainingJobKey
from emulator.domain.progress import Progress
from emulator.domain.training_job import TrainingJob, TrainingJobRequest
from emulator.operations.algorithms import resolve_algorithm
from emulator.operations.registry import Call, Params, Result, operation
from emulator.operations.roles import require_role
from emulator.operations.tags import tags_of
from emulator.operations.training_image import require_image
from emulator.operations.training_input import require_input
from emulator.operations.training_job_description import describe
from emulator.operations.training_job_rules import check_rules


@operation("sagemaker", "CreateTrainingJob")
async def create_training_job(call: Call, params: Params) -> Result:
    check_rules(params)
    key = _key(call, params["TrainingJobName"])
    if await call.parts.training_jobs.get(key) is not None:
        raise errors.training_job_name_in_use(key.arn)
    document = {name: value for name, value in params.items() if name != "Tags"}
    resolved = await resolve_algorithm(call, document)
    request = TrainingJobRequest.model_validate({**document, **resolved})
    _require_quota(call, request)
    await require_image(call, request.algorithm_specification.training_image or "", request.role_arn)
    await require_role(call, request.role_arn)
    await require_input(call, request)
    now = call.now()
    job = TrainingJob(key, now, document, Progress.begin(now), resolved=resolved)
    if not await call.parts.training_jobs.create(job, tags_of(params)):
        raise errors.training_job_name_in_use(key.arn)
    return {"TrainingJobArn": job.arn}


@operation("sagemaker", "DescribeTrainingJob")
async def describe_training_job(call: Call, params: Params) -> Result:
    return describe(await find_training_job(call, params["TrainingJobName"]))


@operation("sagemaker", "StopTrainingJob")
async def stop_training_job(call: Call, params: Params) -> Result:
    job = await find_training_job(call, params["TrainingJobName"])
    if job.is_final:
        raise errors.training_job_is_over(job.status)
    await call.parts.training_jobs.request_stop(job.key, call.now())
    return {}


async def find_training_job(call: Call, name: str) -> TrainingJob:
    """The caller's job of that name. Raises AWS's error for an unknown one."""
    job = await call.parts.training_jobs.get(_key(call, name))
    if job is None:
        raise errors.resource_not_found()
    return job


def _key(call: Call, name: str) -> TrainingJobKey:
    return TrainingJobKey(call.caller.account_id, call.caller.region, name)


def _require_quota(call: Call, request: TrainingJobRequest) -> None:
    for group in request.resource_config.groups:
        if group.instance_count > call.parts.instance_quota:
            raise errors.too_many_instances(
                group.instance_type, call.parts.instance_quota, group.instance_count
            )
