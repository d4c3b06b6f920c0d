"""Endpoints on scripted containers: from the row to what takes requests, and back, whatever happens on the way."""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest

from emulator.clock import SystemClock
from emulator.compute.fake import FakeBackend, Script
from emulator.domain.arn import ResourceKey
from emulator.domain.cluster import Address
from emulator.domain.endpoint import Deployment, Endpoint, EndpointProgress, EndpointStatus
from emulator.domain.misfit import Misfit
from emulator.domain.placement import PlacementPolicy
from emulator.domain.reset_scope import ResetScope
from emulator.hosting.hosting_plane import HostingPlane
from emulator.hosting.parts import HostingParts
from emulator.hosting.routing import InstanceRoute, RoutingTable
from emulator.logs.log_store import LogStore
from emulator.occupancy import Holding, Occupancy
from emulator.sqlite import Database
from emulator.store.changes import Changes
from emulator.store.endpoints import EndpointStore

S = EndpointStatus
KEY = ResourceKey("111122223333", "eu-west-1", "endpoint", "Houses")
SERVES = Script(after=math.inf)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Ping(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def healthy() -> Iterator[Address]:
    """A server that answers every ping."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Ping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Address("127.0.0.1", server.server_port)
        server.shutdown()


def variant(name: str = "Main", count: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": "m",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": count,
        "InitialVariantWeight": 1.0,
        "ContainerStartupHealthCheckTimeoutInSeconds": 60,
        **members,
    }


def deployment(revision: int, *variants: dict[str, Any], image: str = "model:1") -> Deployment:
    config = {"EndpointConfigName": f"c{revision}", "ProductionVariants": list(variants or (variant(),))}
    models = {"m": {"ModelName": "m", "PrimaryContainer": {"Image": image}}}
    return Deployment(revision=revision, config=config, models=models)


class House:
    """One emulator's hosting plane; several may follow each other on the same directory and backend."""

    def __init__(
        self, directory: Path, compute: FakeBackend, budget: int = 64 * 2**30, time_scale: float = 0.05
    ) -> None:
        self.compute = compute
        self.state = Database(directory / "state.db", "emulator.store.migrations")
        self.logs = Database(directory / "logs.db", "emulator.logs.migrations")
        self.changes = Changes()
        self.parts = HostingParts(
            endpoints=EndpointStore(self.state, self.changes),
            objects=None,  # type: ignore[arg-type] - no model has artifacts here
            logs=LogStore(self.logs),
            compute=compute,
            clock=SystemClock(),
            occupancy=Occupancy(),
            policy=PlacementPolicy(lambda _: budget, 0, 0.0, Misfit.STRICT, Misfit.SCALE),
            routes=RoutingTable(),
            work_root=directory / "hosting",
            time_scale=time_scale,
            least_ping_seconds=0,
        )
        self.plane = HostingPlane(self.parts, self.changes)

    async def create(self, first: Deployment) -> None:
        progress = EndpointProgress(last_modified_time=NOW)
        assert await self.parts.endpoints.create(Endpoint(KEY, NOW, first, progress, {}), {})

    async def until(self, condition: Callable[[Endpoint], bool]) -> Endpoint:
        with anyio.fail_after(20):
            while True:
                endpoint = await self.parts.endpoints.get(KEY)
                if endpoint is not None and condition(endpoint):
                    return endpoint
                await anyio.sleep(0.01)

    async def status(self, status: EndpointStatus) -> Endpoint:
        return await self.until(lambda endpoint: endpoint.status is status)

    def instances(self, name: str = "Main") -> list[InstanceRoute]:
        route = self.parts.routes.find(KEY)
        found = route.variant(name) if route else None
        return list(found.instances) if found else []

    async def in_service(self, count: int) -> None:
        with anyio.fail_after(20):
            while len(self.instances()) != count:
                await anyio.sleep(0.01)

    def close(self) -> None:
        self.state.close()
        self.logs.close()


@pytest.fixture
def backend(healthy: Address) -> FakeBackend:
    hosts = [f"{name}-{number}" for name in ("Main", "Other") for number in range(1, 5)]
    compute = FakeBackend(dict.fromkeys(hosts, SERVES))
    compute.addresses = dict.fromkeys(hosts, healthy)
    return compute


def play(directory: Path, backend: FakeBackend, story: Callable[[House], Any], **options: Any) -> None:
    """The story, while the plane runs; then the plane goes down as an emulator does."""

    async def main() -> None:
        with closing(House(directory, backend, **options)) as house:
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


def test_endpoint_goes_into_service_with_all_its_instances(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1, variant(count=2), variant("Other")))
        endpoint = await house.status(S.IN_SERVICE)
        assert {name: state.instance_count for name, state in endpoint.progress.variants.items()} == {
            "Main": 2, "Other": 1
        }  # fmt: skip
        assert sorted(each.host for each in house.instances()) == ["Main-1", "Main-2"]
        assert house.parts.occupancy.memory_bytes == 3 * 8 * 2**30

    play(tmp_path, backend, story)


