"""Pure: the /opt/ml tree before the algorithm starts, and the bytes of its configuration files.

Sources: DG your-algorithms-training-algo-running-container; files of real jobs.
"""

import json
from typing import Any

from emulator.domain.channel import Channel, Distribution
from emulator.domain.resource_config import Host
from emulator.domain.training_job import TrainingJobRequest
from emulator.training.init_config import SPELLINGS, init_channel
from emulator.training.output_config import init_checkpoint_channel, output_configs

ROOT = "/opt/ml"
DATA = f"{ROOT}/input/data"
CONFIG = f"{ROOT}/input/config"
MODEL = f"{ROOT}/model"
OUTPUT_DATA = f"{ROOT}/output/data"
FAILURE = f"{ROOT}/output/failure"

DIRECTORIES = (
    CONFIG,
    DATA,
    MODEL,
    OUTPUT_DATA,
    f"{ROOT}/output/metrics/sagemaker",
    f"{ROOT}/output/profiler",
)


def config_files(request: TrainingJobRequest, host: Host, run_number: int = 1) -> dict[str, str]:
    """Absolute path -> text of every file in /opt/ml/input/config."""
    channels = [c for c in request.input_data_config if host.name in request.channel_hosts(c)]
    contents: dict[str, dict[str, Any] | list[Any]] = {
        "hyperparameters": dict(request.hyper_parameters),
        "inputdataconfig": {channel.channel_name: channel_config(request, channel) for channel in channels},
        "resourceconfig": resource_config(request, host),
        "metric-definition-regex": [
            {"Name": metric["Name"], "Regex": metric["Regex"]}
            for metric in request.algorithm_specification.metric_definitions
        ],
        "init-config": init_config(request, host, channels, run_number),
        **output_configs(request),
    }
    return {f"{CONFIG}/{name}.json": _json(content) for name, content in contents.items()}


def channel_config(request: TrainingJobRequest, channel: Channel) -> dict[str, str]:
    """A channel's entry in inputdataconfig.json; ContentType only where the request has one."""
    content_type = {} if channel.content_type is None else {"ContentType": channel.content_type}
    return {
        **content_type,
        "TrainingInputMode": request.input_mode(channel),
        "S3DistributionType": _distribution(channel),
        "RecordWrapperType": channel.record_wrapper_type,
    }


def resource_config(request: TrainingJobRequest, host: Host) -> dict[str, Any]:
    """resourceconfig.json as jobs since 2022 have it: `hosts` sorted as text, so algo-10 before algo-2."""
    hosts = request.resource_config.hosts()
    return {
        "current_host": host.name,
        "current_instance_type": host.instance_type,
        "current_group_name": host.group,
        "hosts": sorted(h.name for h in hosts),
        "instance_groups": [
            {
                "instance_group_name": group.instance_group_name,
                "instance_type": group.instance_type,
                "hosts": [h.name for h in hosts if h.group == group.instance_group_name],
            }
            for group in request.resource_config.groups
        ],
        "network_interface_name": "eth0",
        "topology": None,
    }


def init_config(
    request: TrainingJobRequest, host: Host, channels: list[Channel], run_number: int
) -> dict[str, Any]:
    """init-config.json: the platform agent's own file, which some images read for the host's number."""
    hosts = [h.name for h in request.resource_config.hosts()]
    return {
        "inputMode": SPELLINGS[request.algorithm_specification.training_input_mode],
        "channels": {channel.channel_name: init_channel(request, channel) for channel in channels},
        "checkpointChannel": init_checkpoint_channel(request),
        "hostConfig": {"clusterSize": len(hosts), "hostNumber": hosts.index(host.name) + 1},
        "enableAdditionalPlatformLoggingForCustomer": False,
        "jobRunInfo": {"jobRunNumber": run_number},
    }


def _distribution(channel: Channel) -> Distribution:
    """Of a file system, every host sees everything."""
    return channel.s3_source.s3_data_distribution_type if channel.s3_source else Distribution.FULLY_REPLICATED


def _json(content: dict[str, Any] | list[Any]) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)
