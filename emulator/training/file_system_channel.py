"""A channel that reads from a file system: the directory itself, mounted (API FileSystemDataSource)."""

from emulator.domain.channel import Channel
from emulator.domain.cluster import Mount
from emulator.domain.failure_reason import data_download_failed
from emulator.file_systems import FileSystems, find_directory
from emulator.training.opt_ml import DATA


def file_system_mount(channel: Channel, file_systems: FileSystems) -> Mount | None:
    """The mount at the channel's path, writable with access mode `rw`; None for a channel that reads from S3.

    Looks at the disk. Raises JobFailure where the directory is gone since the job was created.
    """
    source = channel.file_system
    if source is None:
        return None
    try:
        directory = find_directory(source, file_systems)
    except ValueError as error:
        raise data_download_failed(f"channel {channel.channel_name}: {error}.") from error
    return Mount(
        source=str(directory),
        target=f"{DATA}/{channel.channel_name}",
        read_only=source.file_system_access_mode == "ro",
    )
