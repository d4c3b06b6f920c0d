"""Channels that are served while the containers run: FIFOs of Pipe mode, mounts of FastFile mode."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath

import anyio

from emulator.blocking import blocking
from emulator.domain.channel import Channel, FastFileView, InputMode
from emulator.domain.failure_reason import JobFailure, data_download_failed, internal_error
from emulator.domain.s3_object import S3Object
from emulator.domain.training_job import TrainingJob
from emulator.fast_file.fast_file_mount import FastFileMount
from emulator.fast_file.faults import FastFileError
from emulator.fast_file.prerequisites import availability
from emulator.objects.object_store import ObjectStore
from emulator.training.channel_listing import list_channel, list_units
from emulator.training.input_data import shares_by_layer
from emulator.training.input_layers import pipe_directory
from emulator.training.parts import TrainingParts
from emulator.training.pipe_content import PipeContent
from emulator.training.pipe_feed import PipeFeed

OnFault = Callable[[JobFailure], None]


@dataclass
class LiveChannels:
    feeds: list[tuple[str, PipeFeed]] = field(default_factory=list)
    mounts: list[tuple[str, FastFileMount]] = field(default_factory=list)
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)

    def bytes_by_channel(self) -> dict[str, int]:
        """How much of each channel was read so far, over all hosts."""
        counts: dict[str, int] = {}
        for name, feed in self.feeds:
            counts[name] = counts.get(name, 0) + feed.bytes_sent
        for name, mount in self.mounts:
            counts[name] = counts.get(name, 0) + mount.bytes_read
        return counts

    def fault(self) -> str | None:
        """Of a read from S3 that a FastFile reader got as an error."""
        return next((mount.fault for _, mount in self.mounts if mount.fault is not None), None)


async def fast_file_view(job: TrainingJob, parts: TrainingParts) -> FastFileView | None:
    """What this machine can do for the job's FastFile channels; None where it has none."""
    request = job.request
    if all(request.input_mode(channel) is not InputMode.FAST_FILE for channel in request.input_data_config):
        return None
    if not await parts.compute.shows_mounts():
        return FastFileView.COPY
    why_not = await blocking(parts.disk, availability, parts.work_root)
    return FastFileView.LAZY if why_not is None else FastFileView.READ_ONLY_COPY


@asynccontextmanager
async def live_channels(
    job: TrainingJob, parts: TrainingParts, is_fresh: bool, on_fault: OnFault
) -> AsyncIterator[LiveChannels]:
    """Everything is there when the block begins; nothing of it is left at its end.

    `is_fresh` says that no container has seen them yet. After a restart of the emulator Pipe channels go on between
    two epochs, and nothing else can: then `on_fault` is called, or JobFailure is raised. A run that is being ended
    anyway needs no data any more.
    """
    live = LiveChannels()
    if not is_fresh and _is_ending(job):
        yield live
        return
    async with live.closing:
        for channel in job.request.input_data_config:
            if job.request.input_mode(channel) is InputMode.PIPE:
                await _open_pipes(job, channel, parts, on_fault, live)
            elif _is_mounted(job, channel):
                if not is_fresh:
                    raise internal_error("the emulator ended while a FastFile channel was in use")
                await _open_mounts(job, channel, parts, live)
        if any(feed.was_interrupted for _, feed in live.feeds):
            raise internal_error("the emulator ended in the middle of an epoch of a Pipe channel")
        for _, feed in live.feeds:
            feed.start()
        yield live


def _is_ending(job: TrainingJob) -> bool:
    """Whether it was decided, before the emulator went down, that the containers have to end."""
    progress = job.progress
    reasons = (progress.stop_reason, progress.failure_reason, progress.run_end, job.stop_requested_at)
    return any(reason is not None for reason in reasons)


def _is_mounted(job: TrainingJob, channel: Channel) -> bool:
    is_lazy = job.progress.fast_file is FastFileView.LAZY
    return is_lazy and job.request.input_mode(channel) is InputMode.FAST_FILE


async def _open_pipes(
    job: TrainingJob,
    channel: Channel,
    parts: TrainingParts,
    on_fault: OnFault,
    live: LiveChannels,
) -> None:
    """One feed for each host that receives the channel, its first FIFO made."""
    loop = asyncio.get_running_loop()
    units = await list_units(channel, parts.objects, parts.disk)
    hosts, work_dir = job.request.channel_hosts(channel), parts.work_dir(job)

    def tell(fault: JobFailure) -> None:
        loop.call_soon_threadsafe(on_fault, fault)

    content = PipeContent(channel, parts.objects, work_dir)
    for host in hosts:
        chunks = content.epochs(units, hosts, host)
        directory = work_dir / pipe_directory(host)
        feed = await blocking(parts.disk, PipeFeed, directory, channel.channel_name, chunks, tell)
        live.closing.push_async_callback(_close, parts, feed)
        live.feeds.append((channel.channel_name, feed))


async def _open_mounts(job: TrainingJob, channel: Channel, parts: TrainingParts, live: LiveChannels) -> None:
    for mount in await _make_mounts(job, channel, parts):
        live.closing.push_async_callback(_close, parts, mount)
        live.mounts.append((channel.channel_name, mount))
        await _mount(channel.channel_name, mount, parts)


async def _close(parts: TrainingParts, source: PipeFeed | FastFileMount) -> None:
    """Also where a reset cancels the job."""
    with anyio.CancelScope(shield=True):
        await blocking(parts.disk, source.close)


async def _make_mounts(job: TrainingJob, channel: Channel, parts: TrainingParts) -> list[FastFileMount]:
    """One for each layer in which hosts see the channel."""
    listing = await list_channel(channel, parts.objects, parts.disk)
    read = partial(_read, parts.objects)
    return [
        FastFileMount(parts.work_dir(job) / layer / "data" / channel.channel_name, _by_path(share), read)
        for layer, share in shares_by_layer(job.request, channel, listing.located).items()
    ]


async def _mount(channel: str, mount: FastFileMount, parts: TrainingParts) -> None:
    try:
        await blocking(parts.disk, mount.mount)
    except FastFileError as error:
        raise data_download_failed(f"channel {channel} cannot be mounted: {error}") from error


def _by_path(share: Sequence[tuple[S3Object, PurePosixPath]]) -> dict[PurePosixPath, S3Object]:
    return {path: found for found, path in share}


def _read(objects: ObjectStore, source: S3Object, offset: int, size: int) -> bytes:
    with objects.reader(source, offset, size) as file:
        return file.read()
