"""Endpoint configurations: which models on which instances (API CreateEndpointConfig, ProductionVariant)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import Field

from emulator.domain.arn import ResourceKey
from emulator.domain.member import Member

PING_LIMIT_DEFAULT = 240
"""Seconds (DG your-algorithms-inference-code: "within 4 minutes")."""


class ServerlessConfig(Member):
    memory_size_in_mb: int = Field(alias="MemorySizeInMB")
    max_concurrency: int


class ProductionVariant(Member):
    variant_name: str
    model_name: str
    initial_instance_count: int = 1
    instance_type: str = ""
    initial_variant_weight: float = 1.0
    container_startup_health_check_timeout_in_seconds: int = PING_LIMIT_DEFAULT
    model_data_download_timeout_in_seconds: int = 3600
    serverless_config: ServerlessConfig | None = None


class AsyncOutputConfig(Member):
    s3_output_path: str
    s3_failure_path: str | None = None


class AsyncClientConfig(Member):
    max_concurrent_invocations_per_instance: int | None = None


class AsyncInferenceConfig(Member):
    output_config: AsyncOutputConfig
    client_config: AsyncClientConfig = AsyncClientConfig()


class EndpointConfigRequest(Member):
    """The members of CreateEndpointConfig that the emulator acts on."""

    endpoint_config_name: str
    production_variants: tuple[ProductionVariant, ...]
    async_inference_config: AsyncInferenceConfig | None = None
    data_capture_config: Mapping[str, Any] | None = None
    """In wire casing."""
    enable_network_isolation: bool = False


@dataclass(frozen=True)
class EndpointConfig:
    key: ResourceKey
    creation_time: datetime
    document: Mapping[str, Any]
    """The request as it was validated, in wire casing, without Tags."""

    @cached_property
    def request(self) -> EndpointConfigRequest:
        return EndpointConfigRequest.model_validate(self.document)
