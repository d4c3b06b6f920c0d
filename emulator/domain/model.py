"""Models: images with their artifacts (API CreateModel, ContainerDefinition)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import Field

from emulator.domain.arn import ResourceKey
from emulator.domain.member import Member


class S3ModelDataSource(Member):
    s3_uri: str
    s3_data_type: str
    """`S3Prefix` or `S3Object`."""
    compression_type: str
    """`Gzip` for a model.tar.gz, `None` for the files themselves."""


class ModelDataSource(Member):
    s3_data_source: S3ModelDataSource | None = None


class ContainerDefinition(Member):
    image: str = ""
    container_hostname: str | None = None
    mode: str = "SingleModel"
    model_data_url: str | None = None
    model_data_source: ModelDataSource | None = None
    environment: Mapping[str, str] = Field(default_factory=dict)

    @property
    def is_multi_model(self) -> bool:
        return self.mode == "MultiModel"

    @property
    def data_source(self) -> S3ModelDataSource | None:
        """ModelDataSource, or what ModelDataUrl is short for; None for a container without artifacts."""
        if self.model_data_source is not None:
            return self.model_data_source.s3_data_source
        if self.model_data_url is None:
            return None
        return S3ModelDataSource(s3_uri=self.model_data_url, s3_data_type="S3Object", compression_type="Gzip")


class InferenceExecutionConfig(Member):
    mode: str
    """`Serial` or `Direct`."""


class ModelRequest(Member):
    """The members of CreateModel that the emulator acts on."""

    model_name: str
    primary_container: ContainerDefinition | None = None
    containers: tuple[ContainerDefinition, ...] = ()
    execution_role_arn: str | None = None
    enable_network_isolation: bool = False
    inference_execution_config: InferenceExecutionConfig | None = None

    @property
    def is_direct(self) -> bool:
        """Whether each request names the container that it is for."""
        config = self.inference_execution_config
        return config is not None and config.mode == "Direct"

    @property
    def pipeline(self) -> tuple[ContainerDefinition, ...]:
        """All containers in the order in which they see a request; one for most models."""
        return (self.primary_container,) if self.primary_container is not None else self.containers

    def container_name(self, position: int) -> str:
        """Of a pipeline's container, as log streams and messages have it (DG logging-cloudwatch)."""
        return self.pipeline[position].container_hostname or f"container-{position + 1}"


@dataclass(frozen=True)
class Model:
    key: ResourceKey
    creation_time: datetime
    document: Mapping[str, Any]
    """The request as it was validated, in wire casing, without Tags."""

    @cached_property
    def request(self) -> ModelRequest:
        return ModelRequest.model_validate(self.document)
