"""CreateModel, DescribeModel, ListModels, DeleteModel."""

from emulator.domain import hosting_errors
from emulator.domain.arn import ResourceKey
from emulator.domain.model import Model
from emulator.operations.model_data import require_model_data, told_container
from emulator.operations.model_rules import check_model
from emulator.operations.registry import Call, Params, Result, operation
from emulator.operations.resource_list import DEFINITION_TIMES, next_token, resource_query
from emulator.operations.roles import require_role
from emulator.operations.tags import tags_of
from emulator.operations.training_image import require_image


@operation("sagemaker", "CreateModel")
async def create_model(call: Call, params: Params) -> Result:
    """Image, role and artifacts are looked for now, as at AWS; what they are is seen when the model is deployed."""
    check_model(params)
    key = _key(call, params["ModelName"])
    if await call.parts.hosting.models.get(key) is not None:
        raise hosting_errors.model_exists(key.arn)
    model = Model(key, call.now(), {name: value for name, value in params.items() if name != "Tags"})
    role = model.request.execution_role_arn
    if role is not None:
        await require_role(call, role, hosting_errors.execution_role_invalid)
    for container in model.request.pipeline:
        await require_image(call, container.image, role or "", use="inference image")
    await require_model_data(call, model.request)
    if not await call.parts.hosting.models.create(model, tags_of(params)):
        raise hosting_errors.model_exists(key.arn)
    return {"ModelArn": key.arn}


@operation("sagemaker", "DescribeModel")
async def describe_model(call: Call, params: Params) -> Result:
    model = await find_model(call, params["ModelName"])
    told = {"EnableNetworkIsolation": False, **model.document}
    if "PrimaryContainer" in told:
        told["PrimaryContainer"] = told_container(told["PrimaryContainer"])
    if "Containers" in told:
        told["Containers"] = [told_container(container) for container in told["Containers"]]
    return {**told, **_summary(model)}


@operation("sagemaker", "ListModels")
async def list_models(call: Call, params: Params) -> Result:
    query = resource_query(call, params, DEFINITION_TIMES, "ListModels")
    page = await call.parts.hosting.models.page(query)
    models = [_summary(model) for model in page.resources]
    return {"Models": models, **next_token(page, params, "ListModels")}


@operation("sagemaker", "DeleteModel")
async def delete_model(call: Call, params: Params) -> Result:
    """Endpoints and transform jobs that have it go on: they keep what it was."""
    key = _key(call, params["ModelName"])
    if not await call.parts.hosting.models.delete(key):
        raise hosting_errors.model_not_found(key.arn)
    return {}


async def find_model(call: Call, name: str) -> Model:
    """The caller's model of that name. Raises AWS's error for an unknown one."""
    key = _key(call, name)
    model = await call.parts.hosting.models.get(key)
    if model is None:
        raise hosting_errors.model_not_found(key.arn)
    return model


def _key(call: Call, name: str) -> ResourceKey:
    return ResourceKey(call.caller.account_id, call.caller.region, "model", name)


def _summary(model: Model) -> Result:
    return {"ModelName": model.key.name, "ModelArn": model.key.arn, "CreationTime": model.creation_time}
