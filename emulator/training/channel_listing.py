"""What a channel consists of: its objects by path in File mode, its units in Pipe mode, whatever its S3DataType.

Everything here raises JobFailure alone: by now the job exists, so a faulty manifest is its failure.
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from anyio import CapacityLimiter

from emulator.blocking import blocking
from emulator.domain.channel import Channel, S3DataType
from emulator.domain.failure_reason import data_download_failed
from emulator.domain.manifest_file import ManifestFile, entry_paths
from emulator.domain.object_path import object_path
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.objects.object_store import ObjectStore
from emulator.training.channel_units import Unit
from emulator.training.manifest_objects import (
    channel_failure,
    fetch_augmented_lines,
    fetch_manifest,
    manifest_failure,
    stat_entries,
    stat_references,
)

Located = tuple[S3Object, PurePosixPath]


class ChannelListing(NamedTuple):
    key_prefix: str
    """Of the S3Uri, or of the manifest's prefix."""
    located: list[Located]
    """Objects and their paths below the channel's directory, folder markers left out."""


async def list_channel(channel: Channel, objects: ObjectStore, disk: CapacityLimiter) -> ChannelListing:
    """What File mode shows: by key for S3Prefix, in the manifest's order for ManifestFile. Raises JobFailure."""
    if channel.source.s3_data_type is S3DataType.S3_PREFIX:
        found = await _list_prefix(channel, objects)
        return ChannelListing(channel.source.uri.key, await blocking(disk, locate, channel, found))
    manifest = await fetch_manifest(channel, objects, disk)
    stats = await stat_entries(channel, manifest, objects)
    located = await blocking(disk, _locate_entries, channel, manifest, stats)
    return ChannelListing(manifest.prefix.key, located)


async def list_units(channel: Channel, objects: ObjectStore, disk: CapacityLimiter) -> list[Unit]:
    """What Pipe mode sends, before sharding and shuffling, folder markers left out.

    One object a unit, by key for S3Prefix and in the manifest's order for ManifestFile; of an augmented manifest
    one line a unit. Raises JobFailure.
    """
    if channel.source.s3_data_type is S3DataType.S3_PREFIX:
        return [(one,) for one in await _list_prefix(channel, objects) if not one.key.endswith("/")]
    if channel.source.s3_data_type is S3DataType.MANIFEST_FILE:
        manifest = await fetch_manifest(channel, objects, disk)
        stats = await stat_entries(channel, manifest, objects)
        return [(stats[entry.uri],) for entry in manifest.entries if not entry.name.endswith("/")]
    lines = await fetch_augmented_lines(channel, objects, disk)
    stats = await stat_references(channel, lines, objects)
    return [
        tuple(stats[value] if isinstance(value, S3Uri) else value for value in line.values) for line in lines
    ]


def locate(channel: Channel, found: Sequence[S3Object]) -> list[Located]:
    """The paths of an S3Prefix channel's objects.

    Raises JobFailure for a key that has no place in the channel's directory, or that takes another's.
    """
    prefix = channel.source.uri.key
    located: list[Located] = []
    for one in found:
        try:
            path = object_path(one.key, prefix)
        except ValueError as error:
            raise channel_failure(channel, f"{error}.") from error
        if path is not None:
            located.append((one, path))
    refuse_clashes(channel, located)
    return located


def refuse_clashes(channel: Channel, located: Sequence[Located]) -> None:
    """S3 keeps `a`, `a/b` and `a//b` side by side, a directory cannot. Raises JobFailure."""
    paths: set[PurePosixPath] = set()
    folders = {
        ancestor for parent in {path.parent for _, path in located} for ancestor in (parent, *parent.parents)
    }
    for found, path in located:
        if path in paths or path in folders:
            raise channel_failure(
                channel,
                f"the key {found.key!r} and another key of the channel "
                f"would be the same path {path} in the container.",
            )
        paths.add(path)


def channel_manifest(listing: ChannelListing) -> str:
    """`<channel>-manifest`, as real jobs have it: the key prefix, then every object of the whole channel."""
    lines = [listing.key_prefix, *(f"s3://{found.bucket}/{found.key}" for found, _ in listing.located)]
    return "\n".join(lines) + "\n"


async def _list_prefix(channel: Channel, objects: ObjectStore) -> list[S3Object]:
    try:
        return [one async for one in objects.list(channel.source.uri)]
    except S3Fault as fault:
        raise data_download_failed(str(fault)) from fault


def _locate_entries(
    channel: Channel, manifest: ManifestFile, stats: Mapping[S3Uri, S3Object]
) -> list[Located]:
    try:
        paths = entry_paths(manifest.entries)
    except ValueError as error:
        raise manifest_failure(channel, error) from error
    pairs = zip(manifest.entries, paths, strict=True)
    located = [(stats[entry.uri], path) for entry, path in pairs if path is not None]
    refuse_clashes(channel, located)
    return located
