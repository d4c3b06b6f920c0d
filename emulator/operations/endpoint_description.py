"""Pure: an endpoint as DescribeEndpoint tells it. Sources: its output's shape, answers of real endpoints."""

from typing import Any

from emulator.domain.endpoint import DeployedImage, Deployment, Endpoint, EndpointStatus, VariantState
from emulator.domain.endpoint_config import ProductionVariant

Description = dict[str, Any]


def describe_endpoint(endpoint: Endpoint) -> Description:
    serving = endpoint.progress.active or endpoint.deployment
    is_over = endpoint.status in (EndpointStatus.IN_SERVICE, EndpointStatus.FAILED)
    told = {
        **summarize_endpoint(endpoint),
        "EndpointConfigName": serving.request.endpoint_config_name,
        "ProductionVariants": _production_variants(endpoint),
        "DataCaptureConfig": _data_capture(serving),
        "FailureReason": endpoint.progress.failure_reason if is_over else None,
        "LastDeploymentConfig": endpoint.deployment.deployment_config,
        "AsyncInferenceConfig": serving.config.get("AsyncInferenceConfig"),
        "PendingDeploymentSummary": _pending(endpoint),
        "MetricsConfig": serving.config.get("MetricsConfig"),
        "CrossRegionTrafficConfig": serving.config.get("CrossRegionTrafficConfig"),
    }
    return {name: value for name, value in told.items() if value is not None}


def summarize_endpoint(endpoint: Endpoint) -> Description:
    """As ListEndpoints tells it."""
    return {
        "EndpointName": endpoint.key.name,
        "EndpointArn": endpoint.arn,
        "CreationTime": endpoint.creation_time,
        "LastModifiedTime": endpoint.last_modified_time,
        "EndpointStatus": endpoint.status.value,
    }


def _production_variants(endpoint: Endpoint) -> list[Description] | None:
    """A failed endpoint that never was in service has none."""
    deployment = endpoint.progress.active
    if deployment is None and endpoint.progress.status is EndpointStatus.FAILED:
        return None
    states = endpoint.progress.variants if deployment else {}
    shown = deployment or endpoint.deployment
    return [
        _variant(endpoint, shown, variant, states.get(variant.variant_name)) for variant in shown.variants
    ]


def _pending(endpoint: Endpoint) -> Description | None:
    """While an endpoint is made, or changed to another configuration."""
    deployment = endpoint.deployment
    if deployment.revision <= endpoint.progress.tried or endpoint.status is EndpointStatus.DELETING:
        return None
    start = endpoint.modified_at or endpoint.creation_time
    variants = []
    for variant in deployment.variants:
        told = _variant(endpoint, deployment, variant, None)
        instance_type = {"InstanceType": variant.instance_type} if variant.instance_type else {}
        variants.append(
            {**told, **instance_type, "VariantStatus": [{"Status": "Creating", "StartTime": start}]}
        )
    name = deployment.request.endpoint_config_name
    return {"EndpointConfigName": name, "ProductionVariants": variants, "StartTime": start}


def _variant(
    endpoint: Endpoint, deployment: Deployment, variant: ProductionVariant, state: VariantState | None
) -> Description:
    told: Description = {
        "VariantName": variant.variant_name,
        "CurrentWeight": state.weight if state else 0.0,
        "DesiredWeight": endpoint.desired_weight(variant, deployment),
    }
    if state and state.images:
        told["DeployedImages"] = [_image(image) for image in state.images]
    if routing := _members(deployment, variant).get("RoutingConfig"):
        told["RoutingConfig"] = routing
    if variant.serverless_config is not None:
        config = _members(deployment, variant)["ServerlessConfig"]
        current = {"CurrentServerlessConfig": config} if state else {}
        return {**told, "CurrentInstanceCount": 0, **current, "DesiredServerlessConfig": config}
    told["CurrentInstanceCount"] = state.instance_count if state else 0
    told["DesiredInstanceCount"] = endpoint.desired_count(variant, deployment)
    return told


def _members(deployment: Deployment, variant: ProductionVariant) -> Description:
    """The variant as the configuration has it."""
    return next(
        v for v in deployment.config["ProductionVariants"] if v["VariantName"] == variant.variant_name
    )


def _image(image: DeployedImage) -> Description:
    return {
        "SpecifiedImage": image.specified_image,
        "ResolvedImage": image.resolved_image,
        "ResolutionTime": image.resolution_time,
    }


def _data_capture(deployment: Deployment) -> Description | None:
    config = deployment.config.get("DataCaptureConfig")
    if config is None:
        return None
    is_on = config.get("EnableCapture", True)
    return {
        "EnableCapture": is_on,
        "CaptureStatus": "Started" if is_on else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }
