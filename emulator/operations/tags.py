"""AddTags, ListTags, DeleteTags."""

from emulator.domain import errors
from emulator.domain.algorithm import Algorithm
from emulator.domain.arn import AlgorithmKey, TrainingJobKey
from emulator.domain.training_job import TrainingJob
from emulator.operations.registry import Call, Params, Result, operation

MAX_TAGS = 50


@operation("sagemaker", "AddTags")
async def add_tags(call: Call, params: Params) -> Result:
    arn = await _known_arn(call, params["ResourceArn"])
    tags = {tag["Key"]: tag["Value"] for tag in params["Tags"]}
    if not await call.parts.tags.put(arn, tags, MAX_TAGS):
        raise errors.too_many_tags(MAX_TAGS)
    return {"Tags": _to_list(await call.parts.tags.get(arn))}


@operation("sagemaker", "ListTags")
async def list_tags(call: Call, params: Params) -> Result:
    """All tags in one page: a resource has at most as many as the smallest MaxResults."""
    arn = await _known_arn(call, params["ResourceArn"])
    return {"Tags": _to_list(await call.parts.tags.get(arn))}


@operation("sagemaker", "DeleteTags")
async def delete_tags(call: Call, params: Params) -> Result:
    arn = await _known_arn(call, params["ResourceArn"])
    await call.parts.tags.delete(arn, params["TagKeys"])
    return {}


async def _known_arn(call: Call, arn: str) -> str:
    """The ARN of a resource of the caller. Raises AWS's error for any other."""
    _, _, _, region, account, resource = [*arn.split(":", 5), *[""] * 6][:6]
    caller = call.caller
    kind, _, name = resource.partition("/")
    if (region, account) != (caller.region, caller.account_id):
        raise errors.resource_not_found()
    found: TrainingJob | Algorithm | None = None
    if kind == "training-job":
        found = await call.parts.training_jobs.get(TrainingJobKey(account, region, name))
    elif kind == "algorithm":
        found = await call.parts.algorithms.get(AlgorithmKey(account, region, name))
    if found is None:
        raise errors.resource_not_found()
    return found.arn


def _to_list(tags: dict[str, str]) -> list[Result]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