def test_container_that_never_gets_healthy_fails_the_endpoint_in_aws_s_words(
    tmp_path: Path, backend: FakeBackend
) -> None:
    backend.scripts, backend.addresses = {"Main-1": Script(exit_code=1)}, {}

    async def story(house: House) -> None:
        await house.create(deployment(1))
        endpoint = await house.status(S.FAILED)
        assert endpoint.progress.failure_reason == (
            "The primary container for production variant Main did not pass the ping health check. "
            "Please check CloudWatch logs for this endpoint."
        )
        assert house.parts.occupancy.memory_bytes == 0
        assert await backend.find() == []

    play(tmp_path, backend, story)


def test_container_that_runs_and_never_answers_fails_after_its_time(
    tmp_path: Path, backend: FakeBackend
) -> None:
    backend.addresses = {}

    async def story(house: House) -> None:
        await house.create(deployment(1))
        endpoint = await house.status(S.FAILED)
        assert "did not pass the ping health check" in str(endpoint.progress.failure_reason)

    play(tmp_path, backend, story)


def test_container_that_dies_is_replaced_while_the_others_go_on(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1, variant(count=2)))
        await house.status(S.IN_SERVICE)
        [lost, other] = house.instances()
        await backend.signal(cluster_of(backend), lost.host, "SIGKILL")
        await house.in_service(1)
        assert house.instances() == [other]
        assert not lost.is_in_service
        await house.in_service(2)

    play(tmp_path, backend, story)


def cluster_of(backend: FakeBackend) -> str:
    return next(cluster for cluster, _ in backend._containers)


