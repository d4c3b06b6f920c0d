"""A hosting plane on scripted containers, without the server around it."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from emulator.clock import SystemClock
from emulator.compute.fake import FakeBackend, Script
from emulator.domain.arn import ResourceKey
from emulator.domain.endpoint import Deployment, Endpoint, EndpointProgress, EndpointStatus
from emulator.domain.misfit import Misfit
from emulator.domain.placement import PlacementPolicy
from emulator.hosting.hosting_plane import HostingPlane
from emulator.hosting.parts import HostingParts
from emulator.hosting.routing import InstanceRoute, RoutingTable
from emulator.logs.log_store import LogStore
from emulator.occupancy import Occupancy
from emulator.sqlite import Database
from emulator.store.hosting_stores import HostingStores
from tests.support.web import PATIENCE

S = EndpointStatus
KEY = ResourceKey("111122223333", "eu-west-1", "endpoint", "Houses")
SERVES = Script(after=math.inf)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def variant(name: str = "Main", count: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": "m",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": count,
        "InitialVariantWeight": 1.0,
        "ContainerStartupHealthCheckTimeoutInSeconds": 600,
        **members,
    }


def serverless_variant(name: str = "Main", **config: Any) -> dict[str, Any]:
    members = variant(name, ServerlessConfig={"MemorySizeInMB": 1024, "MaxConcurrency": 2, **config})
    return {
        key: value for key, value in members.items() if key not in ("InstanceType", "InitialInstanceCount")
    }


def deployment(revision: int, *variants: dict[str, Any], image: str = "model:1") -> Deployment:
    config = {"EndpointConfigName": f"c{revision}", "ProductionVariants": list(variants or (variant(),))}
    models = {"m": {"ModelName": "m", "PrimaryContainer": {"Image": image}}}
    return Deployment(revision=revision, config=config, models=models)


class House:
    """One emulator's hosting plane; several may follow each other on the same directory and backend."""

    def __init__(
        self,
        directory: Path,
        compute: FakeBackend,
        budget: int = 64 * 2**30,
        time_scale: float = 0.05,
        memory: Misfit = Misfit.STRICT,
    ) -> None:
        self.compute = compute
        self.state = Database(directory / "state.db", "emulator.store.migrations")
        self.logs = Database(directory / "logs.db", "emulator.logs.migrations")
        stores = HostingStores.of(self.state)
        self.parts = HostingParts(
            endpoints=stores.endpoints,
            objects=None,  # type: ignore[arg-type] - no model has artifacts here
            logs=LogStore(self.logs),
            compute=compute,
            clock=SystemClock(),
            occupancy=Occupancy(),
            policy=PlacementPolicy(lambda _: budget, 0, 0.0, memory, Misfit.SCALE),
            routes=RoutingTable(),
            work_root=directory / "hosting",
            time_scale=time_scale,
            least_ping_seconds=0,
        )
        self.plane = HostingPlane(self.parts, stores)

    async def create(self, first: Deployment) -> None:
        progress = EndpointProgress(last_modified_time=NOW)
        assert await self.parts.endpoints.create(Endpoint(KEY, NOW, first, progress, {}), {})

    async def until(self, condition: Callable[[Endpoint], bool]) -> Endpoint:
        with anyio.fail_after(PATIENCE):
            while True:
                endpoint = await self.parts.endpoints.get(KEY)
                if endpoint is not None and condition(endpoint):
                    return endpoint
                await anyio.sleep(0.01)

    async def status(self, status: EndpointStatus) -> Endpoint:
        return await self.until(lambda endpoint: endpoint.status is status)

    async def updated(self, revision: int = 2) -> Endpoint:
        """The deployment is in service, or given up, and nothing else is left."""
        return await self.until(lambda e: e.progress.tried == revision and e.progress.retiring is None)

    async def until_gone(self) -> None:
        with anyio.fail_after(PATIENCE):
            while await self.parts.endpoints.get(KEY) is not None:
                await anyio.sleep(0.01)

    def instances(self, name: str = "Main") -> list[InstanceRoute]:
        route = self.parts.routes.find(KEY)
        found = route.variant(name) if route else None
        return list(found.instances) if found else []

    async def in_service(self, count: int) -> None:
        with anyio.fail_after(PATIENCE):
            while len(self.instances()) != count:
                await anyio.sleep(0.01)

    def close(self) -> None:
        self.state.close()
        self.logs.close()


def play(directory: Path, backend: FakeBackend, story: Callable[[House], Any], **options: Any) -> None:
    """The story, while the plane runs; then the plane goes down as an emulator does."""

    async def main() -> None:
        with closing(House(directory, backend, **options)) as house:
            await house.plane.note_holdings()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(house.plane.run)
                await story(house)
                tasks.cancel_scope.cancel()

    anyio.run(main)


@contextmanager
def closing(house: House) -> Iterator[House]:
    try:
        yield house
    finally:
        house.close()
