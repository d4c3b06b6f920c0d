"""ECR: tags of repositories (those of images are in ecr_images.py)."""

from emulator.domain import ecr_errors
from emulator.domain.ecr import RepositoryKey
from emulator.operations.ecr_repositories import MAX_TAGS, find_repository_of
from emulator.operations.registry import Call, Params, Result, operation

PREFIX = "repository/"


@operation("ecr", "TagResource")
async def tag_resource(call: Call, params: Params) -> Result:
    arn = await _known_arn(call, params)
    tags = {tag["Key"]: tag.get("Value", "") for tag in params["tags"]}
    if not await call.parts.tags.put(arn, tags, MAX_TAGS):
        raise ecr_errors.too_many_tags(MAX_TAGS)
    return {}


@operation("ecr", "UntagResource")
async def untag_resource(call: Call, params: Params) -> Result:
    await call.parts.tags.delete(await _known_arn(call, params), params["tagKeys"])
    return {}


@operation("ecr", "ListTagsForResource")
async def list_tags_for_resource(call: Call, params: Params) -> Result:
    tags = await call.parts.tags.get(await _known_arn(call, params))
    return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


async def _known_arn(call: Call, params: Params) -> str:
    """Raises AWS's error where there is no such repository."""
    parts = params["resourceArn"].split(":", 5)
    if len(parts) < 6 or not parts[5].startswith(PREFIX):
        raise ecr_errors.invalid_parameter("resourceArn", "Invalid ARN")
    key = RepositoryKey(parts[4], parts[3], parts[5].removeprefix(PREFIX))
    return (await find_repository_of(call, key)).key.arn
