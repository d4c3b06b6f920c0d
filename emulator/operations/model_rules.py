"""Rules of CreateModel that the API's shapes do not tell.

Sources: API ContainerDefinition, S3ModelDataSource; DG inference-pipelines, multi-container-direct. Texts without a
source in domain/hosting_errors.py are ours.
"""

from collections.abc import Iterator

from emulator.domain import errors, hosting_errors
from emulator.domain.errors import ServiceError, validation_error
from emulator.operations.rule import Document, environment_rule, not_emulated_members, s3_uri_rule

NOT_EMULATED = (
    "ModelPackageName",
    "InferenceSpecificationName",
    "AdditionalModelDataSources",
    "ContainerMetricsConfig",
)
SOURCE_NOT_EMULATED = ("ModelAccessConfig", "HubAccessConfig", "ManifestS3Uri", "ETag", "ManifestEtag")
ENVIRONMENT_LIMIT = 32 * 1024
"""Bytes of all keys and values of all containers."""


def check_model(document: Document) -> None:
    """Raise the ServiceError of the first rule that the validated request breaks."""
    for rule in (_containers, _pipeline, _multi_model, _environment):
        for error in rule(document):
            raise error


def containers_of(document: Document) -> list[Document]:
    primary = [document["PrimaryContainer"]] if "PrimaryContainer" in document else []
    return [*primary, *document.get("Containers", ())]


def is_multi_model(container: Document) -> bool:
    return bool(container.get("Mode") == "MultiModel")


def _containers(document: Document) -> Iterator[ServiceError]:
    if ("PrimaryContainer" in document) == bool(document.get("Containers")):
        yield validation_error("You must specify either PrimaryContainer or Containers, and not both.")
    for container in containers_of(document):
        if "Image" in container and "ModelPackageName" in container:
            yield hosting_errors.no_image_in_container()
        yield from not_emulated_members(container, NOT_EMULATED, "a ContainerDefinition")
        if "Image" not in container:
            yield hosting_errors.no_image_in_container()
        yield from _image(container.get("ImageConfig", {}))
        yield from _model_data(container)


def _image(config: Document) -> Iterator[ServiceError]:
    if config.get("RepositoryAccessMode") == "Vpc":
        yield errors.not_emulated("RepositoryAccessMode", "Vpc", "Use Platform.")
    yield from not_emulated_members(config, ["RepositoryAuthConfig"], "ImageConfig")


def _model_data(container: Document) -> Iterator[ServiceError]:
    if "ModelDataUrl" in container and "ModelDataSource" in container:
        yield validation_error("You must specify either ModelDataUrl or ModelDataSource, and not both.")
    if "ModelDataUrl" in container:
        yield from s3_uri_rule(container["ModelDataUrl"], "ModelDataUrl")
    if "ModelDataSource" in container:
        yield from _data_source(container["ModelDataSource"].get("S3DataSource"))


def _data_source(source: Document | None) -> Iterator[ServiceError]:
    if source is None:
        yield validation_error("ModelDataSource must have an S3DataSource.")
        return
    yield from not_emulated_members(source, SOURCE_NOT_EMULATED, "S3DataSource of a ModelDataSource")
    yield from s3_uri_rule(source["S3Uri"], "ModelDataSource.S3DataSource.S3Uri")
    if source["S3DataType"] == "S3Prefix":
        if source["CompressionType"] == "Gzip":
            yield validation_error(
                "CompressionType Gzip needs S3DataType S3Object: an S3Prefix holds an uncompressed model."
            )
        if not source["S3Uri"].endswith("/"):
            yield validation_error(
                f"The S3Uri {source['S3Uri']} of S3DataType S3Prefix must end with a slash (/)."
            )


def _pipeline(document: Document) -> Iterator[ServiceError]:
    containers = document.get("Containers") or []
    hostnames = [c["ContainerHostname"] for c in containers if "ContainerHostname" in c]
    is_direct = document.get("InferenceExecutionConfig", {}).get("Mode") == "Direct"
    if is_direct and len(containers) < 2:
        yield validation_error("InferenceExecutionConfig with Mode Direct needs at least two Containers.")
    if len(hostnames) < len(containers) and (hostnames or is_direct):
        yield validation_error(
            "Every container must have a ContainerHostname where one of them has it or Mode is Direct."
        )
    if len(set(hostnames)) < len(hostnames):
        yield validation_error("ContainerHostname must be unique within Containers.")


def _multi_model(document: Document) -> Iterator[ServiceError]:
    containers = containers_of(document)
    multi = [container for container in containers if is_multi_model(container)]
    if len(multi) > 1:
        yield hosting_errors.many_multi_models()
    if multi and len(containers) > 1:
        yield errors.not_emulated(
            "the Mode of one of several Containers", "MultiModel", "Give it a model of its own."
        )
    for container in multi:
        if "ModelDataUrl" not in container:
            yield validation_error(
                "A container with Mode MultiModel needs ModelDataUrl, the S3 prefix that its models are under."
            )
    for container in containers:
        if container.get("MultiModelConfig", {}).get("ModelCacheSetting") == "Disabled":
            yield errors.not_emulated("ModelCacheSetting", "Disabled", "Use Enabled.")


def _environment(document: Document) -> Iterator[ServiceError]:
    for container in containers_of(document):
        yield from environment_rule(container)
    maps = [container.get("Environment", {}) for container in containers_of(document)]
    size = sum(len(f"{key}{value}".encode()) for each in maps for key, value in each.items())
    if size > ENVIRONMENT_LIMIT:
        yield validation_error(
            f"The Environment of all containers together has {size} bytes; at most {ENVIRONMENT_LIMIT} are allowed."
        )
