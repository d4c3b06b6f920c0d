"""Rules of CreateEndpointConfig that the API's shapes do not tell.

Sources: API ProductionVariant, CreateEndpointConfigInput. The texts are ours.
"""

from collections.abc import Iterator

from emulator.domain import errors
from emulator.domain.errors import ServiceError, validation_error
from emulator.domain.instance_type import catalogue
from emulator.operations.rule import Document, not_emulated_members, s3_uri_rule

NOT_EMULATED = ("ShadowProductionVariants", "ExplainerConfig")
VARIANT_NOT_EMULATED = (
    "InstancePools",
    "VariantInstanceProvisionTimeoutInSeconds",
    "AcceleratorType",
    "CoreDumpConfig",
    "ManagedInstanceScaling",
    "CapacityReservationConfig",
    "AcceleratorPartitionLayouts",
)
METRICS_NOT_EMULATED = ("EnableEnhancedMetrics", "EnableDetailedObservability")
ROUTING = ("LEAST_OUTSTANDING_REQUESTS", "RANDOM")


def check_endpoint_config(document: Document) -> None:
    """Raise the ServiceError of the first rule that the validated request breaks."""
    for rule in (_config, _variants, _metrics, _asynchronous, _capture):
        for error in rule(document):
            raise error


def _config(document: Document) -> Iterator[ServiceError]:
    yield from not_emulated_members(document, NOT_EMULATED, "CreateEndpointConfig")


def _variants(document: Document) -> Iterator[ServiceError]:
    variants = document["ProductionVariants"]
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) < len(names):
        yield validation_error("VariantName must be unique within ProductionVariants.")
    for variant in variants:
        yield from _variant(variant)
    if not any(variant.get("InitialVariantWeight", 1.0) for variant in variants):
        yield validation_error(
            "At least one of the ProductionVariants must have an InitialVariantWeight above 0."
        )


def _variant(variant: Document) -> Iterator[ServiceError]:
    yield from not_emulated_members(variant, VARIANT_NOT_EMULATED, "a ProductionVariant")
    if "ModelName" not in variant:
        yield errors.not_emulated(
            "a ProductionVariant",
            "a variant without ModelName, which is for inference components,",
            "Give it a ModelName.",
        )
    if variant.get("EnableSSMAccess"):
        yield errors.not_emulated("EnableSSMAccess", "true", "Use docker exec on this machine.")
    yield from _routing(variant.get("RoutingConfig", {}))
    if "ServerlessConfig" in variant:
        yield from _serverless_config(variant)
    else:
        yield from _instances(variant)


def _routing(config: Document) -> Iterator[ServiceError]:
    strategy = config.get("RoutingStrategy", ROUTING[0])
    if strategy not in ROUTING:
        yield errors.not_emulated("RoutingStrategy", strategy, f"Use {' or '.join(ROUTING)}.")
    yield from not_emulated_members(config, ["PrefixAwareRoutingConfig"], "RoutingConfig")


def _instances(variant: Document) -> Iterator[ServiceError]:
    name, instance_type = variant["VariantName"], variant.get("InstanceType")
    if instance_type is None or "InitialInstanceCount" not in variant:
        yield validation_error(
            f"Variant {name} needs InstanceType and InitialInstanceCount, or a ServerlessConfig."
        )
    elif instance_type not in catalogue():
        yield errors.not_emulated("InstanceType", instance_type, "Its size is not public yet.")


def _serverless_config(variant: Document) -> Iterator[ServiceError]:
    name, config = variant["VariantName"], variant["ServerlessConfig"]
    of_instances = ("InstanceType", "InitialInstanceCount", "VolumeSizeInGB", "RoutingConfig")
    for member in (*of_instances, "InferenceAmiVersion"):
        if member in variant:
            yield validation_error(f"Variant {name} cannot have {member} together with ServerlessConfig.")
    if config["MemorySizeInMB"] % 1024:
        yield validation_error(
            f"MemorySizeInMB of variant {name} must be one of 1024, 2048, 3072, 4096, 5120 and 6144, "
            f"not {config['MemorySizeInMB']}."
        )
    yield from not_emulated_members(config, ["ProvisionedConcurrency"], "ServerlessConfig")


def _metrics(document: Document) -> Iterator[ServiceError]:
    for member in METRICS_NOT_EMULATED:
        if document.get("MetricsConfig", {}).get(member):
            yield errors.not_emulated(member, "true", "Leave it out.")


def _asynchronous(document: Document) -> Iterator[ServiceError]:
    output = document.get("AsyncInferenceConfig", {}).get("OutputConfig")
    if output is None:
        return
    yield from not_emulated_members(output, ["NotificationConfig"], "OutputConfig of an AsyncInferenceConfig")
    if "S3OutputPath" not in output:
        yield validation_error("OutputConfig of AsyncInferenceConfig needs S3OutputPath.")
    for member in ("S3OutputPath", "S3FailurePath"):
        if member in output:
            yield from s3_uri_rule(output[member], f"AsyncInferenceConfig.OutputConfig.{member}")


def _capture(document: Document) -> Iterator[ServiceError]:
    if "DataCaptureConfig" in document:
        uri = document["DataCaptureConfig"]["DestinationS3Uri"]
        yield from s3_uri_rule(uri, "DataCaptureConfig.DestinationS3Uri")
