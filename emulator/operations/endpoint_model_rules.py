"""Rules on an endpoint configuration together with its models.

Sources: DG serverless-endpoints ("Feature exclusions"), API ContainerDefinition$ModelDataSource, InvokeEndpointAsync.
The texts are ours.
"""

from collections.abc import Iterator, Mapping

from emulator.domain.errors import ServiceError, validation_error
from emulator.operations.model_rules import containers_of, is_multi_model
from emulator.operations.rule import Document

Models = Mapping[str, Document]
"""Requests of CreateModel by ModelName."""

NOT_SERVERLESS = ("VpcConfig", "EnableNetworkIsolation", "DataCaptureConfig", "AsyncInferenceConfig")
NOT_SERVERLESS_MODEL = ("VpcConfig", "EnableNetworkIsolation")


def check_models_of_config(document: Document, models: Models) -> None:
    """Raise the ServiceError of the first rule that is broken."""
    for rule in (_serverless, _asynchronous):
        for error in rule(document, models):
            raise error


def _serverless(document: Document, models: Models) -> Iterator[ServiceError]:
    variants = document["ProductionVariants"]
    serverless = [variant for variant in variants if "ServerlessConfig" in variant]
    if not serverless:
        return
    if len(variants) > 1:
        yield _excluded("more than one ProductionVariant")
    for member in NOT_SERVERLESS:
        if document.get(member):
            yield _excluded(member)
    for variant in serverless:
        yield from _serverless_model(models[variant["ModelName"]])


def _serverless_model(model: Document) -> Iterator[ServiceError]:
    containers = containers_of(model)
    for member in NOT_SERVERLESS_MODEL:
        if model.get(member):
            yield _excluded(f"a model with {member}")
    if len(containers) > 1:
        yield _excluded("an inference pipeline")
    for container in containers:
        if is_multi_model(container):
            yield _excluded("a container with Mode MultiModel")
        if "ModelDataSource" in container:
            yield _excluded("a model with containers that use ModelDataSource")


def _excluded(feature: str) -> ServiceError:
    return validation_error(f"A serverless variant does not support {feature}.")


def _asynchronous(document: Document, models: Models) -> Iterator[ServiceError]:
    """InvokeEndpointAsync names no TargetModel."""
    if "AsyncInferenceConfig" not in document:
        return
    for model in models.values():
        if any(is_multi_model(container) for container in containers_of(model)):
            yield validation_error("AsyncInferenceConfig does not support a container with Mode MultiModel.")
