"""Manifests, fetched from S3, and the objects that they name. Raises JobFailure alone."""

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO

import anyio
from anyio import CapacityLimiter
from anyio.abc import TaskGroup

from emulator.blocking import blocking
from emulator.domain.channel import Channel
from emulator.domain.failure_reason import JobFailure, data_download_failed
from emulator.domain.manifest_file import MAX_MANIFEST_BYTES, ManifestFile, read_manifest
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.objects.object_store import ObjectStore
from emulator.training.augmented_manifest import MAX_AUGMENTED_MANIFEST_BYTES, AugmentedLine, read_lines

PARALLEL_STATS = 16


async def fetch_manifest(channel: Channel, objects: ObjectStore, disk: CapacityLimiter) -> ManifestFile:
    """The manifest of a ManifestFile channel."""
    content = await _read(channel, objects, MAX_MANIFEST_BYTES)
    try:
        return await blocking(disk, read_manifest, content)
    except ValueError as error:
        raise manifest_failure(channel, error) from error


async def fetch_augmented_lines(
    channel: Channel, objects: ObjectStore, disk: CapacityLimiter
) -> list[AugmentedLine]:
    """The lines of an AugmentedManifestFile channel; there is at least one."""
    content = await _read(channel, objects, MAX_AUGMENTED_MANIFEST_BYTES)
    try:
        return await blocking(disk, _read_lines, content, channel.source.attribute_names)
    except ValueError as error:
        raise manifest_failure(channel, error) from error


async def stat_entries(
    channel: Channel, manifest: ManifestFile, objects: ObjectStore
) -> dict[S3Uri, S3Object]:
    """Every object of the manifest."""
    places: dict[S3Uri, str] = {}
    for entry in manifest.entries:
        places.setdefault(entry.uri, f"element {entry.element}")
    return await _stat_all(channel, places, objects)


async def stat_references(
    channel: Channel, lines: Sequence[AugmentedLine], objects: ObjectStore
) -> dict[S3Uri, S3Object]:
    """Every object that a line refers to."""
    places: dict[S3Uri, str] = {}
    for line in lines:
        for value in line.values:
            if isinstance(value, S3Uri):
                places.setdefault(value, f"line {line.number}")
    return await _stat_all(channel, places, objects)


def manifest_failure(channel: Channel, why: object) -> JobFailure:
    text = str(why).rstrip(".")
    return channel_failure(channel, f"the manifest {channel.source.s3_uri}: {text}.")


def channel_failure(channel: Channel, why: str) -> JobFailure:
    return data_download_failed(f"channel {channel.channel_name}: {why}")


def _read_lines(content: bytes, attribute_names: Sequence[str]) -> list[AugmentedLine]:
    if len(content) > MAX_AUGMENTED_MANIFEST_BYTES:
        raise ValueError(f"it has more than {MAX_AUGMENTED_MANIFEST_BYTES // 2**20} MiB")
    lines = list(read_lines(BytesIO(content), attribute_names))
    if not lines:
        raise ValueError("it has no lines")
    return lines


async def _read(channel: Channel, objects: ObjectStore, limit: int) -> bytes:
    """The manifest, or one byte more than `limit` of it."""
    try:
        return await objects.read(channel.source.uri, limit + 1)
    except S3Fault as fault:
        raise manifest_failure(channel, fault) from fault


async def _stat_all(
    channel: Channel, places: Mapping[S3Uri, str], objects: ObjectStore
) -> dict[S3Uri, S3Object]:
    """All keys of `places`, which tells where the manifest names them, for the failure of a missing one."""
    found: dict[S3Uri, S3Object] = {}
    failures: list[JobFailure] = []

    async def work(waiting: Iterator[S3Uri], workers: TaskGroup) -> None:
        for uri in waiting:
            try:
                found[uri] = await objects.stat(uri)
            except S3Fault as fault:
                failures.append(manifest_failure(channel, f"{places[uri]} names {uri}: {fault}"))
                workers.cancel_scope.cancel()

    waiting = iter(places)
    async with anyio.create_task_group() as workers:
        for _ in range(min(PARALLEL_STATS, len(places))):
            workers.start_soon(work, waiting, workers)
    if failures:
        raise failures[0]
    return found
