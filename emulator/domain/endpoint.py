"""An endpoint: what is to run, which the API plane writes, and what runs, which the hosting plane writes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from emulator.domain.arn import ResourceKey
from emulator.domain.endpoint_config import EndpointConfigRequest, ProductionVariant
from emulator.domain.image_source import ResolvedImage
from emulator.domain.model import ModelRequest
from emulator.domain.progress import Placement


class EndpointStatus(StrEnum):
    CREATING = "Creating"
    IN_SERVICE = "InService"
    UPDATING = "Updating"
    ROLLING_BACK = "RollingBack"
    FAILED = "Failed"
    DELETING = "Deleting"


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Deployment(Frozen):
    """One configuration with its models, as they were when it was asked for: deleting them harms no endpoint."""

    revision: int
    """1 for CreateEndpoint, one more with every UpdateEndpoint."""
    config: Mapping[str, Any]
    """The request of CreateEndpointConfig, in wire casing."""
    models: Mapping[str, Mapping[str, Any]]
    """Requests of CreateModel by ModelName, in wire casing."""
    retained: Mapping[str, Mapping[str, float]] = Field(default_factory=dict)
    """What RetainAllVariantProperties carries over: variant -> `DesiredWeight`, `DesiredInstanceCount`."""
    deployment_config: Mapping[str, Any] | None = None
    """DeploymentConfig of CreateEndpoint or UpdateEndpoint, in wire casing; only told again."""

    @cached_property
    def request(self) -> EndpointConfigRequest:
        return EndpointConfigRequest.model_validate(self.config)

    @property
    def variants(self) -> tuple[ProductionVariant, ...]:
        return self.request.production_variants

    def initial_count(self, variant: ProductionVariant) -> int:
        retained = self.retained.get(variant.variant_name, {})
        return int(retained.get("DesiredInstanceCount", variant.initial_instance_count))

    def model(self, variant: ProductionVariant) -> ModelRequest:
        return ModelRequest.model_validate(self.models[variant.model_name])


class DeployedImage(Frozen):
    """API DeployedImage."""

    specified_image: str
    resolved_image: str
    resolution_time: datetime


class VariantState(Frozen):
    """What runs of one variant."""

    instance_count: int
    """In service."""
    weight: float
    images: tuple[DeployedImage, ...] = ()


class Fleet(Frozen):
    """What the containers of one deployment are made from; decided once, so that a lost one is made alike."""

    placement: Placement
    """Hosts are `<variant>-<number>`."""
    artifacts: Mapping[str, tuple[str | None, ...]] = Field(default_factory=dict)
    """Variant -> the directory of each container's model, below the hosting work directory."""
    images: Mapping[str, tuple[ResolvedImage, ...]] = Field(default_factory=dict)
    """Variant -> what each container's Image turned out to be."""


class EndpointProgress(Frozen):
    """Replaced as a whole; only the hosting plane writes it."""

    status: EndpointStatus = EndpointStatus.CREATING
    last_modified_time: datetime
    failure_reason: str | None = None
    active: Deployment | None = None
    """What takes the traffic; None until the first deployment is in service."""
    retiring: Deployment | None = None
    """What takes no traffic any more, or never did, and still has containers."""
    given_up: datetime | None = None
    """The `modified_at` of the `desired` that could not be had, so that it is not tried for ever."""
    tried: int = 0
    """The latest revision that was brought up or given up."""
    fleets: Mapping[int, Fleet] = Field(default_factory=dict)
    """By revision, of all that have containers."""
    variants: Mapping[str, VariantState] = Field(default_factory=dict)
    """Of the active deployment, by VariantName."""


@dataclass(frozen=True)
class Endpoint:
    key: ResourceKey
    creation_time: datetime
    deployment: Deployment
    """The latest that was asked for."""
    progress: EndpointProgress
    desired: Mapping[str, Mapping[str, float]]
    """What UpdateEndpointWeightsAndCapacities asked for: variant -> `DesiredWeight`, `DesiredInstanceCount`."""
    desired_revision: int = 0
    """Of the deployment that `desired` is about; it says nothing of the variants of any other."""
    delete_requested_at: datetime | None = None
    modified_at: datetime | None = None
    """When the API plane last wrote."""

    @property
    def arn(self) -> str:
        return self.key.arn

    @property
    def status(self) -> EndpointStatus:
        """As callers see it: the wish counts from the moment that it was accepted."""
        if self.delete_requested_at is not None:
            return EndpointStatus.DELETING
        is_new = self.deployment.revision > self.progress.tried
        if is_new and self.progress.status in (EndpointStatus.IN_SERVICE, EndpointStatus.FAILED):
            return EndpointStatus.UPDATING
        if self.progress.status is EndpointStatus.IN_SERVICE and self.is_to_scale:
            return EndpointStatus.UPDATING
        return self.progress.status

    @property
    def is_to_scale(self) -> bool:
        """Whether the active deployment is to have other weights or counts than it has."""
        active = self.progress.active
        if self.has_given_up:
            return False
        for variant in active.variants if active else ():
            state = self.progress.variants.get(variant.variant_name)
            wanted = (self.desired_count(variant, active), self.desired_weight(variant, active))
            if state is not None and wanted != (state.instance_count, state.weight):
                return True
        return False

    @property
    def has_given_up(self) -> bool:
        """Whether what was desired last could not be had, so that what runs is all that there will be."""
        return self.progress.given_up is not None and self.progress.given_up == self.modified_at

    @property
    def current(self) -> Deployment:
        """What is being brought up; where nothing is, what takes the traffic."""
        is_pending = self.deployment.revision > self.progress.tried
        return self.deployment if is_pending or self.progress.active is None else self.progress.active

    @property
    def deployments(self) -> tuple[Deployment, ...]:
        """All that may have containers, one of each revision."""
        known = (self.deployment, self.progress.retiring, self.progress.active)
        return tuple({each.revision: each for each in known if each is not None}.values())

    def desired_count(self, variant: ProductionVariant, deployment: Deployment | None = None) -> int:
        """Of a variant of `deployment`, by default of the current one; 0 of a serverless one."""
        if variant.serverless_config is not None:
            return 0
        count = variant.initial_instance_count
        return int(self._desired(variant, "DesiredInstanceCount", count, deployment or self.current))

    def desired_weight(self, variant: ProductionVariant, deployment: Deployment | None = None) -> float:
        weight = variant.initial_variant_weight
        return self._desired(variant, "DesiredWeight", weight, deployment or self.current)

    def _desired(
        self, variant: ProductionVariant, name: str, default: float, deployment: Deployment
    ) -> float:
        retained = deployment.retained.get(variant.variant_name, {}).get(name, default)
        active = self.progress.active
        if self.has_given_up and active is not None and deployment.revision == active.revision:
            state = self.progress.variants[variant.variant_name]
            return {"DesiredInstanceCount": state.instance_count, "DesiredWeight": state.weight}[name]
        asked = self.desired if deployment.revision == self.desired_revision else {}
        return asked.get(variant.variant_name, {}).get(name, retained)

    @property
    def last_modified_time(self) -> datetime:
        times = [self.progress.last_modified_time, self.modified_at, self.delete_requested_at]
        return max(time for time in times if time is not None)

    def advance(self, **facts: Any) -> "Endpoint":
        return replace(self, progress=self.progress.model_copy(update=facts))
