"""Rules of CreateTransformJob that the API's shapes do not tell.

Sources: API CreateTransformJobRequest, TransformS3DataSource, TransformInput, DataProcessing. Texts without a source in
domain/hosting_errors.py or data_processing.py are ours.
"""

from collections.abc import Iterator

from emulator.domain import errors, hosting_errors
from emulator.domain.data_processing import DataProcessing, check_data_processing
from emulator.domain.errors import ServiceError, validation_error
from emulator.domain.instance_type import catalogue
from emulator.operations.model_rules import containers_of, is_multi_model
from emulator.operations.rule import Document, environment_rule, not_emulated_members, s3_uri_rule

MAX_PAYLOAD = 100
"""MB, of one request and of all that are sent to an instance at a time."""
BINARY = ("RecordIO", "TFRecord")


def check_transform_job(document: Document) -> None:
    """Raise the ServiceError of the first rule that the validated request breaks."""
    for rule in (_input, _output, _headers, environment_rule, _resources, _payload, _data_processing):
        for error in rule(document):
            raise error
    given, result = document["TransformInput"], document["TransformOutput"]
    processing = DataProcessing.of(document.get("DataProcessing"))
    check_data_processing(processing, given.get("ContentType"), result.get("Accept"))


def check_model_of_transform(model: Document) -> None:
    """Raise AWS's or our refusal for a model, the request of CreateModel, that no transform job can use."""
    for container in containers_of(model):
        if "ModelDataSource" in container:
            raise hosting_errors.model_data_source_in_transform()
        if is_multi_model(container):
            raise validation_error(
                "A transform job cannot use a model with a container with Mode MultiModel."
            )


def _input(document: Document) -> Iterator[ServiceError]:
    source = document["TransformInput"]["DataSource"]["S3DataSource"]
    if source["S3DataType"] == "Converse":
        yield errors.not_emulated("S3DataType", "Converse", "Use S3Prefix or ManifestFile.")
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        yield validation_error(
            f"S3DataType {source['S3DataType']} cannot be used in a transform job; use S3Prefix or ManifestFile."
        )
    yield from s3_uri_rule(source["S3Uri"], "TransformInput.DataSource.S3DataSource.S3Uri")


def _output(document: Document) -> Iterator[ServiceError]:
    yield from s3_uri_rule(document["TransformOutput"]["S3OutputPath"], "TransformOutput.S3OutputPath")
    yield from not_emulated_members(document, ["DataCaptureConfig"], "CreateTransformJob")


def _headers(document: Document) -> Iterator[ServiceError]:
    """Both become headers of every request to the container."""
    for owner, member in (("TransformInput", "ContentType"), ("TransformOutput", "Accept")):
        if not document[owner].get(member, "").isprintable():
            yield validation_error(f"{owner}.{member} has a character that is not printable.")


def _resources(document: Document) -> Iterator[ServiceError]:
    resources = document["TransformResources"]
    instance_type = catalogue().get(resources["InstanceType"])
    if instance_type is None:
        yield errors.not_emulated("InstanceType", resources["InstanceType"], "Its size is not public yet.")
    elif instance_type.local_storage_bytes and resources.get("VolumeKmsKeyId"):
        yield validation_error(
            "You can't request a VolumeKmsKeyId when using an instance type with local storage: "
            f"{instance_type.name}."
        )


def _payload(document: Document) -> Iterator[ServiceError]:
    payload, requests = document.get("MaxPayloadInMB", 0), document.get("MaxConcurrentTransforms", 0)
    if payload > MAX_PAYLOAD:
        yield validation_error(f"MaxPayloadInMB cannot be greater than {MAX_PAYLOAD}; it is {payload}.")
    if payload * requests > MAX_PAYLOAD:
        yield validation_error(
            f"MaxConcurrentTransforms * MaxPayloadInMB cannot exceed {MAX_PAYLOAD}; it is {requests} * {payload}."
        )


def _data_processing(document: Document) -> Iterator[ServiceError]:
    """ "You can use input files in JSON and CSV format only" (DG batch-transform-data-processing)."""
    split_type = document["TransformInput"].get("SplitType", "None")
    processing = DataProcessing.of(document.get("DataProcessing"))
    if split_type in BINARY and processing != DataProcessing():
        yield validation_error(f"DataProcessing cannot be used with SplitType {split_type}.")
