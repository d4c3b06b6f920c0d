"""Input channels of a training job (API Channel, DataSource, S3DataSource, FileSystemDataSource)."""

from enum import StrEnum

from emulator.domain.member import Member
from emulator.domain.s3_uri import S3Uri


class InputMode(StrEnum):
    FILE = "File"
    PIPE = "Pipe"
    FAST_FILE = "FastFile"


class FastFileView(StrEnum):
    """How FastFile channels of a job came to the container."""

    LAZY = "lazy"
    """Bytes are fetched when they are read."""
    READ_ONLY_COPY = "read-only copy"
    COPY = "copy"
    """Of this container's own, which it could write to."""


class S3DataType(StrEnum):
    S3_PREFIX = "S3Prefix"
    MANIFEST_FILE = "ManifestFile"
    AUGMENTED_MANIFEST_FILE = "AugmentedManifestFile"


class Distribution(StrEnum):
    FULLY_REPLICATED = "FullyReplicated"
    SHARDED_BY_S3_KEY = "ShardedByS3Key"


class S3DataSource(Member):
    s3_data_type: S3DataType
    s3_uri: str
    s3_data_distribution_type: Distribution = Distribution.FULLY_REPLICATED
    attribute_names: tuple[str, ...] = ()
    """Of an augmented manifest; their order is the order of the records."""
    instance_group_names: tuple[str, ...] = ()

    @property
    def uri(self) -> S3Uri:
        return S3Uri.parse(self.s3_uri)


class FileSystemDataSource(Member):
    file_system_id: str
    file_system_type: str
    file_system_access_mode: str
    """`ro` or `rw`."""
    directory_path: str


class DataSource(Member):
    s3_data_source: S3DataSource | None = None
    file_system_data_source: FileSystemDataSource | None = None


class ShuffleConfig(Member):
    seed: int


class Channel(Member):
    channel_name: str
    data_source: DataSource
    content_type: str | None = None
    compression_type: str = "None"
    record_wrapper_type: str = "None"
    input_mode: InputMode | None = None
    """None: the job's TrainingInputMode. Ask `TrainingJobRequest.input_mode`."""
    shuffle_config: ShuffleConfig | None = None

    @property
    def s3_source(self) -> S3DataSource | None:
        return self.data_source.s3_data_source

    @property
    def source(self) -> S3DataSource:
        """Only for a channel that reads from S3."""
        assert self.s3_source is not None
        return self.s3_source

    @property
    def file_system(self) -> FileSystemDataSource | None:
        return self.data_source.file_system_data_source

    @property
    def is_sharded(self) -> bool:
        source = self.s3_source
        return source is not None and source.s3_data_distribution_type is Distribution.SHARDED_BY_S3_KEY
