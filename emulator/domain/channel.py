"""Input channels of a training job (API Channel, DataSource, S3DataSource)."""

from enum import StrEnum

from emulator.domain.member import Member
from emulator.domain.s3_uri import S3Uri


class InputMode(StrEnum):
    FILE = "File"
    PIPE = "Pipe"
    FAST_FILE = "FastFile"


class Distribution(StrEnum):
    FULLY_REPLICATED = "FullyReplicated"
    SHARDED_BY_S3_KEY = "ShardedByS3Key"


class S3DataSource(Member):
    s3_data_type: str
    s3_uri: str
    s3_data_distribution_type: Distribution = Distribution.FULLY_REPLICATED
    instance_group_names: tuple[str, ...] = ()

    @property
    def uri(self) -> S3Uri:
        return S3Uri.parse(self.s3_uri)


class DataSource(Member):
    s3_data_source: S3DataSource


class Channel(Member):
    channel_name: str
    data_source: DataSource
    content_type: str | None = None
    compression_type: str = "None"
    record_wrapper_type: str = "None"
    input_mode: InputMode | None = None

    @property
    def source(self) -> S3DataSource:
        return self.data_source.s3_data_source

    @property
    def is_sharded(self) -> bool:
        return self.source.s3_data_distribution_type is Distribution.SHARDED_BY_S3_KEY
