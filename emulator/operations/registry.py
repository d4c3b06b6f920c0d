"""The table of operations, and what a handler may use."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from anyio import CapacityLimiter

from emulator.clock import Clock
from emulator.domain import errors
from emulator.domain.caller import Caller
from emulator.domain.ecr import EcrRegistry
from emulator.domain.image_source import ImageSearch, ResolvedImage
from emulator.file_systems import FileSystems
from emulator.logs.log_store import LogStore
from emulator.metrics.metric_store import MetricStore
from emulator.moto_services.services import MotoServices, Roles
from emulator.objects.object_store import ObjectStore
from emulator.occupancy import Occupancy
from emulator.registry.client import RegistryClient
from emulator.store.algorithms import AlgorithmStore
from emulator.store.ecr_repositories import EcrRepositoryStore
from emulator.store.hosting_stores import HostingStores
from emulator.store.tags import TagStore
from emulator.store.training_jobs import TrainingJobStore

Params = dict[str, Any]
Result = dict[str, Any]


FindImage = Callable[[str, EcrRegistry], Awaitable[ResolvedImage | None]]
"""See find_image in compute/backend.py."""


@dataclass(frozen=True)
class EcrParts:
    repositories: EcrRepositoryStore
    registry: RegistryClient
    address: str
    """`host:port` under which Docker reaches the emulator."""
    search: ImageSearch


@dataclass(frozen=True)
class Parts:
    """What handlers work with: stores to read and write rows, and S3 for the checks of Create."""

    training_jobs: TrainingJobStore
    tags: TagStore
    logs: LogStore
    objects: ObjectStore
    clock: Clock
    instance_quota: int = 100
    """Most instances of one training job."""
    file_systems: FileSystems = field(default_factory=dict, kw_only=True)
    roles: Roles = field(default_factory=lambda: Roles(MotoServices(), strict=False))
    algorithms: AlgorithmStore = field(kw_only=True)
    metrics: MetricStore = field(kw_only=True)
    occupancy: Occupancy = field(default_factory=Occupancy)
    find_image: FindImage = field(kw_only=True)
    ecr: EcrParts = field(kw_only=True)
    hosting: HostingStores = field(kw_only=True)
    sums: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(2))
    """For work whose length the caller or a container decides."""


@dataclass(frozen=True)
class Call:
    """One call of one operation."""

    caller: Caller
    parts: Parts

    def now(self) -> datetime:
        return self.parts.clock.now()


Handler = Callable[[Call, Params], Awaitable[Result]]

_HANDLERS: dict[tuple[str, str], Handler] = {}


def operation(service: str, name: str) -> Callable[[Handler], Handler]:
    """Register a handler under AWS's name for the operation; `service` is botocore's name."""

    def register(handler: Handler) -> Handler:
        _HANDLERS[service, name] = handler
        return handler

    return register


def operations() -> frozenset[tuple[str, str]]:
    """All (service, operation) that have a handler."""
    return frozenset(_HANDLERS)


async def dispatch(parts: Parts, caller: Caller, service: str, name: str, params: Params) -> Result:
    """Call the operation's handler. Raises ServiceError."""
    handler = _HANDLERS.get((service, name))
    if handler is None:
        raise errors.operation_not_emulated(service, name)
    return await handler(Call(caller, parts), params)
