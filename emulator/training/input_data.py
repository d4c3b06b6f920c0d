"""Staging: every channel's objects, downloaded into the layers that the hosts see as /opt/ml/input.

May be entered again: it wipes and refills its own directories.
"""

import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path
from typing import NamedTuple

import anyio
from anyio import CapacityLimiter

from emulator.blocking import blocking
from emulator.domain.channel import Channel, FastFileView, InputMode
from emulator.domain.failure_reason import JobFailure, data_download_failed
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.training_job import TrainingJobRequest
from emulator.exception_groups import innermost
from emulator.objects.object_store import ObjectStore
from emulator.training.channel_listing import (
    ChannelListing,
    Located,
    channel_manifest,
    list_channel,
    list_units,
)
from emulator.training.fast_file_prefix import refuse_partial_prefix
from emulator.training.input_layers import channel_layer
from emulator.training.pipe_directory import make_pipe_directories, manifest_name
from emulator.training.sharding import assign_shards
from emulator.training.volume import require_room

PARALLEL_DOWNLOADS = 16

Download = Callable[[S3Object, Path], Awaitable[None]]
"""See `download` in objects/object_store.py."""


class StagedInput(NamedTuple):
    object_counts: dict[str, dict[str, int]]
    """How many objects each host got, by channel."""
    input_bytes: dict[str, int]
    """What they take of each host's storage volume."""


@dataclass(frozen=True)
class Staging:
    """What is staged, and how."""

    request: TrainingJobRequest
    work_dir: Path
    objects: ObjectStore
    disk: CapacityLimiter
    download: Download | None = None
    """Another way than the store's own to have an object's file."""
    fast_file: FastFileView | None = None
    """Whether FastFile channels are staged as well, or left to be mounted."""

    def is_staged(self, channel: Channel) -> bool:
        mode = self.request.input_mode(channel)
        is_copied = mode is InputMode.FAST_FILE and self.fast_file is not FastFileView.LAZY
        return mode is InputMode.FILE or is_copied


class _Plan(NamedTuple):
    channel: Channel
    listing: ChannelListing
    shares: dict[str, list[Located]]
    """What goes into each layer."""
    layers: dict[str, str]
    """Each host's layer."""


async def stage_input(staging: Staging) -> StagedInput:
    """Fill the work directory, unless the input does not fit on the hosts' volumes. Raises JobFailure."""
    await blocking(staging.disk, _wipe, staging.work_dir)
    request, channels = staging.request, [c for c in staging.request.input_data_config if c.s3_source]
    try:
        located = [c for c in channels if request.input_mode(c) is not InputMode.PIPE]
        plans = [await _plan(staging, channel) for channel in located]
        staged = await blocking(staging.disk, _measure, staging, plans)
        require_room(request.resource_config, staged.input_bytes)
        for channel in channels:
            if request.input_mode(channel) is InputMode.PIPE:
                staged.object_counts[channel.channel_name] = await _count_units(staging, channel)
        for plan in plans:
            if staging.is_staged(plan.channel):
                await _stage(staging, plan)
        manifests = {p.channel.channel_name: channel_manifest(p.listing) for p in plans}
        await blocking(staging.disk, make_pipe_directories, request, staging.work_dir, manifests)
    except* (S3Fault, JobFailure) as faults:
        raise _first_fault(faults) from faults
    except* OSError as faults:
        if faults.subgroup(_is_full_disk) is None:
            raise
        raise data_download_failed("Insufficient disk space") from faults
    return staged


async def _plan(staging: Staging, channel: Channel) -> _Plan:
    request = staging.request
    listing = await list_channel(channel, staging.objects, staging.disk)
    if request.input_mode(channel) is InputMode.FAST_FILE:
        refuse_partial_prefix(channel.source.uri.key, (found for found, _ in listing.located))
    shares = await blocking(staging.disk, shares_by_layer, request, channel, listing.located)
    layers = {host: channel_layer(request, channel, host) for host in request.channel_hosts(channel)}
    return _Plan(channel, listing, shares, layers)


async def _count_units(staging: Staging, channel: Channel) -> dict[str, int]:
    """In the first epoch; the number of units of a host is the same in all."""
    units = await list_units(channel, staging.objects, staging.disk)
    hosts = staging.request.channel_hosts(channel)
    if not channel.is_sharded:
        return dict.fromkeys(hosts, len(units))
    return {host: len(shard) for host, shard in assign_shards(units, hosts).items()}


def _measure(staging: Staging, plans: Sequence[_Plan]) -> StagedInput:
    counts: dict[str, dict[str, int]] = {}
    sizes: Counter[str] = Counter()
    for channel, _, shares, layers in plans:
        size = {layer: sum(found.size for found, _ in share) for layer, share in shares.items()}
        if staging.request.input_mode(channel) is InputMode.FILE:
            sizes.update({host: size[layer] for host, layer in layers.items()})
        counts[channel.channel_name] = {host: len(shares[layer]) for host, layer in layers.items()}
    return StagedInput(counts, dict(sizes))


async def _stage(staging: Staging, plan: _Plan) -> None:
    names = {channel.channel_name for channel in staging.request.input_data_config}
    for layer, share in plan.shares.items():
        data = staging.work_dir / layer / "data"
        await _stage_layer(
            plan.channel, data, share, staging.download or staging.objects.download, staging.disk
        )
        if manifest_name(plan.channel) not in names:
            await blocking(staging.disk, _write_manifest, data, plan.channel, plan.listing)


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
    channel: Channel, data: Path, share: Sequence[Located], download: Download, disk: CapacityLimiter
) -> None:
    directory = data / channel.channel_name
    folders = {directory, *(directory / path.parent for _, path in share)}
    await blocking(disk, _make_directories, folders)
    waiting = iter(share)
    async with anyio.create_task_group() as workers:
        for _ in range(min(PARALLEL_DOWNLOADS, len(share))):
            workers.start_soon(_download_all, waiting, directory, download)


async def _download_all(waiting: Iterator[Located], directory: Path, download: Download) -> None:
    """One worker of several: they share the iterator."""
    for found, path in waiting:
        await download(found, directory / path)


def _first_fault(faults: BaseExceptionGroup) -> JobFailure:
    fault = innermost(faults)
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


def _write_manifest(data: Path, channel: Channel, listing: ChannelListing) -> None:
    (data / manifest_name(channel)).write_text(channel_manifest(listing), encoding="utf-8")
