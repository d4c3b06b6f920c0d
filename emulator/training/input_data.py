"""Staging: every channel's objects, downloaded into the layers that the hosts see as /opt/ml/input.

May be entered again: it wipes and refills its own directories.
"""

import shutil
from collections.abc import Iterator, Sequence
from errno import ENOSPC
from pathlib import Path, PurePosixPath

import anyio
from anyio import CapacityLimiter

from emulator.blocking import blocking
from emulator.domain.channel import Channel
from emulator.domain.failure_reason import JobFailure, data_download_failed
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.training_job import TrainingJobRequest
from emulator.objects.object_store import ObjectStore
from emulator.training.input_layers import channel_layer
from emulator.training.object_path import object_path
from emulator.training.sharding import assign_shards

PARALLEL_DOWNLOADS = 16

Located = tuple[S3Object, PurePosixPath]


async def stage_input(
    request: TrainingJobRequest, work_dir: Path, objects: ObjectStore, disk: CapacityLimiter
) -> dict[str, dict[str, int]]:
    """Fill `work_dir`. Returns how many objects each host got, by channel. Raises JobFailure."""
    await blocking(disk, _wipe, work_dir)
    names = {channel.channel_name for channel in request.input_data_config}
    counts: dict[str, dict[str, int]] = {}
    try:
        for channel in request.input_data_config:
            located = await list_channel(channel, objects, disk)
            shares = shares_by_layer(request, channel, located)
            for layer, share in shares.items():
                data = work_dir / layer / "data"
                await _stage_layer(channel, data, share, objects, disk)
                if manifest_name(channel) not in names:
                    await blocking(disk, _write_manifest, data, channel, located)
            counts[channel.channel_name] = {
                host: len(shares[channel_layer(request, channel, host)])
                for host in request.channel_hosts(channel)
            }
    except* (S3Fault, JobFailure) as faults:
        raise _first_fault(faults) from faults
    except* OSError as faults:
        if faults.subgroup(_is_full_disk) is None:
            raise
        raise data_download_failed("Insufficient disk space") from faults
    return counts


def manifest_name(channel: Channel) -> str:
    """The file beside the channel's directory; left out where another channel has its name."""
    return f"{channel.channel_name}-manifest"


async def list_channel(channel: Channel, objects: ObjectStore, disk: CapacityLimiter) -> list[Located]:
    """The channel's objects in key order with their paths, folder markers left out. Raises JobFailure."""
    found = [one async for one in objects.list(channel.source.uri)]
    return await blocking(disk, locate, channel, found)


def locate(channel: Channel, found: Sequence[S3Object]) -> list[Located]:
    """Raises JobFailure for a key that has no place in the channel's directory, or that takes another's."""
    prefix = channel.source.uri.key
    located: list[Located] = []
    for one in found:
        try:
            path = object_path(one.key, prefix)
        except ValueError as error:
            raise data_download_failed(f"channel {channel.channel_name}: {error}.") from error
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
            raise data_download_failed(
                f"channel {channel.channel_name}: the key {found.key!r} and another key of the channel "
                f"would be the same path {path} in the container."
            )
        paths.add(path)


def shares_by_layer(
    request: TrainingJobRequest, channel: Channel, located: Sequence[Located]
) -> dict[str, list[Located]]:
    """What goes into each layer: a host's shard, or everything where hosts read alike."""
    hosts = request.channel_hosts(channel)
    if channel.is_sharded:
        shards = assign_shards(located, hosts)
        return {channel_layer(request, channel, host): shard for host, shard in shards.items()}
    return {channel_layer(request, channel, host): list(located) for host in hosts}


async def _stage_layer(
    channel: Channel, data: Path, share: Sequence[Located], objects: ObjectStore, disk: CapacityLimiter
) -> None:
    directory = data / channel.channel_name
    folders = {directory, *(directory / path.parent for _, path in share)}
    await blocking(disk, _make_directories, folders)
    waiting = iter(share)
    async with anyio.create_task_group() as workers:
        for _ in range(min(PARALLEL_DOWNLOADS, len(share))):
            workers.start_soon(_download_all, waiting, directory, objects)


async def _download_all(waiting: Iterator[Located], directory: Path, objects: ObjectStore) -> None:
    """One worker of several: they share the iterator."""
    for found, path in waiting:
        await objects.download(found, directory / path)


def _first_fault(faults: BaseExceptionGroup) -> JobFailure:
    fault: BaseException = faults
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault if isinstance(fault, JobFailure) else data_download_failed(str(fault))


def _is_full_disk(fault: BaseException) -> bool:
    return isinstance(fault, OSError) and fault.errno == ENOSPC


def _wipe(work_dir: Path) -> None:
    if work_dir.exists():
        shutil.rmtree(work_dir)
    work_dir.mkdir(parents=True)


def _make_directories(folders: set[Path]) -> None:
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)


def _write_manifest(data: Path, channel: Channel, located: Sequence[Located]) -> None:
    """`<channel>-manifest`, as real jobs have it: the key prefix, then every object of the whole channel."""
    uri = channel.source.uri
    lines = [uri.key, *(f"s3://{found.bucket}/{found.key}" for found, _ in located)]
    (data / manifest_name(channel)).write_text("\n".join(lines) + "\n", encoding="utf-8")
