"""UpdateEndpoint, UpdateEndpointWeightsAndCapacities."""

from collections.abc import Iterator, Mapping

from emulator.domain import errors, hosting_errors
from emulator.domain.endpoint import Deployment, Endpoint, EndpointStatus
from emulator.domain.endpoint_config import ProductionVariant
from emulator.domain.errors import ServiceError, validation_error
from emulator.operations.deployment_config_rules import check_deployment_config
from emulator.operations.endpoints import deployment_of, find_endpoint, require_quota, require_settled
from emulator.operations.registry import Call, Params, Result, operation
from emulator.operations.rule import Document

PROPERTIES = ("DesiredWeight", "DesiredInstanceCount")
Properties = Mapping[str, Mapping[str, float]]
"""VariantName -> values of PROPERTIES."""


@operation("sagemaker", "UpdateEndpoint")
async def update_endpoint(call: Call, params: Params) -> Result:
    """Only wish for another deployment; the one that serves goes on until the new one is in service."""
    check_deployment_config(params.get("DeploymentConfig", {}))
    if params.get("RetainDeploymentConfig") and "DeploymentConfig" in params:
        raise validation_error(
            "You must specify either DeploymentConfig or RetainDeploymentConfig, and not both."
        )
    endpoint = await find_endpoint(call, params["EndpointName"])
    deployment = await deployment_of(call, params["EndpointConfigName"], endpoint.deployment.revision + 1)
    active = _active(endpoint)
    if _is_serverless(deployment) and not _is_serverless(active):
        raise hosting_errors.endpoint_not_serverless(endpoint.arn)
    retained = _retained(endpoint, active, deployment, params)
    last = endpoint.deployment.deployment_config
    config = last if params.get("RetainDeploymentConfig") else params.get("DeploymentConfig")
    asked = deployment.model_copy(update={"retained": retained, "deployment_config": config})
    if not await call.parts.hosting.endpoints.request_update(endpoint.key, asked, call.now()):
        raise hosting_errors.endpoint_in_progress(endpoint.arn)
    return {"EndpointArn": endpoint.arn}


@operation("sagemaker", "UpdateEndpointWeightsAndCapacities")
async def update_endpoint_weights_and_capacities(call: Call, params: Params) -> Result:
    endpoint = await find_endpoint(call, params["EndpointName"])
    active = _active(endpoint)
    asked = params["DesiredWeightsAndCapacities"]
    for error in _faults(asked, active):
        raise error
    desired = _merged(endpoint, active, asked)
    require_quota(
        call, [(each.instance_type, _count(each, endpoint, active, desired)) for each in active.variants]
    )
    if not any(_weight(variant, endpoint, active, desired) for variant in active.variants):
        raise validation_error("At least one production variant must have a DesiredWeight above 0.")
    store = call.parts.hosting.endpoints
    seen = endpoint.modified_at
    if not await store.request_desired(endpoint.key, desired, call.now(), seen):
        raise hosting_errors.endpoint_in_progress(endpoint.arn)
    return {"EndpointArn": endpoint.arn}


def _active(endpoint: Endpoint) -> Deployment:
    """What takes the traffic. Raises AWS's error where the endpoint is not in service."""
    require_settled(endpoint)
    active = endpoint.progress.active
    if endpoint.status is EndpointStatus.FAILED or active is None:
        raise hosting_errors.endpoint_failed(endpoint.arn)
    return active


def _is_serverless(deployment: Deployment) -> bool:
    return any(variant.serverless_config is not None for variant in deployment.variants)


def _retained(endpoint: Endpoint, active: Deployment, new: Deployment, params: Params) -> Properties:
    """What RetainAllVariantProperties carries over to variants that have the same name."""
    if not params.get("RetainAllVariantProperties"):
        return {}
    excluded = {each["VariantPropertyType"] for each in params.get("ExcludeRetainedVariantProperties", [])}
    names = {variant.variant_name: variant.serverless_config is not None for variant in new.variants}
    retained = {}
    for variant in active.variants:
        if variant.variant_name in names:
            without = excluded | ({"DesiredInstanceCount"} if names[variant.variant_name] else set())
            values = _properties(endpoint, active, variant)
            retained[variant.variant_name] = {k: v for k, v in values.items() if k not in without}
    return retained


def _faults(asked: list[Document], active: Deployment) -> Iterator[ServiceError]:
    variants = {variant.variant_name: variant for variant in active.variants}
    seen = set()
    for change in asked:
        name = change["VariantName"]
        if name in seen:
            yield hosting_errors.variant_not_unique(name)
        if name not in variants:
            yield hosting_errors.variant_not_found(name, active.request.endpoint_config_name)
        seen.add(name)
        yield from _faults_of_change(change, variants[name])


def _faults_of_change(change: Document, variant: ProductionVariant) -> Iterator[ServiceError]:
    if "ServerlessUpdateConfig" in change:
        yield errors.not_emulated(
            "a change of a variant",
            "ServerlessUpdateConfig",
            "Use UpdateEndpoint with another configuration.",
        )
    if not any(name in change for name in PROPERTIES):
        yield validation_error(
            f"Variant {variant.variant_name} needs a DesiredWeight or a DesiredInstanceCount."
        )
    if "DesiredInstanceCount" in change and variant.serverless_config is not None:
        yield validation_error(
            f"Variant {variant.variant_name} is serverless: it has no DesiredInstanceCount."
        )
    if change.get("DesiredInstanceCount") == 0:
        yield errors.not_emulated("DesiredInstanceCount", "0", "Keep at least one instance.")


def _merged(endpoint: Endpoint, active: Deployment, asked: list[Document]) -> Properties:
    """What was asked for earlier of the same deployment goes on counting; where it could not be had, what runs does."""
    earlier = endpoint.desired if endpoint.desired_revision == active.revision else {}
    if endpoint.has_given_up:
        earlier = {
            variant.variant_name: _properties(endpoint, active, variant) for variant in active.variants
        }
    merged = {name: dict(values) for name, values in earlier.items()}
    for change in asked:
        values = {name: change[name] for name in PROPERTIES if name in change}
        merged[change["VariantName"]] = {**merged.get(change["VariantName"], {}), **values}
    return merged


def _properties(endpoint: Endpoint, active: Deployment, variant: ProductionVariant) -> dict[str, float]:
    """As they are wished for now."""
    weight = {"DesiredWeight": endpoint.desired_weight(variant, active)}
    if variant.serverless_config is not None:
        return weight
    return {**weight, "DesiredInstanceCount": endpoint.desired_count(variant, active)}


def _count(variant: ProductionVariant, endpoint: Endpoint, active: Deployment, desired: Properties) -> int:
    asked = desired.get(variant.variant_name, {})
    return int(asked.get("DesiredInstanceCount", endpoint.desired_count(variant, active)))


def _weight(variant: ProductionVariant, endpoint: Endpoint, active: Deployment, desired: Properties) -> float:
    asked = desired.get(variant.variant_name, {})
    return asked.get("DesiredWeight", endpoint.desired_weight(variant, active))
