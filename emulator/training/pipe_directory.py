"""The directory that a host with Pipe channels sees as /opt/ml/input/data."""

from collections.abc import Mapping
from pathlib import Path

from emulator.domain.channel import Channel, InputMode
from emulator.domain.training_job import TrainingJobRequest
from emulator.training.input_layers import has_pipes, pipe_directory


def manifest_name(channel: Channel) -> str:
    """The file beside the channel's directory; left out where another channel has its name."""
    return f"{channel.channel_name}-manifest"


def make_pipe_directories(request: TrainingJobRequest, work_dir: Path, manifests: Mapping[str, str]) -> None:
    """For every host that has pipes. `manifests`: text of the manifest file by channel.

    The other channels get the directories on which they are mounted: containers see all this read-only.
    """
    for host in (host.name for host in request.resource_config.hosts()):
        if has_pipes(request, host):
            directory = work_dir / pipe_directory(host)
            directory.mkdir(parents=True)
            names = {channel.channel_name for channel in request.input_data_config}
            for channel in request.input_data_config:
                if request.input_mode(channel) is not InputMode.PIPE and host in request.channel_hosts(
                    channel
                ):
                    (directory / channel.channel_name).mkdir()
                    if manifest_name(channel) not in names:
                        _write_manifest(directory, channel, manifests)


def _write_manifest(directory: Path, channel: Channel, manifests: Mapping[str, str]) -> None:
    if channel.channel_name in manifests:
        text = manifests[channel.channel_name]
        (directory / manifest_name(channel)).write_text(text, encoding="utf-8")
