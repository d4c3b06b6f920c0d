"""Pure: in which staged directories a host finds its channels.

A layer is a tree that shows as /opt/ml/input. Channels that all their hosts read alike share a layer, so they are
downloaded once; what is a host's own (its shards) lies in a layer of its own.
"""

from emulator.domain.channel import Channel
from emulator.domain.training_job import TrainingJobRequest


def channel_layer(request: TrainingJobRequest, channel: Channel, host: str) -> str:
    """The layer in which `host` reads `channel`; a directory relative to the job's work directory."""
    if channel.is_sharded:
        return f"host-{host}"
    groups = channel.source.instance_group_names
    if not groups:
        return "shared"
    return f"shared-{request.input_data_config.index(channel)}"


def host_layers(request: TrainingJobRequest, host: str) -> tuple[str, ...]:
    """All layers of the host, each once, in a fixed order."""
    channels = [c for c in request.input_data_config if host in request.channel_hosts(c)]
    return tuple(sorted({channel_layer(request, channel, host) for channel in channels}))
