"""CreateModel's look for the model artifacts, before there is a model."""

from emulator.domain import hosting_errors
from emulator.domain.model import ContainerDefinition, ModelRequest
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_uri import S3Uri
from emulator.operations.registry import Call

MISSING = ("NoSuchKey", "NoSuchBucket")


async def require_model_data(call: Call, request: ModelRequest) -> None:
    """Raise AWS's refusal for artifacts that are not there, or that are in another Region."""
    for container in request.pipeline:
        source = container.data_source
        if source is not None:
            is_prefix = container.is_multi_model or source.s3_data_type == "S3Prefix"
            await _require_objects(call, source.s3_uri, is_prefix, request.execution_role_arn or "")


async def _require_objects(call: Call, text: str, is_prefix: bool, role: str) -> None:
    uri, objects = S3Uri.parse(text), call.parts.objects
    try:
        region = await objects.bucket_region(uri.bucket)
        if region is not None and region != call.caller.region:
            raise hosting_errors.model_data_not_accessible(text, role, call.caller.region)
        found = await anext(objects.list(uri), None) if is_prefix else await objects.stat(uri)
    except S3Fault as fault:
        if fault.code in MISSING:
            raise hosting_errors.model_data_not_found(text) from fault
        raise hosting_errors.model_data_not_accessible(text, role, call.caller.region) from fault
    if found is None:
        raise hosting_errors.model_data_not_found(text)


def told_container(document: dict[str, object]) -> dict[str, object]:
    """A ContainerDefinition as DescribeModel tells it: ModelDataSource says what ModelDataUrl is short for."""
    container = ContainerDefinition.model_validate(document)
    told = {"Mode": container.mode, "Environment": {}, **document}
    source = container.data_source
    if source is not None and not container.is_multi_model:
        told["ModelDataSource"] = {"S3DataSource": source.model_dump(by_alias=True)}
    return told
