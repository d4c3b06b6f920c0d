"""What is under way when an endpoint changes its mind leaves nothing behind; faults of the Engine harm nobody."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from emulator.compute.fake import FakeBackend, Script
from emulator.domain.arn import ResourceKey
from emulator.domain.cluster import Address
from tests.support.hosting_house import (
    KEY,
    NOW,
    SERVES,
    House,
    S,
    closing,
    deployment,
    play,
    serverless_variant,
    variant,
)

pytest_plugins = ["tests.support.hosting_fixtures"]


class Slow(FakeBackend):
    """Verbs are under way until the test says otherwise, also where their callers are cancelled: as in threads."""

    slow: str = ""
    """`prepare` or `create`; the first container of revision 2 is not meant."""

    def __init__(self, scripts: Mapping[str, Script], addresses: dict[str, Address]) -> None:
        super().__init__(scripts)
        self.addresses = addresses
        self.begun, self.may_end = anyio.Event(), anyio.Event()
        self.too_late: list[str] = []

    async def _wait(self, verb: str, cluster: str) -> None:
        if verb != self.slow:
            return
        with anyio.CancelScope(shield=True):
            self.begun.set()
            await self.may_end.wait()
        if cluster in self._destroyed:
            self.too_late.append(verb)

    async def prepare(self, cluster: Any) -> None:
        await self._wait("prepare", cluster.name)
        await super().prepare(cluster)

    async def create(self, cluster: Any, instance: Any, work_dir: Path) -> None:
        if instance.host != "Main-1":
            await self._wait("create", cluster.name)
        await super().create(cluster, instance, work_dir)


@pytest.fixture
def slow(backend: FakeBackend) -> Slow:
    return Slow(backend.scripts, backend.addresses)


def test_fleet_that_is_given_up_waits_for_containers_that_are_being_made(tmp_path: Path, slow: Slow) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        slow.slow, slow.scripts = "create", {"Main-1": Script(exit_code=1), "Main-2": SERVES}
        slow.addresses = {}
        await house.parts.endpoints.request_update(KEY, deployment(2, variant(count=2)), NOW)
        await slow.begun.wait()
        await anyio.sleep(2)
        assert (await house.until(lambda _: True)).progress.tried == 1
        slow.may_end.set()
        await house.updated()
        assert slow.too_late == []
        assert len(slow._containers) == 1

    play(tmp_path, slow, story)


def test_endpoint_that_is_deleted_while_it_wakes_leaves_nothing(tmp_path: Path, slow: Slow) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1, serverless_variant()))
        await house.status(S.IN_SERVICE)
        route = house.parts.routes.find(KEY)
        found = route.variant("Main") if route else None
        assert found is not None
        assert found.wake is not None
        slow.slow = "prepare"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(found.wake)
            await slow.begun.wait()
            await house.parts.endpoints.request_delete(KEY, NOW)
            await anyio.sleep(0.2)
            slow.may_end.set()
        await house.until_gone()
        assert slow.too_late == []
        assert slow._containers == {}

    play(tmp_path, slow, story)


class Routes:
    """What the table told of."""

    def __init__(self, house: House) -> None:
        self.table = house.parts.routes
        self.seen: list[bool] = []
        """Since the deletion."""
        self.ever_seen: list[bool] = []
        self.table.watch(self)

    def route_changed(self, key: ResourceKey) -> None:
        self.seen.append(self.table.find(key) is not None)
        self.ever_seen.append(self.seen[-1])

    async def endpoint_deleted(self, _: ResourceKey) -> None:
        self.seen.clear()


def test_endpoint_that_is_deleted_gets_no_route_again(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1, variant(count=2)))
        await house.status(S.IN_SERVICE)
        routes = Routes(house)
        await house.parts.endpoints.request_delete(KEY, NOW)
        await house.until_gone()
        assert True not in routes.seen

    play(tmp_path, backend, story)


def test_endpoint_in_service_is_known_before_a_restart_has_found_its_instances(
    tmp_path: Path, slow: Slow
) -> None:
    """Without an instance it is unavailable, which clients try again; one that is not found they give up."""

    async def first(house: House) -> None:
        await house.create(deployment(1, variant(count=2)))
        await house.status(S.IN_SERVICE)

    async def second(house: House) -> None:
        route = house.parts.routes.find(KEY)
        assert route is not None
        assert [(each.name, each.instances) for each in route.variants] == [("Main", ())]
        slow.may_end.set()
        await house.in_service(2)

    play(tmp_path, slow, first)
    slow.slow = "prepare"
    play(tmp_path, slow, second)


def test_endpoint_whose_end_was_accepted_before_a_kill_gets_no_route(
    tmp_path: Path, backend: FakeBackend
) -> None:
    async def first(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)

    async def second(house: House) -> None:
        routes = Routes(house)
        assert house.parts.routes.find(KEY) is None
        await house.until_gone()
        assert True not in routes.ever_seen

    play(tmp_path, backend, first)
    with closing(House(tmp_path, backend)) as between:
        anyio.run(between.parts.endpoints.request_delete, KEY, NOW)
    play(tmp_path, backend, second)


def test_endpoint_that_is_deleted_while_a_restart_looks_for_it_gets_no_route(
    tmp_path: Path, slow: Slow
) -> None:
    async def first(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)

    async def second(house: House) -> None:
        await slow.begun.wait()
        routes = Routes(house)
        await house.parts.endpoints.request_delete(KEY, NOW)
        with anyio.fail_after(60):
            while house.parts.routes.find(KEY) is not None:
                await anyio.sleep(0.01)
        slow.may_end.set()
        await house.until_gone()
        assert True not in routes.ever_seen

    play(tmp_path, slow, first)
    slow.slow = "prepare"
    play(tmp_path, slow, second)
    assert slow.too_late == []


class BreaksOff(FakeBackend):
    """Images cannot be fetched while the test says so."""

    breaks = False
    tries = 0

    async def fetch_image(self, image: str, caller: Any) -> Any:
        if self.breaks:
            self.tries += 1
            raise OSError("the Engine broke off")
        return await super().fetch_image(image, caller)


@pytest.fixture
def broken(backend: FakeBackend) -> BreaksOff:
    made = BreaksOff(backend.scripts)
    made.addresses = backend.addresses
    return made


def test_update_is_tried_again_after_a_fault_while_the_old_fleet_goes_on(
    tmp_path: Path, broken: BreaksOff
) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        kept = house.instances()
        broken.breaks = True
        await house.parts.endpoints.request_update(KEY, deployment(2), NOW)
        while broken.tries < 2:
            assert house.instances() == kept
            await anyio.sleep(0.01)
        broken.breaks = False
        endpoint = await house.updated()
        assert endpoint.progress.failure_reason is None
        assert house.instances() != kept
        assert house.parts.occupancy.memory_bytes == 8 * 2**30

    play(tmp_path, broken, story)


def test_endpoint_that_meets_nothing_but_faults_fails_and_can_be_deleted(
    tmp_path: Path, broken: BreaksOff
) -> None:
    broken.breaks = True

    async def story(house: House) -> None:
        await house.create(deployment(1))
        endpoint = await house.status(S.FAILED)
        assert str(endpoint.progress.failure_reason).startswith("InternalServerError: ")
        assert house.parts.occupancy.memory_bytes == 0
        await house.parts.endpoints.request_delete(KEY, NOW)
        await house.until_gone()

    play(tmp_path, broken, story)
