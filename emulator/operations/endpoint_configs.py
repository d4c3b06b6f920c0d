"""CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig."""

from emulator.domain import hosting_errors
from emulator.domain.arn import ResourceKey
from emulator.domain.endpoint_config import EndpointConfig
from emulator.operations.endpoint_config_rules import check_endpoint_config
from emulator.operations.endpoint_model_rules import Models, check_models_of_config
from emulator.operations.models import find_model
from emulator.operations.registry import Call, Params, Result, operation
from emulator.operations.resource_list import DEFINITION_TIMES, next_token, resource_query
from emulator.operations.roles import require_role
from emulator.operations.tags import tags_of


@operation("sagemaker", "CreateEndpointConfig")
async def create_endpoint_config(call: Call, params: Params) -> Result:
    check_endpoint_config(params)
    key = _key(call, params["EndpointConfigName"])
    if await call.parts.hosting.endpoint_configs.get(key) is not None:
        raise hosting_errors.endpoint_config_exists(key.arn)
    document = {name: value for name, value in params.items() if name != "Tags"}
    config = EndpointConfig(key, call.now(), document)
    check_models_of_config(document, await models_of(call, config))
    if "ExecutionRoleArn" in document:
        await require_role(call, document["ExecutionRoleArn"], hosting_errors.execution_role_invalid)
    if not await call.parts.hosting.endpoint_configs.create(config, tags_of(params)):
        raise hosting_errors.endpoint_config_exists(key.arn)
    return {"EndpointConfigArn": key.arn}


@operation("sagemaker", "DescribeEndpointConfig")
async def describe_endpoint_config(call: Call, params: Params) -> Result:
    config = await find_endpoint_config(call, params["EndpointConfigName"])
    variants = [{"InitialVariantWeight": 1.0, **variant} for variant in config.document["ProductionVariants"]]
    told = {"EnableNetworkIsolation": False, **config.document, "ProductionVariants": variants}
    return {**told, **_summary(config)}


@operation("sagemaker", "ListEndpointConfigs")
async def list_endpoint_configs(call: Call, params: Params) -> Result:
    query = resource_query(call, params, DEFINITION_TIMES, "ListEndpointConfigs")
    page = await call.parts.hosting.endpoint_configs.page(query)
    configs = [_summary(config) for config in page.resources]
    return {"EndpointConfigs": configs, **next_token(page, params, "ListEndpointConfigs")}


@operation("sagemaker", "DeleteEndpointConfig")
async def delete_endpoint_config(call: Call, params: Params) -> Result:
    """Endpoints that have it go on: they keep what it was."""
    key = _key(call, params["EndpointConfigName"])
    if not await call.parts.hosting.endpoint_configs.delete(key):
        raise hosting_errors.endpoint_config_not_found(key.arn)
    return {}


async def find_endpoint_config(call: Call, name: str) -> EndpointConfig:
    """The caller's configuration of that name. Raises AWS's error for an unknown one."""
    key = _key(call, name)
    config = await call.parts.hosting.endpoint_configs.get(key)
    if config is None:
        raise hosting_errors.endpoint_config_not_found(key.arn)
    return config


async def models_of(call: Call, config: EndpointConfig) -> Models:
    """The models of its variants as they are now. Raises AWS's error for one that is not there."""
    names = {variant.model_name for variant in config.request.production_variants}
    return {name: (await find_model(call, name)).document for name in sorted(names)}


def _key(call: Call, name: str) -> ResourceKey:
    return ResourceKey(call.caller.account_id, call.caller.region, "endpoint-config", name)


def _summary(config: EndpointConfig) -> Result:
    return {
        "EndpointConfigName": config.key.name,
        "EndpointConfigArn": config.key.arn,
        "CreationTime": config.creation_time,
    }
