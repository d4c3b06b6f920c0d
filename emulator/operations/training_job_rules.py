"""Rules of CreateTrainingJob that the API's shapes do not tell.

Exact texts of most are not public; where none is known, the text is ours (docs/fidelity.md, "Error texts").
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from emulator.domain import errors
from emulator.domain.errors import ServiceError, validation_error
from emulator.domain.instance_type import catalogue
from emulator.domain.s3_uri import S3Uri

Document = Mapping[str, Any]
Rule = Callable[[Document], Iterator[ServiceError]]


def check_rules(document: Document) -> None:
    """Raise the ServiceError of the first rule that the validated request breaks."""
    for rule in (_algorithm, _resources, _stopping, _output, _channels):
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
    if "AlgorithmName" in algorithm:
        yield errors.not_emulated(
            "AlgorithmName", algorithm["AlgorithmName"], "Give a TrainingImage instead."
        )


def _resources(document: Document) -> Iterator[ServiceError]:
    resources = document.get("ResourceConfig")
    if resources is None:
        yield validation_error("ResourceConfig is required.")
        return
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
    names = [group.get("InstanceGroupName") for group in groups]
    if len(set(names)) < len(names):
        yield validation_error("InstanceGroupName must be unique in ResourceConfig.")
    for group in groups or [resources]:
        yield from _instance_type(group)


def _instance_type(group: Document) -> Iterator[ServiceError]:
    if not group.get("InstanceType") or not group.get("InstanceCount"):
        yield validation_error("Every instance group needs InstanceType and an InstanceCount of at least 1.")
    elif group["InstanceType"] not in catalogue():
        yield errors.not_emulated("InstanceType", group["InstanceType"], "Its size is not public yet.")


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
    output = document["OutputDataConfig"]
    yield from _s3_uri(output["S3OutputPath"], "OutputDataConfig.S3OutputPath")
    if output.get("CompressionType", "GZIP") != "GZIP":
        yield errors.not_emulated("OutputDataConfig.CompressionType", output["CompressionType"], "Use GZIP.")


def _channels(document: Document) -> Iterator[ServiceError]:
    channels = document.get("InputDataConfig") or []
    names = [channel["ChannelName"] for channel in channels]
    if len(set(names)) < len(names):
        yield validation_error("Channel names must be unique in InputDataConfig.")
    groups = {g.get("InstanceGroupName") for g in document["ResourceConfig"].get("InstanceGroups") or []}
    job_mode = document["AlgorithmSpecification"]["TrainingInputMode"]
    for channel in channels:
        yield from _channel(channel, job_mode)
        yield from _channel_groups(channel, groups)
    if not channels and job_mode != "File":
        yield _unsupported_mode(job_mode, "AlgorithmSpecification.TrainingInputMode")


def _channel(channel: Document, job_mode: str) -> Iterator[ServiceError]:
    name = channel["ChannelName"]
    if name in (".", ".."):
        yield validation_error(f"ChannelName {name} cannot be the name of a directory.")
    mode = channel.get("InputMode", job_mode)
    if mode != "File":
        yield _unsupported_mode(mode, f"the input mode of channel {name}")
    for member in ("CompressionType", "RecordWrapperType"):
        if channel.get(member, "None") != "None":
            yield validation_error(
                f"{member} {channel[member]} of channel {name} can only be used with input mode Pipe."
            )
    source = channel["DataSource"]
    if "S3DataSource" not in source:
        kinds = ", ".join(sorted(source)) or "an empty structure"
        yield errors.not_emulated(f"the DataSource of channel {name}", kinds, "Use an S3DataSource.")
        return
    yield from _s3_data_source(source["S3DataSource"], name)


def _s3_data_source(source: Document, name: str) -> Iterator[ServiceError]:
    if source["S3DataType"] != "S3Prefix":
        yield errors.not_emulated(f"the S3DataType of channel {name}", source["S3DataType"], "Use S3Prefix.")
    for member in ("AttributeNames", "ModelAccessConfig", "HubAccessConfig"):
        if source.get(member):
            yield errors.not_emulated(
                f"a member of the S3DataSource of channel {name}", member, "Leave it out."
            )
    yield from _s3_uri(source["S3Uri"], f"the S3Uri of channel {name}")


def _channel_groups(channel: Document, groups: set[Any]) -> Iterator[ServiceError]:
    named = (channel["DataSource"].get("S3DataSource") or {}).get("InstanceGroupNames") or []
    unknown = [name for name in named if name not in groups]
    if unknown:
        yield validation_error(
            f"Channel {channel['ChannelName']} names the instance groups {', '.join(unknown)}, "
            "which ResourceConfig does not have."
        )


def _unsupported_mode(mode: str, member: str) -> ServiceError:
    return errors.not_emulated(member, mode, "Use File.")


def _s3_uri(text: str, member: str) -> Iterator[ServiceError]:
    try:
        S3Uri.parse(text)
    except ValueError as error:
        yield validation_error(f"{member}: {error}")