def test_update_moves_the_traffic_when_the_new_fleet_is_healthy(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        [old] = house.instances()
        await house.parts.endpoints.request_update(KEY, deployment(2, variant(count=2), image="model:2"), NOW)
        endpoint = await house.until(lambda e: e.progress.tried == 2)
        assert endpoint.status is S.IN_SERVICE
        assert endpoint.progress.variants["Main"].images[0].specified_image == "model:2"
        assert old not in house.instances()
        assert len({cluster for cluster, _ in await backend.find()}) == 1
        assert house.parts.occupancy.memory_bytes == 2 * 8 * 2**30

    play(tmp_path, backend, story)


def test_update_waits_for_requests_in_flight_before_the_old_fleet_goes(
    tmp_path: Path, backend: FakeBackend
) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        [old] = house.instances()
        with old.serving():
            await house.parts.endpoints.request_update(KEY, deployment(2), NOW)
            while house.instances() in ([old], []):
                await anyio.sleep(0.01)
            assert len({cluster for cluster, _ in await backend.find()}) == 2
            assert (await house.until(lambda _: True)).status is S.UPDATING
        await house.until(lambda e: e.progress.tried == 2)
        assert len({cluster for cluster, _ in await backend.find()}) == 1

    play(tmp_path, backend, story)


def test_update_that_fails_leaves_the_old_fleet_in_service(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        kept = house.instances()
        backend.scripts, backend.addresses = {"Main-1": Script(exit_code=1)}, {}
        await house.parts.endpoints.request_update(KEY, deployment(2), NOW)
        endpoint = await house.until(lambda e: e.progress.tried == 2)
        assert endpoint.status is S.IN_SERVICE
        assert "ping health check" in str(endpoint.progress.failure_reason)
        assert house.instances() == kept
        assert house.parts.occupancy.memory_bytes == 8 * 2**30

    play(tmp_path, backend, story)


def test_weights_and_counts_change_without_touching_who_stays(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1, variant(count=2)))
        await house.status(S.IN_SERVICE)
        first = house.instances()[0]
        wanted = {"Main": {"DesiredInstanceCount": 3, "DesiredWeight": 0.5}}
        await house.parts.endpoints.request_desired(KEY, 1, wanted, NOW)
        await house.in_service(3)
        endpoint = await house.status(S.IN_SERVICE)
        assert endpoint.progress.variants["Main"].weight == 0.5
        await house.parts.endpoints.request_desired(KEY, 1, {"Main": {"DesiredInstanceCount": 1}}, NOW)
        await house.until(lambda e: e.progress.variants["Main"].instance_count == 1)
        assert house.instances() == [first]
        assert house.parts.occupancy.memory_bytes == 8 * 2**30

    play(tmp_path, backend, story)


def test_instances_that_stay_unhealthy_are_not_added_and_nothing_else_changes(
    tmp_path: Path, backend: FakeBackend
) -> None:
    del backend.addresses["Main-2"]

    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        kept = house.instances()
        await house.parts.endpoints.request_desired(KEY, 1, {"Main": {"DesiredInstanceCount": 2}}, NOW)
        endpoint = await house.until(lambda e: e.progress.failure_reason is not None)
        assert endpoint.status is S.IN_SERVICE
        assert endpoint.progress.variants["Main"].instance_count == 1
        assert house.instances() == kept
        assert len(backend._containers) == 1
        assert house.parts.occupancy.memory_bytes == 8 * 2**30

    play(tmp_path, backend, story)


def test_deletion_removes_everything_also_in_the_middle_of_a_creation(
    tmp_path: Path, backend: FakeBackend
) -> None:
    backend.addresses = {}

    async def story(house: House) -> None:
        await house.create(deployment(1))
        while not await backend.find():
            await anyio.sleep(0.01)
        await house.parts.endpoints.request_delete(KEY, NOW)
        with anyio.fail_after(20):
            while await house.parts.endpoints.get(KEY) is not None:
                await anyio.sleep(0.01)
        assert await backend.find() == []
        assert house.parts.routes.find(KEY) is None
        assert house.parts.occupancy.memory_bytes == 0

    play(tmp_path, backend, story)


def test_restarted_emulator_serves_the_containers_that_went_on(tmp_path: Path, backend: FakeBackend) -> None:
    async def first(house: House) -> None:
        await house.create(deployment(1, variant(count=2)))
        await house.status(S.IN_SERVICE)

    play(tmp_path, backend, first)
    before = dict(backend._containers)

    async def second(house: House) -> None:
        await house.in_service(2)
        assert backend._containers == before
        assert house.parts.occupancy.memory_bytes == 2 * 8 * 2**30

    play(tmp_path, backend, second)


def test_restart_in_the_middle_of_an_update_ends_it(tmp_path: Path, backend: FakeBackend) -> None:
    async def first(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        backend.addresses = {}
        await house.parts.endpoints.request_update(KEY, deployment(2), NOW)
        while len({cluster for cluster, _ in await backend.find()}) < 2:
            await anyio.sleep(0.01)

    answers = dict(backend.addresses)
    play(tmp_path, backend, first)
    backend.addresses = answers

    async def second(house: House) -> None:
        endpoint = await house.until(lambda e: e.progress.tried == 2)
        assert endpoint.progress.failure_reason is None
        await house.in_service(1)
        assert len({cluster for cluster, _ in await backend.find()}) == 1

    play(tmp_path, backend, second)


def test_endpoint_that_finds_no_room_waits_for_it(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        house.parts.occupancy.hold("somebody", Holding(12 * 2**30))
        await house.create(deployment(1))
        await anyio.sleep(0.2)
        assert await backend.find() == []
        house.parts.occupancy.release("somebody")
        await house.status(S.IN_SERVICE)

    play(tmp_path, backend, story, budget=16 * 2**30)


def test_endpoint_that_waits_too_long_for_room_fails_and_says_for_whom(
    tmp_path: Path, backend: FakeBackend
) -> None:
    async def story(house: House) -> None:
        house.parts.occupancy.hold("arn:of:somebody", Holding(12 * 2**30))
        await house.create(deployment(1))
        endpoint = await house.status(S.FAILED)
        reason = str(endpoint.progress.failure_reason)
        assert reason.startswith("CapacityError")
        assert "arn:of:somebody" in reason

    play(tmp_path, backend, story, budget=16 * 2**30, time_scale=0.001)


def test_endpoint_that_can_never_fit_fails(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1, variant(count=3)))
        endpoint = await house.status(S.FAILED)
        assert str(endpoint.progress.failure_reason).startswith("CapacityError")

    play(tmp_path, backend, story, budget=16 * 2**30)


def test_serverless_variant_runs_while_somebody_asks(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        config = {"MemorySizeInMB": 1024, "MaxConcurrency": 2}
        serverless = {k: v for k, v in variant(ServerlessConfig=config).items() if k != "InstanceType"}
        await house.create(deployment(1, serverless))
        await house.status(S.IN_SERVICE)
        assert house.instances() == []
        route = house.parts.routes.find(KEY)
        found = route.variant("Main") if route else None
        assert found is not None
        assert found.wake is not None
        with house.parts.routes.traffic(KEY, "Main").serving():
            await found.wake()
            await house.in_service(1)
            assert backend.limits()[0].memory_bytes == 2**30
        await house.in_service(0)
        with anyio.fail_after(20):
            while backend._containers:
                await anyio.sleep(0.01)

    play(tmp_path, backend, story, time_scale=0.01)


def test_reset_takes_the_endpoints_of_its_scope(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        async with house.plane.resetting(ResetScope()) as count:
            assert count == 1
        assert await backend.find() == []
        assert house.parts.occupancy.memory_bytes == 0
        assert house.parts.routes.find(KEY) is None

    play(tmp_path, backend, story)
