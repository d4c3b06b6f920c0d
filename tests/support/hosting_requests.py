"""Requests and rows of what serves models: valid as they are, with any member replaced; None takes one out."""

from datetime import datetime
from typing import Any

from emulator.domain.arn import ResourceKey
from emulator.domain.endpoint import Deployment, Endpoint, EndpointProgress, EndpointStatus, VariantState
from emulator.domain.model import Model
from emulator.domain.transform_job import TransformJob, TransformProgress
from tests.support.builders import ACCOUNT, REGION
from tests.support.clock import START

Document = dict[str, Any]


def a_container(**members: Any) -> Document:
    return _with({"Image": "inference:1"}, members)


def a_model_request(name: str = "Model-1", **members: Any) -> Document:
    return _with({"ModelName": name, "PrimaryContainer": a_container()}, members)


def a_variant(name: str = "AllTraffic", **members: Any) -> Document:
    variant = {
        "VariantName": name,
        "ModelName": "Model-1",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    return _with(variant, members)


def a_serverless_variant(name: str = "AllTraffic", **config: Any) -> Document:
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 5, **config}
    return {"VariantName": name, "ModelName": "Model-1", "ServerlessConfig": serverless}


def a_config_request(name: str = "Config-1", **members: Any) -> Document:
    return _with({"EndpointConfigName": name, "ProductionVariants": [a_variant()]}, members)


def a_transform_request(name: str = "Transform-1", **members: Any) -> Document:
    request = {
        "TransformJobName": name,
        "ModelName": "Model-1",
        "TransformInput": a_transform_input(),
        "TransformOutput": {"S3OutputPath": "s3://artifacts/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    return _with(request, members)


def a_transform_input(
    s3_data_type: str = "S3Prefix", uri: str = "s3://inputs/a/", **members: Any
) -> Document:
    source = {"S3DataSource": {"S3DataType": s3_data_type, "S3Uri": uri}}
    return _with({"DataSource": source}, members)


def a_model(name: str = "Model-1", **members: Any) -> Model:
    return Model(ResourceKey(ACCOUNT, REGION, "model", name), START, a_model_request(name, **members))


def a_deployment(revision: int = 1, **config: Any) -> Deployment:
    models = {"Model-1": a_model_request()}
    return Deployment(revision=revision, config=a_config_request(**config), models=models)


def an_endpoint(name: str = "Endpoint-1", created: datetime = START, **config: Any) -> Endpoint:
    """Just created."""
    key = ResourceKey(ACCOUNT, REGION, "endpoint", name)
    return Endpoint(
        key, created, a_deployment(**config), EndpointProgress(last_modified_time=created), desired={}
    )


def in_service(endpoint: Endpoint, **facts: Any) -> Endpoint:
    """As the hosting plane leaves it once its latest deployment is in service."""
    deployment = endpoint.deployment
    states = {
        variant.variant_name: VariantState(
            instance_count=endpoint.desired_count(variant, deployment),
            weight=endpoint.desired_weight(variant, deployment),
        )
        for variant in deployment.variants
    }
    told = {"active": deployment, "tried": deployment.revision, "variants": states}
    return endpoint.advance(**{"status": EndpointStatus.IN_SERVICE, **told, **facts})


def a_transform_job(name: str = "Transform-1", created: datetime = START, **members: Any) -> TransformJob:
    key = ResourceKey(ACCOUNT, REGION, "transform-job", name)
    progress = TransformProgress(last_modified_time=created)
    return TransformJob(key, created, a_transform_request(name, **members), a_model_request(), progress)


def _with(document: Document, members: Document) -> Document:
    return {name: value for name, value in {**document, **members}.items() if value is not None}
