"""AddTags, ListTags, DeleteTags."""

from emulator.domain import errors
from emulator.domain.arn import TrainingJobKey
from emulator.operations.registry import Call, Params, Result, operation

MAX_TAGS = 50
PREFIX = "training-job/"


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
    if (region, account) != (caller.region, caller.account_id) or not resource.startswith(PREFIX):
        raise errors.resource_not_found()
    key = TrainingJobKey(account, region, resource.removeprefix(PREFIX))
    if await call.parts.training_jobs.get(key) is None:
        raise errors.resource_not_found()
    return key.arn


def _to_list(tags: dict[str, str]) -> list[Result]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
