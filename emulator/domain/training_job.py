"""A training job: what was asked for, and how far it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import Field

from emulator.domain.arn import TrainingJobKey
from emulator.domain.channel import Channel, InputMode
from emulator.domain.member import Member
from emulator.domain.progress import Progress
from emulator.domain.resource_config import ResourceConfig
from emulator.domain.s3_uri import S3Uri
from emulator.domain.status import FINAL, SecondaryStatus, TrainingJobStatus

MAX_RUNTIME_DEFAULT = 86_400
"""Seconds, API StoppingCondition$MaxRuntimeInSeconds."""


class AlgorithmSpecification(Member):
    training_image: str | None = None
    algorithm_name: str | None = None
    training_input_mode: InputMode
    container_entrypoint: tuple[str, ...] = ()
    container_arguments: tuple[str, ...] = ()
    metric_definitions: tuple[Mapping[str, str], ...] = ()
    enable_sage_maker_metrics_time_series: bool | None = None

    @property
    def has_metrics_time_series(self) -> bool:
        """On by default with MetricDefinitions (API AlgorithmSpecification)."""
        asked = self.enable_sage_maker_metrics_time_series
        return bool(self.metric_definitions) if asked is None else asked


class OutputDataConfig(Member):
    s3_output_path: str
    compression_type: str = "GZIP"

    @property
    def uri(self) -> S3Uri:
        return S3Uri.parse(self.s3_output_path)

    @property
    def is_compressed(self) -> bool:
        return self.compression_type != "NONE"

    def model_uri(self, job_name: str) -> S3Uri:
        """ModelArtifacts$S3ModelArtifacts: an archive, or the folder of single files, with its slash."""
        return self.uri.join(job_name, "output", "model.tar.gz" if self.is_compressed else "model/")

    def data_uri(self, job_name: str) -> S3Uri:
        """The same for /opt/ml/output/data."""
        return self.uri.join(job_name, "output", "output.tar.gz" if self.is_compressed else "data/")


class StoppingCondition(Member):
    max_runtime_in_seconds: int = MAX_RUNTIME_DEFAULT
    max_wait_time_in_seconds: int | None = None


class CheckpointConfig(Member):
    s3_uri: str
    local_path: str = "/opt/ml/checkpoints"


class TensorBoardOutputConfig(Member):
    s3_output_path: str
    local_path: str = "/opt/ml/output/tensorboard"


class DebugHookConfig(Member):
    s3_output_path: str
    local_path: str = "/opt/ml/output/tensors"
    hook_parameters: Mapping[str, str] = Field(default_factory=dict)
    collection_configurations: tuple[Mapping[str, Any], ...] = ()


class RetryStrategy(Member):
    maximum_retry_attempts: int


class TrainingJobRequest(Member):
    """The members of CreateTrainingJob that the emulator acts on; the rest is echoed from the document."""

    training_job_name: str
    role_arn: str
    algorithm_specification: AlgorithmSpecification
    output_data_config: OutputDataConfig
    resource_config: ResourceConfig
    input_data_config: tuple[Channel, ...] = ()
    hyper_parameters: Mapping[str, str] = Field(default_factory=dict)
    environment: Mapping[str, str] = Field(default_factory=dict)
    stopping_condition: StoppingCondition = StoppingCondition()
    enable_network_isolation: bool = False
    enable_managed_spot_training: bool = False
    checkpoint_config: CheckpointConfig | None = None
    tensor_board_output_config: TensorBoardOutputConfig | None = None
    debug_hook_config: DebugHookConfig | None = None
    profiler_config: Mapping[str, Any] | None = None
    """As it was given: it is shown to the container only."""
    retry_strategy: RetryStrategy | None = None

    def input_mode(self, channel: Channel) -> InputMode:
        """Channel.InputMode, else the job's TrainingInputMode."""
        return channel.input_mode or self.algorithm_specification.training_input_mode

    def channel_hosts(self, channel: Channel) -> tuple[str, ...]:
        """The hosts that receive the channel, in numeric order (API S3DataSource$InstanceGroupNames)."""
        groups = channel.s3_source.instance_group_names if channel.s3_source else ()
        return tuple(h.name for h in self.resource_config.hosts() if not groups or h.group in groups)


@dataclass(frozen=True)
class TrainingJob:
    key: TrainingJobKey
    creation_time: datetime
    document: Mapping[str, Any]
    """The request as it was validated, in wire casing."""
    progress: Progress
    stop_requested_at: datetime | None = None
    interruptions_requested: int = 0
    faults_requested: int = 0
    resolved: Mapping[str, Any] = field(default_factory=dict)
    """Members that stand in for those of the document: what the job's algorithm gave to it when it was created."""
    updates: Mapping[str, Any] = field(default_factory=dict)
    """What UpdateTrainingJob changed, in wire casing; structures hold only the changed members."""
    updated_at: datetime | None = None
    is_released: bool = False
    """Whether nothing of the job is left on the Engine or on the disk."""

    @property
    def arn(self) -> str:
        return self.key.arn

    @cached_property
    def request(self) -> TrainingJobRequest:
        """What the job plane acts on: the request, with what its algorithm gave to it."""
        return TrainingJobRequest.model_validate({**self.document, **self.resolved})

    @property
    def told_document(self) -> Mapping[str, Any]:
        """The request as Describe echoes it: with later updates, without what the algorithm gave."""
        return {**self.document, **{name: self._updated(name) for name in self.updates}}

    def _updated(self, name: str) -> Any:
        old, new = self.document.get(name), self.updates[name]
        return {**old, **new} if isinstance(old, Mapping) and isinstance(new, Mapping) else new

    @property
    def keep_alive_period_in_seconds(self) -> int:
        """For the warm pool, as UpdateTrainingJob left it; 0 for none."""
        changed = self.updates.get("ResourceConfig", {}).get("KeepAlivePeriodInSeconds")
        period = self.request.resource_config.keep_alive_period_in_seconds if changed is None else changed
        return int(period)

    @property
    def is_final(self) -> bool:
        return self.progress.secondary_status.is_final

    @property
    def status(self) -> TrainingJobStatus:
        """Derived: the API plane writes only the wish to stop, the job plane only the progress."""
        if self.is_final:
            return FINAL[self.progress.secondary_status]
        if self.stop_requested_at is not None or self.progress.stop_reason is not None:
            return TrainingJobStatus.STOPPING
        return TrainingJobStatus.IN_PROGRESS

    @property
    def secondary_status(self) -> SecondaryStatus:
        """As callers see it: Stopping from the moment that StopTrainingJob was accepted."""
        unheard = self.stop_requested_at is not None and self.progress.stop_reason is None
        if unheard and not self.is_final and self.progress.secondary_status is not SecondaryStatus.UPLOADING:
            return SecondaryStatus.STOPPING
        return self.progress.secondary_status

    @property
    def last_modified_time(self) -> datetime:
        times = [self.progress.last_modified_time, self.stop_requested_at, self.updated_at]
        return max(time for time in times if time is not None)

    def advance(self, progress: Progress) -> "TrainingJob":
        return replace(self, progress=progress)
