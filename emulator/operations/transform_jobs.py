"""CreateTransformJob, DescribeTransformJob, ListTransformJobs, StopTransformJob."""

from typing import Any

from emulator.domain import errors, hosting_errors
from emulator.domain.arn import ResourceKey
from emulator.domain.data_processing import DataProcessing
from emulator.domain.transform_job import TransformJob, TransformProgress
from emulator.operations.models import find_model
from emulator.operations.registry import Call, Params, Result, operation
from emulator.operations.resource_list import JOB_TIMES, next_token, resource_query
from emulator.operations.tags import tags_of
from emulator.operations.training_input import require_objects
from emulator.operations.transform_job_rules import check_model_of_transform, check_transform_job


@operation("sagemaker", "CreateTransformJob")
async def create_transform_job(call: Call, params: Params) -> Result:
    check_transform_job(params)
    key = _key(call, params["TransformJobName"])
    if await call.parts.hosting.transform_jobs.get(key) is not None:
        raise hosting_errors.transform_job_name_in_use(key.arn)
    model = await find_model(call, params["ModelName"])
    check_model_of_transform(model.document)
    document = {name: value for name, value in params.items() if name != "Tags"}
    now = call.now()
    job = TransformJob(key, now, document, model.document, TransformProgress(last_modified_time=now))
    _require_quota(call, job)
    await require_objects(call, job.request.transform_input.source, model.request.execution_role_arn or "")
    if not await call.parts.hosting.transform_jobs.create(job, tags_of(params)):
        raise hosting_errors.transform_job_name_in_use(key.arn)
    return {"TransformJobArn": key.arn}


@operation("sagemaker", "DescribeTransformJob")
async def describe_transform_job(call: Call, params: Params) -> Result:
    name = params["TransformJobName"]
    job = await call.parts.hosting.transform_jobs.get(_key(call, name))
    if job is None:
        raise hosting_errors.transform_job_not_found(name)
    return _described(job)


@operation("sagemaker", "ListTransformJobs")
async def list_transform_jobs(call: Call, params: Params) -> Result:
    page = await call.parts.hosting.transform_jobs.page(
        resource_query(call, params, JOB_TIMES, "ListTransformJobs")
    )
    jobs = [_summary(job) for job in page.resources]
    return {"TransformJobSummaries": jobs, **next_token(page, params, "ListTransformJobs")}


@operation("sagemaker", "StopTransformJob")
async def stop_transform_job(call: Call, params: Params) -> Result:
    name = params["TransformJobName"]
    job = await call.parts.hosting.transform_jobs.get(_key(call, name))
    if job is None:
        raise hosting_errors.transform_job_not_found_to_stop(name)
    if job.is_final:
        raise hosting_errors.transform_job_is_over(job.status)
    await call.parts.hosting.transform_jobs.request_stop(job.key, call.now())
    return {}


def _key(call: Call, name: str) -> ResourceKey:
    return ResourceKey(call.caller.account_id, call.caller.region, "transform-job", name)


def _require_quota(call: Call, job: TransformJob) -> None:
    resources, quota = job.request.transform_resources, call.parts.instance_quota
    if resources.instance_count > quota:
        count = resources.instance_count
        raise errors.too_many_instances(resources.instance_type, quota, count, "transform job usage")


def _described(job: TransformJob) -> dict[str, Any]:
    """With the defaults that real answers tell."""
    document, processing = job.document, job.request.data_processing
    told = {
        **document,
        **_summary(job),
        "TransformInput": {"CompressionType": "None", "SplitType": "None", **document["TransformInput"]},
        "TransformOutput": {"AssembleWith": "None", "KmsKeyId": "", **document["TransformOutput"]},
        "DataProcessing": _told(processing),
        "TransformStartTime": job.progress.start_time,
    }
    del told["LastModifiedTime"]
    return {name: value for name, value in told.items() if value is not None}


def _told(processing: DataProcessing) -> dict[str, str]:
    return {
        "InputFilter": processing.input_filter,
        "OutputFilter": processing.output_filter,
        "JoinSource": processing.join_source,
    }


def _summary(job: TransformJob) -> dict[str, Any]:
    told = {
        "TransformJobName": job.key.name,
        "TransformJobArn": job.arn,
        "TransformJobStatus": job.status.value,
        "CreationTime": job.creation_time,
        "TransformEndTime": job.progress.end_time,
        "LastModifiedTime": job.last_modified_time,
        "FailureReason": job.progress.failure_reason,
    }
    return {name: value for name, value in told.items() if value is not None}
