"""A transform job: what was asked for, and how far it is (API CreateTransformJob, DescribeTransformJob)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from emulator.domain.arn import ResourceKey
from emulator.domain.channel import S3DataSource
from emulator.domain.data_processing import DataProcessing
from emulator.domain.member import Member
from emulator.domain.model import ModelRequest
from emulator.domain.progress import Placement
from emulator.domain.s3_uri import S3Uri


class TransformJobStatus(StrEnum):
    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"

    @property
    def is_final(self) -> bool:
        return self in (TransformJobStatus.COMPLETED, TransformJobStatus.FAILED, TransformJobStatus.STOPPED)


class TransformDataSource(Member):
    s3_data_source: S3DataSource


class TransformInput(Member):
    data_source: TransformDataSource
    content_type: str | None = None
    compression_type: str = "None"
    """`None` or `Gzip`."""
    split_type: str = "None"
    """`None`, `Line`, `RecordIO` or `TFRecord`."""

    @property
    def source(self) -> S3DataSource:
        return self.data_source.s3_data_source


class TransformOutput(Member):
    s3_output_path: str
    accept: str | None = None
    assemble_with: str = "None"
    """`None` or `Line`."""

    @property
    def uri(self) -> S3Uri:
        return S3Uri.parse(self.s3_output_path)


class TransformResources(Member):
    instance_type: str
    instance_count: int


class ModelClientConfig(Member):
    invocations_timeout_in_seconds: int = 600
    invocations_max_retries: int = 3


class TransformJobRequest(Member):
    """The members of CreateTransformJob that the emulator acts on."""

    transform_job_name: str
    model_name: str
    transform_input: TransformInput
    transform_output: TransformOutput
    transform_resources: TransformResources
    max_concurrent_transforms: int = 0
    """0: the container's /execution-parameters decide, else it is 1."""
    max_payload_in_mb: int | None = Field(default=None, alias="MaxPayloadInMB")
    """0: no limit; None: the container's /execution-parameters decide, else it is 6."""
    batch_strategy: str | None = None
    """`MultiRecord`, `SingleRecord`, or None: the container's /execution-parameters decide."""
    environment: Mapping[str, str] = Field(default_factory=dict)
    model_client_config: ModelClientConfig = ModelClientConfig()
    data_processing_members: Mapping[str, Any] | None = Field(default=None, alias="DataProcessing")

    @property
    def data_processing(self) -> DataProcessing:
        return DataProcessing.of(self.data_processing_members)


class TransformProgress(BaseModel):
    """Replaced as a whole; only the hosting plane writes it."""

    model_config = ConfigDict(frozen=True)

    status: TransformJobStatus = TransformJobStatus.IN_PROGRESS
    last_modified_time: datetime
    failure_reason: str | None = None
    placement: Placement | None = None
    """Hosts are `algo-1` and so on; decided once."""
    start_time: datetime | None = None
    """When it had its instances."""
    end_time: datetime | None = None
    """When it came to its final status."""


@dataclass(frozen=True)
class TransformJob:
    key: ResourceKey
    creation_time: datetime
    document: Mapping[str, Any]
    """The request as it was validated, in wire casing, without Tags."""
    model_document: Mapping[str, Any]
    """The request of CreateModel, as it was when the job was created: deleting the model harms no job."""
    progress: TransformProgress
    stop_requested_at: datetime | None = None

    @property
    def arn(self) -> str:
        return self.key.arn

    @cached_property
    def request(self) -> TransformJobRequest:
        return TransformJobRequest.model_validate(self.document)

    @cached_property
    def model(self) -> ModelRequest:
        return ModelRequest.model_validate(self.model_document)

    @property
    def is_final(self) -> bool:
        return self.progress.status.is_final

    @property
    def status(self) -> TransformJobStatus:
        """As callers see it: Stopping from the moment that StopTransformJob was accepted."""
        if self.stop_requested_at is not None and not self.is_final:
            return TransformJobStatus.STOPPING
        return self.progress.status

    @property
    def last_modified_time(self) -> datetime:
        return max(self.progress.last_modified_time, self.stop_requested_at or self.creation_time)

    def advance(self, **facts: Any) -> "TransformJob":
        return replace(self, progress=self.progress.model_copy(update=facts))
