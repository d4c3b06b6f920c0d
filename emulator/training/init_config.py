"""Pure: a channel in init-config.json, the file of the platform's own agent.

Names and the values for S3Prefix in File mode are those of a real job; the other values are written in the same way.
"""

from typing import Any

from emulator.domain.channel import Channel, FileSystemDataSource, S3DataSource
from emulator.domain.training_job import TrainingJobRequest

SPELLINGS = {
    "S3Prefix": "S3_PREFIX",
    "ManifestFile": "MANIFEST_FILE",
    "AugmentedManifestFile": "AUGMENTED_MANIFEST_FILE",
    "FullyReplicated": "FULLY_REPLICATED",
    "ShardedByS3Key": "SHARDED_BY_S3_KEY",
    "File": "FILE",
    "Pipe": "PIPE",
    "FastFile": "FAST_FILE",
    "None": "NONE",
    "Gzip": "GZIP",
    "RecordIO": "RECORD_IO",
    "EFS": "EFS",
    "FSxLustre": "FSX_LUSTRE",
    "ro": "RO",
    "rw": "RW",
}
"""The API's values, as init-config.json has them."""


def init_channel(request: TrainingJobRequest, channel: Channel) -> dict[str, Any]:
    shuffle = channel.shuffle_config
    return {
        "s3DataSource": _s3_data_source(channel.s3_source) if channel.s3_source else None,
        "fileSystemDataSource": _file_system(channel.file_system) if channel.file_system else None,
        "compressionType": SPELLINGS[channel.compression_type],
        "recordWrapper": SPELLINGS[channel.record_wrapper_type],
        "shuffleConfig": {"seed": shuffle.seed} if shuffle else None,
        "inputMode": SPELLINGS[request.input_mode(channel)],
        "sharded": channel.is_sharded,
    }


def _s3_data_source(source: S3DataSource) -> dict[str, Any]:
    return {
        "s3DataType": SPELLINGS[source.s3_data_type],
        "s3Uri": source.s3_uri,
        "s3DataDistributionType": SPELLINGS[source.s3_data_distribution_type],
        "attributeNames": list(source.attribute_names) or None,
    }


def _file_system(source: FileSystemDataSource) -> dict[str, Any]:
    return {
        "fileSystemId": source.file_system_id,
        "fileSystemAccessMode": SPELLINGS[source.file_system_access_mode],
        "fileSystemType": SPELLINGS[source.file_system_type],
        "directoryPath": source.directory_path,
    }
