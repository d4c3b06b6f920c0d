"""AddTags, ListTags, DeleteTags."""

from emulator.domain import errors
from emulator.domain.arn import AlgorithmKey, ResourceKey, TrainingJobKey
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
    """All tags in one page: a resource has at most as many as the smallest MaxResults. So no token was handed out."""
    if params.get("NextToken"):
        raise errors.invalid_next_token()
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
    found = await _find(call, ResourceKey(account, region, kind, name))
    if found is None:
        raise errors.resource_not_found()
    return found


async def _find(call: Call, key: ResourceKey) -> str | None:
    """The ARN of the resource, where there is one."""
    parts, hosting = call.parts, call.parts.hosting
    found: object = None
    match key.kind:
        case "training-job":
            found = await parts.training_jobs.get(TrainingJobKey(key.account_id, key.region, key.name))
        case "algorithm":
            found = await parts.algorithms.get(AlgorithmKey(key.account_id, key.region, key.name))
        case "model":
            found = await hosting.models.get(key)
        case "endpoint-config":
            found = await hosting.endpoint_configs.get(key)
        case "endpoint":
            found = await hosting.endpoints.get(key)
        case "transform-job":
            found = await hosting.transform_jobs.get(key)
    return None if found is None else key.arn


def tags_of(params: Params) -> dict[str, str]:
    """The Tags of a Create request."""
    return {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])}


def _to_list(tags: dict[str, str]) -> list[Result]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
