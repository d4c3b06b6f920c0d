"""Rules of CreateTrainingJob that the API's shapes do not tell.

Exact texts of most are not public; where none is known, the text is ours (docs/fidelity.md, "Error texts").
"""

from collections.abc import Iterator

from emulator.domain import errors
from emulator.domain.errors import ServiceError, validation_error
from emulator.domain.instance_type import catalogue
from emulator.domain.metric_definition import faults_of_regexes
from emulator.domain.warm_pool import may_have_pool
from emulator.operations.channel_rules import check_channels
from emulator.operations.rule import Document, environment_rule, s3_uri_rule
from emulator.operations.sync_directory_rules import check_sync_directories


def check_rules(document: Document) -> None:
    """Raise the ServiceError of the first rule that the validated request breaks."""
    for rule in (
        _algorithm,
        _resources,
        _stopping,
        _output,
        check_channels,
        check_sync_directories,
        environment_rule,
    ):
        for error in rule(document):
            raise error


def _algorithm(document: Document) -> Iterator[ServiceError]:
    if "ServerlessJobConfig" in document:
        yield errors.not_emulated("ServerlessJobConfig", "a serverless job", "Give a ResourceConfig instead.")
    algorithm = document.get("AlgorithmSpecification")
    if algorithm is None:
        yield validation_error("AlgorithmSpecification is required.")
        return
    if ("TrainingImage" in algorithm) == ("AlgorithmName" in algorithm):
        yield validation_error(
            "You must specify either TrainingImage or AlgorithmName in AlgorithmSpecification, and not both."
        )
    for fault in faults_of_regexes(algorithm.get("MetricDefinitions", ())):
        yield validation_error(f"In AlgorithmSpecification {fault}.")


def _resources(document: Document) -> Iterator[ServiceError]:
    resources = document.get("ResourceConfig")
    if resources is None:
        yield validation_error("ResourceConfig is required.")
        return
    yield from _selection(resources)
    groups = resources.get("InstanceGroups") or []
    singles = [name for name in ("InstanceType", "InstanceCount") if resources.get(name)]
    if groups and singles:
        yield validation_error(
            f"{' and '.join(singles)} cannot be given together with InstanceGroups in ResourceConfig."
        )
    if not groups and len(singles) < 2:
        yield validation_error(
            "ResourceConfig needs InstanceType and an InstanceCount of at least 1, or InstanceGroups."
        )
    if resources.get("KeepAlivePeriodInSeconds") and not may_have_pool(document):
        yield errors.keep_alive_misplaced()
    names = [group.get("InstanceGroupName") for group in groups]
    if len(set(names)) < len(names):
        yield validation_error("InstanceGroupName must be unique in ResourceConfig.")
    for group in groups or [resources]:
        yield from _instance_type(group)
        yield from _volume(resources, group["InstanceType"])


def _selection(resources: Document) -> Iterator[ServiceError]:
    """API ResourceConfig$InstancePreferences, $SelectedInstanceType and $SelectedInstanceCount."""
    if "InstancePreferences" in resources:
        yield errors.not_emulated("InstanceType", "InstancePreferences", "Give one InstanceType.")
    for name in ("SelectedInstanceType", "SelectedInstanceCount"):
        if name in resources:
            yield validation_error(f"{name} is read-only: CreateTrainingJob does not take it.")


def _instance_type(group: Document) -> Iterator[ServiceError]:
    if not group.get("InstanceType") or not group.get("InstanceCount"):
        yield validation_error("Every instance group needs InstanceType and an InstanceCount of at least 1.")
    elif group["InstanceType"] not in catalogue():
        yield errors.not_emulated("InstanceType", group["InstanceType"], "Its size is not public yet.")


def _volume(resources: Document, instance_type: str) -> Iterator[ServiceError]:
    """API ResourceConfig$VolumeKmsKeyId and $VolumeSizeInGB."""
    has_local_storage = catalogue()[instance_type].local_storage_bytes > 0
    if has_local_storage and resources.get("VolumeKmsKeyId"):
        yield validation_error(
            f"You can't request a VolumeKmsKeyId when using an instance type with local storage: {instance_type}."
        )
    if not has_local_storage and resources.get("VolumeSizeInGB") == 0:
        yield validation_error(f"VolumeSizeInGB must be at least 1: {instance_type} has no local storage.")


def _stopping(document: Document) -> Iterator[ServiceError]:
    condition = document.get("StoppingCondition") or {}
    wait, run = condition.get("MaxWaitTimeInSeconds"), condition.get("MaxRuntimeInSeconds", 86_400)
    spot = document.get("EnableManagedSpotTraining", False)
    if wait is not None and not spot:
        yield validation_error(
            "MaxWaitTimeInSeconds can only be given together with EnableManagedSpotTraining."
        )
    if spot and (wait is None or wait < run):
        yield validation_error(
            "With EnableManagedSpotTraining, MaxWaitTimeInSeconds must be given and must be greater than or "
            "equal to MaxRuntimeInSeconds."
        )


def _output(document: Document) -> Iterator[ServiceError]:
    yield from s3_uri_rule(document["OutputDataConfig"]["S3OutputPath"], "OutputDataConfig.S3OutputPath")
