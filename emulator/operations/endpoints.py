"""CreateEndpoint, DescribeEndpoint, ListEndpoints, DeleteEndpoint: handlers read or write rows, nothing else."""

from collections import Counter
from collections.abc import Iterable

from emulator.domain import errors, hosting_errors
from emulator.domain.arn import ResourceKey
from emulator.domain.endpoint import Deployment, Endpoint, EndpointProgress, EndpointStatus
from emulator.operations.deployment_config_rules import check_deployment_config
from emulator.operations.endpoint_configs import find_endpoint_config, models_of
from emulator.operations.endpoint_description import describe_endpoint as describe
from emulator.operations.endpoint_description import summarize_endpoint
from emulator.operations.endpoint_model_rules import check_models_of_config
from emulator.operations.registry import Call, Params, Result, operation
from emulator.operations.resource_list import ENDPOINT_TIMES, next_token, resource_query
from emulator.operations.tags import tags_of

IN_PROGRESS = (
    EndpointStatus.CREATING,
    EndpointStatus.UPDATING,
    EndpointStatus.ROLLING_BACK,
    EndpointStatus.DELETING,
)


@operation("sagemaker", "CreateEndpoint")
async def create_endpoint(call: Call, params: Params) -> Result:
    check_deployment_config(params.get("DeploymentConfig", {}))
    key = _key(call, params["EndpointName"])
    if await call.parts.hosting.endpoints.get(key) is not None:
        raise hosting_errors.endpoint_exists(key.arn)
    deployment = await deployment_of(call, params["EndpointConfigName"])
    deployment = deployment.model_copy(update={"deployment_config": params.get("DeploymentConfig")})
    now = call.now()
    endpoint = Endpoint(key, now, deployment, EndpointProgress(last_modified_time=now), desired={})
    if not await call.parts.hosting.endpoints.create(endpoint, tags_of(params)):
        raise hosting_errors.endpoint_exists(key.arn)
    return {"EndpointArn": key.arn}


@operation("sagemaker", "DescribeEndpoint")
async def describe_endpoint(call: Call, params: Params) -> Result:
    return describe(await find_endpoint(call, params["EndpointName"]))


@operation("sagemaker", "ListEndpoints")
async def list_endpoints(call: Call, params: Params) -> Result:
    page = await call.parts.hosting.endpoints.page(
        resource_query(call, params, ENDPOINT_TIMES, "ListEndpoints")
    )
    endpoints = [summarize_endpoint(endpoint) for endpoint in page.resources]
    return {"Endpoints": endpoints, **next_token(page, params, "ListEndpoints")}


@operation("sagemaker", "DeleteEndpoint")
async def delete_endpoint(call: Call, params: Params) -> Result:
    """As at AWS, not before it is in service or has failed."""
    endpoint = await find_endpoint(call, params["EndpointName"])
    require_settled(endpoint)
    await call.parts.hosting.endpoints.request_delete(endpoint.key, call.now())
    return {}


async def find_endpoint(call: Call, name: str) -> Endpoint:
    """The caller's endpoint of that name. Raises AWS's error for an unknown one."""
    key = _key(call, name)
    endpoint = await call.parts.hosting.endpoints.get(key)
    if endpoint is None:
        raise hosting_errors.endpoint_not_found(key.arn)
    return endpoint


def require_settled(endpoint: Endpoint) -> None:
    """Raise AWS's error for an endpoint that is being made, changed or deleted."""
    if endpoint.status in IN_PROGRESS:
        raise hosting_errors.endpoint_in_progress(endpoint.arn)


async def deployment_of(call: Call, config_name: str, revision: int = 1) -> Deployment:
    """What the configuration and its models are now. Raises AWS's errors for what is not there or is too much."""
    config = await find_endpoint_config(call, config_name)
    models = await models_of(call, config)
    check_models_of_config(config.document, models)
    deployment = Deployment(revision=revision, config=config.document, models=models)
    provisioned = [variant for variant in deployment.variants if variant.serverless_config is None]
    require_quota(call, [(each.instance_type, each.initial_instance_count) for each in provisioned])
    return deployment


def require_quota(call: Call, instances: Iterable[tuple[str, int]]) -> None:
    """`instances`: type and count of each variant; the quota is one of all of a type together."""
    counts = Counter[str]()
    for instance_type, count in instances:
        counts[instance_type] += count
    quota = call.parts.instance_quota
    for instance_type, count in counts.items():
        if count > quota:
            raise errors.too_many_instances(instance_type, quota, count, "endpoint usage")


def _key(call: Call, name: str) -> ResourceKey:
    return ResourceKey(call.caller.account_id, call.caller.region, "endpoint", name)
