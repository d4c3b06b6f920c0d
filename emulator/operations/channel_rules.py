"""Rules of InputDataConfig that the API's shapes do not tell.

What must not be combined stands in API Channel, S3DataSource and DG model-access-training-data; the texts are ours.
"""

import re
from collections.abc import Iterator, Sequence

from emulator.domain import errors
from emulator.domain.errors import ServiceError, validation_error
from emulator.operations.rule import Document, s3_uri_rule

EMULATED_SOURCES = ("S3DataSource", "FileSystemDataSource")
EMULATED_TYPES = ("S3Prefix", "ManifestFile", "AugmentedManifestFile")


def check_channels(document: Document) -> Iterator[ServiceError]:
    channels = document.get("InputDataConfig") or []
    job_mode = document["AlgorithmSpecification"]["TrainingInputMode"]
    groups = {g.get("InstanceGroupName") for g in document["ResourceConfig"].get("InstanceGroups") or []}
    modes = {channel["ChannelName"]: channel.get("InputMode", job_mode) for channel in channels}
    if len(modes) < len(channels):
        yield validation_error("Channel names must be unique in InputDataConfig.")
    yield from _names(modes)
    for channel in channels:
        mode = modes[channel["ChannelName"]]
        yield from _data_source(channel, mode)
        yield from _format(channel, mode)
        yield from _instance_groups(channel, groups)


def _names(modes: dict[str, str]) -> Iterator[ServiceError]:
    for name in modes:
        if name in (".", ".."):
            yield validation_error(f"ChannelName {name} cannot be the name of a directory.")
        epoch = re.fullmatch(r"(.+)_(0|[1-9]\d*)", name)
        if epoch and modes.get(epoch[1]) == "Pipe":
            yield validation_error(
                f"Channel {name} would be at the same path as epoch {epoch[2]} of channel {epoch[1]}, which has "
                "input mode Pipe. Rename one of them."
            )


def _data_source(channel: Document, mode: str) -> Iterator[ServiceError]:
    name, source = channel["ChannelName"], channel["DataSource"]
    for kind in source:
        if kind not in EMULATED_SOURCES:
            yield errors.not_emulated(
                f"the DataSource of channel {name}", kind, f"Use {' or '.join(EMULATED_SOURCES)}."
            )
    if len(source) != 1:
        yield validation_error(
            f"The DataSource of channel {name} must have exactly one of {' and '.join(EMULATED_SOURCES)}."
        )
    if "S3DataSource" in source:
        yield from _s3_data_source(source["S3DataSource"], name, mode)
    elif mode != "File":
        yield validation_error(
            f"The FileSystemDataSource of channel {name} can only be used with input mode File, not {mode}."
        )


def _s3_data_source(source: Document, name: str, mode: str) -> Iterator[ServiceError]:
    data_type = source["S3DataType"]
    if data_type not in EMULATED_TYPES:
        yield errors.not_emulated(
            f"the S3DataType of channel {name}", data_type, f"Use {', '.join(EMULATED_TYPES)}."
        )
    for member in ("ModelAccessConfig", "HubAccessConfig"):
        if member in source:
            yield errors.not_emulated(
                f"a member of the S3DataSource of channel {name}", member, "Leave it out."
            )
    if mode == "FastFile" and data_type != "S3Prefix":
        yield validation_error(
            f"S3DataType {data_type} of channel {name} cannot be used with input mode FastFile, only S3Prefix."
        )
    if data_type == "AugmentedManifestFile" and mode != "Pipe":
        yield validation_error(
            f"S3DataType AugmentedManifestFile of channel {name} can only be used with input mode Pipe, not {mode}."
        )
    yield from _attribute_names(source.get("AttributeNames", ()), data_type, name)
    yield from s3_uri_rule(source["S3Uri"], f"the S3Uri of channel {name}")


def _attribute_names(names: Sequence[str], data_type: str, channel: str) -> Iterator[ServiceError]:
    """At most 16 by the shape."""
    if data_type == "AugmentedManifestFile" and not names:
        yield validation_error(
            f"S3DataType AugmentedManifestFile of channel {channel} needs at least one of AttributeNames."
        )
    if data_type != "AugmentedManifestFile" and names:
        yield validation_error(
            f"AttributeNames of channel {channel} can only be used with S3DataType AugmentedManifestFile."
        )


def _format(channel: Document, mode: str) -> Iterator[ServiceError]:
    for member in ("CompressionType", "RecordWrapperType"):
        value = channel.get(member, "None")
        if value != "None" and mode != "Pipe":
            yield validation_error(
                f"{member} {value} of channel {channel['ChannelName']} can only be used with input mode Pipe, "
                f"not {mode}."
            )


def _instance_groups(channel: Document, groups: set[str | None]) -> Iterator[ServiceError]:
    named = (channel["DataSource"].get("S3DataSource") or {}).get("InstanceGroupNames") or []
    unknown = [name for name in named if name not in groups]
    if unknown:
        yield validation_error(
            f"Channel {channel['ChannelName']} names the instance groups {', '.join(unknown)}, "
            "which ResourceConfig does not have."
        )
