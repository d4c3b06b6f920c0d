"""How fleets go: out of the traffic first, then SIGTERM, and whatever the Engine does, nothing else suffers."""

from pathlib import Path

import anyio
import pytest

from emulator.compute.fake import FakeBackend, Script
from emulator.domain.endpoint import Deployment
from emulator.hosting.fleet import drain_seconds
from emulator.hosting.routing import VariantRoute
from tests.support.hosting_house import (
    KEY,
    NOW,
    SERVES,
    House,
    S,
    deployment,
    play,
    serverless_variant,
    variant,
)

pytest_plugins = ["tests.support.hosting_fixtures"]


class Hesitant(FakeBackend):
    """`destroy` fails as often as the test says, and waits where it says so."""

    faults = 0
    may_destroy: anyio.Event | None = None
    is_destroying = False

    async def destroy(self, cluster: str) -> None:
        self.is_destroying = True
        if self.may_destroy is not None:
            await self.may_destroy.wait()
        if self.faults:
            self.faults -= 1
            raise OSError("the Engine broke off")
        await super().destroy(cluster)


@pytest.fixture
def hesitant(backend: FakeBackend) -> Hesitant:
    made = Hesitant(backend.scripts)
    made.addresses = backend.addresses
    return made


def test_endpoint_that_is_being_deleted_takes_no_requests(tmp_path: Path, hesitant: Hesitant) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        hesitant.may_destroy = anyio.Event()
        await house.parts.endpoints.request_delete(KEY, NOW)
        with anyio.fail_after(60):
            while not hesitant.is_destroying:
                await anyio.sleep(0.01)
        assert house.parts.routes.find(KEY) is None
        hesitant.may_destroy.set()
        await house.until_gone()

    play(tmp_path, hesitant, story)


def test_endpoint_stays_deleted_for_its_callers_while_the_engine_fails(
    tmp_path: Path, hesitant: Hesitant
) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        hesitant.faults = 2
        await house.parts.endpoints.request_delete(KEY, NOW)
        with anyio.fail_after(60):
            while await house.parts.endpoints.get(KEY) is not None:
                assert not hesitant.is_destroying or house.parts.routes.find(KEY) is None
                await anyio.sleep(0.01)
        assert await hesitant.find() == []

    play(tmp_path, hesitant, story)


def test_new_fleet_serves_while_the_old_one_cannot_be_removed(tmp_path: Path, hesitant: Hesitant) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        [old] = house.instances()
        hesitant.faults = 3
        await house.parts.endpoints.request_update(KEY, deployment(2), NOW)
        with anyio.fail_after(60):
            while hesitant.faults or not hesitant.is_destroying:
                assert len(house.instances()) == 1
                await anyio.sleep(0.01)
        endpoint = await house.status(S.IN_SERVICE)
        assert endpoint.progress.tried == 2
        assert house.instances() != [old]
        assert len({cluster for cluster, _ in await hesitant.find()}) == 1
        assert house.parts.occupancy.memory_bytes == 8 * 2**30

    play(tmp_path, hesitant, story)


def test_old_fleet_serves_while_the_new_one_that_failed_cannot_be_removed(
    tmp_path: Path, hesitant: Hesitant
) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        kept = house.instances()
        hesitant.faults, hesitant._missing_images = 2, frozenset({"missing:1"})
        await house.parts.endpoints.request_update(KEY, deployment(2, image="missing:1"), NOW)
        with anyio.fail_after(60):
            while hesitant.faults:
                assert house.instances() == kept
                await anyio.sleep(0.01)
        endpoint = await house.status(S.IN_SERVICE)
        assert endpoint.progress.failure_reason is not None
        assert house.instances() == kept

    play(tmp_path, hesitant, story)


def test_restart_removes_the_old_fleet_that_was_to_go(tmp_path: Path, hesitant: Hesitant) -> None:
    async def first(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        hesitant.may_destroy = anyio.Event()
        await house.parts.endpoints.request_update(KEY, deployment(2), NOW)
        with anyio.fail_after(60):
            while not hesitant.is_destroying:
                await anyio.sleep(0.01)

    async def second(house: House) -> None:
        await house.in_service(1)
        endpoint = await house.status(S.IN_SERVICE)
        assert endpoint.progress.tried == 2
        assert len({cluster for cluster, _ in await hesitant.find()}) == 1
        assert house.parts.occupancy.memory_bytes == 8 * 2**30

    play(tmp_path, hesitant, first)
    hesitant.may_destroy = None
    play(tmp_path, hesitant, second)


def route(house: House) -> VariantRoute:
    found = house.parts.routes.find(KEY)
    wanted = found.variant("Main") if found else None
    assert wanted is not None
    return wanted


def test_serverless_variant_that_becomes_one_of_instances_is_serverless_no_more(
    tmp_path: Path, backend: FakeBackend
) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1, serverless_variant()))
        await house.status(S.IN_SERVICE)
        assert route(house).is_serverless
        await house.parts.endpoints.request_update(KEY, deployment(2), NOW)
        await house.updated()
        assert not route(house).is_serverless
        assert route(house).max_concurrency is None

    play(tmp_path, backend, story)


def test_old_fleet_begins_nothing_more_while_it_answers(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        [old] = house.instances()
        with old.serving():
            await house.parts.endpoints.request_update(KEY, deployment(2), NOW)
            with anyio.fail_after(60):
                while old in house.instances():
                    await anyio.sleep(0.01)
            assert not old.is_in_service
        await house.updated()

    play(tmp_path, backend, story)


def test_fleets_may_answer_for_as_long_as_an_invocation_may_take() -> None:
    asynchronous = deployment(1)
    config = {**asynchronous.config, "AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/o"}}}
    assert drain_seconds(Deployment(revision=1, config=config, models=asynchronous.models)) == 3600
    assert drain_seconds(deployment(1)) == 480


def test_containers_of_an_old_fleet_and_of_a_deleted_endpoint_get_sigterm(
    tmp_path: Path, backend: FakeBackend
) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        await house.parts.endpoints.request_update(KEY, deployment(2, variant(count=2)), NOW)
        await house.updated()
        assert backend.sent == [("Main-1", "SIGTERM")]
        await house.parts.endpoints.request_delete(KEY, NOW)
        await house.until_gone()
        assert sorted(backend.sent) == [("Main-1", "SIGTERM")] * 2 + [("Main-2", "SIGTERM")]

    play(tmp_path, backend, story)


def test_container_that_ignores_sigterm_goes_after_its_grace(tmp_path: Path, backend: FakeBackend) -> None:
    backend.scripts = {"Main-1": Script(after=SERVES.after, ignores_sigterm=True)}

    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        began = anyio.current_time()
        await house.parts.endpoints.request_delete(KEY, NOW)
        await house.until_gone()
        assert anyio.current_time() - began >= 30 * 0.02
        assert await backend.find() == []

    play(tmp_path, backend, story, time_scale=0.02)
