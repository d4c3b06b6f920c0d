"""Pure: the configuration files that tell programs where synchronised output goes.

Each is there only where the request has its member. Sources: files of real jobs; debughookconfig.json has the keys that
sagemaker-debugger reads.
"""

from typing import Any

from emulator.domain.sync_directory import SyncKind, output_folder
from emulator.domain.training_job import DebugHookConfig, TensorBoardOutputConfig, TrainingJobRequest
from emulator.training.checkpoint_channel import NAME, checkpoint_channel, checkpoint_directory
from emulator.training.init_config import init_channel


def output_configs(request: TrainingJobRequest) -> dict[str, dict[str, Any]]:
    """Content by file name without `.json`."""
    contents: dict[str, dict[str, Any]] = {}
    if request.checkpoint_config is not None:
        contents["checkpointconfig"] = {"LocalPath": request.checkpoint_config.local_path}
    if request.tensor_board_output_config is not None:
        board = request.tensor_board_output_config
        contents["tensorboardoutputconfig"] = _paths(board, request, SyncKind.TENSOR_BOARD)
    if request.debug_hook_config is not None:
        hook = request.debug_hook_config
        contents["debughookconfig"] = {
            **_paths(hook, request, SyncKind.DEBUG),
            "HookParameters": dict(hook.hook_parameters),
            "CollectionConfigurations": [dict(each) for each in hook.collection_configurations],
        }
    if request.profiler_config is not None:
        contents["profilerconfig"] = dict(request.profiler_config)
    return contents


def init_checkpoint_channel(request: TrainingJobRequest) -> dict[str, Any] | None:
    """`checkpointChannel` of init-config.json, as a real job has it."""
    directory = checkpoint_directory(request)
    if directory is None:
        return None
    channel = init_channel(request, checkpoint_channel(directory))
    source = {
        **channel["s3DataSource"],
        "s3Uri": str(directory.folder),
        "s3DataDistributionType": None,
    }
    return {
        "name": NAME,
        "channel": {**channel, "s3DataSource": source},
        "outputPath": directory.local_path,
        "allowEmpty": True,
    }


def _paths(
    config: TensorBoardOutputConfig | DebugHookConfig, request: TrainingJobRequest, kind: SyncKind
) -> dict[str, str]:
    folder = output_folder(config.s3_output_path, request.training_job_name, kind)
    return {"S3OutputPath": str(folder), "LocalPath": config.local_path}
