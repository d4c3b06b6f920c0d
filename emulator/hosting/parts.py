"""What the hosting plane works with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path

import httpx
from anyio import CapacityLimiter

from emulator.clock import Clock
from emulator.compute.backend import ComputeBackend
from emulator.domain.placement import PlacementPolicy
from emulator.hosting.model_data import ModelData
from emulator.hosting.routing import RoutingTable
from emulator.logs.log_store import LogStore
from emulator.objects.object_store import ObjectStore
from emulator.occupancy import Occupancy
from emulator.store.endpoints import EndpointStore

STOP_GRACE = timedelta(seconds=30)
"""Between SIGTERM and SIGKILL (DG your-algorithms-inference-code)."""

PROVISION_LIMIT = timedelta(minutes=15)
"""How long an endpoint waits for room on the machine; AWS's limit is not established."""

IDLE_PERIOD = timedelta(seconds=300)
"""After which a serverless variant's container is stopped; AWS's is not established."""


def direct_client() -> httpx.AsyncClient:
    """For containers: never through a proxy, whatever the environment says."""
    return httpx.AsyncClient(trust_env=False, verify=False)  # noqa: S501 - no TLS, and certificates take 30 ms to load


@dataclass(frozen=True)
class HostingParts:
    endpoints: EndpointStore
    objects: ObjectStore
    logs: LogStore
    compute: ComputeBackend
    clock: Clock
    occupancy: Occupancy
    policy: PlacementPolicy
    routes: RoutingTable
    work_root: Path
    time_scale: float = 1.0
    least_ping_seconds: float = 30.0
    """`time_scale` does not shorten the time for a health check below this."""
    disk: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(4))
    lines: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(2))
    """For log lines before they are stored; a container decides how long they are."""
    pings: Callable[[], httpx.AsyncClient] = direct_client

    @cached_property
    def model_data(self) -> ModelData:
        """The same one for everybody, so that nobody fetches what another is fetching."""
        return ModelData(self.objects, self.work_root, self.disk)

    @property
    def provision_seconds(self) -> float:
        return PROVISION_LIMIT.total_seconds() * self.time_scale

    @property
    def stop_grace(self) -> float:
        """Seconds."""
        return STOP_GRACE.total_seconds() * self.time_scale

    def ping_seconds(self, limit: float) -> float:
        """What is left of a period that has to do with pings: containers work meanwhile, they don't just wait."""
        return max(limit * self.time_scale, min(limit, self.least_ping_seconds))

    @property
    def idle_seconds(self) -> float:
        return IDLE_PERIOD.total_seconds() * self.time_scale
