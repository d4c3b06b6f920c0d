"""Pure: in which staged directories a host finds its channels, and how it sees them.

A layer is a tree that shows as /opt/ml/input. Channels that all their hosts read alike share a layer, so they are
downloaded once; what is a host's own (its shards) lies in a layer of its own. FastFile channels have layers apart, for
they are shown read-only. A host with Pipe channels sees a directory of ours as /opt/ml/input/data, in which FIFOs come
and go while it runs; there every other channel is mounted by itself.
"""

from emulator.domain.channel import Channel, FastFileView, InputMode
from emulator.domain.cluster import LayeredView, Mount
from emulator.domain.training_job import TrainingJobRequest

INPUT = "/opt/ml/input"
DATA = f"{INPUT}/data"


def channel_layer(request: TrainingJobRequest, channel: Channel, host: str) -> str:
    """The layer in which `host` reads `channel`; a directory relative to the job's work directory."""
    number = request.input_data_config.index(channel)
    if request.input_mode(channel) is InputMode.FAST_FILE:
        return f"fast-file-{number}-{host if channel.is_sharded else 'shared'}"
    if channel.is_sharded:
        return f"host-{host}"
    return f"shared-{number}" if channel.source.instance_group_names else "shared"


def pipe_directory(host: str) -> str:
    """What the host sees as /opt/ml/input/data, where it has Pipe channels; below the job's work directory."""
    return f"pipes-{host}"


def host_channels(request: TrainingJobRequest, host: str, mode: InputMode) -> list[Channel]:
    """The S3 channels of that input mode that the host receives."""
    return [
        channel
        for channel in request.input_data_config
        if channel.s3_source
        and request.input_mode(channel) is mode
        and host in request.channel_hosts(channel)
    ]


def has_pipes(request: TrainingJobRequest, host: str) -> bool:
    return bool(host_channels(request, host, InputMode.PIPE))


def host_views(
    request: TrainingJobRequest, host: str, fast_file: FastFileView | None
) -> tuple[LayeredView, ...]:
    """The writable views of the host, in a fixed order."""
    channels = host_channels(request, host, InputMode.FILE)
    if fast_file is FastFileView.COPY:
        channels += host_channels(request, host, InputMode.FAST_FILE)
    layers = {channel.channel_name: channel_layer(request, channel, host) for channel in channels}
    if not has_pipes(request, host):
        return (LayeredView(INPUT, tuple(sorted(set(layers.values())))),) if layers else ()
    return tuple(
        LayeredView(f"{DATA}/{name}", (f"{layer}/data/{name}",)) for name, layer in sorted(layers.items())
    )


def host_mounts(request: TrainingJobRequest, host: str, fast_file: FastFileView | None) -> tuple[Mount, ...]:
    """What the host sees live: its FIFOs, and its FastFile channels."""
    pipes = (Mount(pipe_directory(host), DATA, read_only=True),) if has_pipes(request, host) else ()
    if fast_file is FastFileView.COPY:
        return pipes
    return pipes + tuple(
        Mount(
            f"{channel_layer(request, channel, host)}/data/{channel.channel_name}",
            f"{DATA}/{channel.channel_name}",
            read_only=True,
        )
        for channel in host_channels(request, host, InputMode.FAST_FILE)
    )
