"""UpdateEndpointWeightsAndCapacities where something goes wrong: nothing is lost, and nothing comes back."""

from datetime import timedelta
from pathlib import Path

import anyio

from emulator.compute.fake import FakeBackend
from tests.support.hosting_house import KEY, NOW, House, S, deployment, play, serverless_variant, variant

pytest_plugins = ["tests.support.hosting_fixtures"]

GIB = 2**30


async def wish(house: House, count: int, seconds: int = 1) -> None:
    """`seconds`: so long after NOW."""
    desired = {"Main": {"DesiredInstanceCount": count}}
    endpoint = await house.until(lambda _: True)
    now = NOW + timedelta(seconds=seconds)
    assert await house.parts.endpoints.request_desired(KEY, desired, now, endpoint.modified_at)


def test_wish_that_was_given_up_stays_given_up_after_an_update_that_failed(
    tmp_path: Path, backend: FakeBackend
) -> None:
    backend._missing_images = frozenset({"missing:1"})

    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        await wish(house, 3)
        await house.until(lambda e: e.progress.given_up is not None and e.status is S.IN_SERVICE)
        update = deployment(2, image="missing:1")
        await house.parts.endpoints.request_update(KEY, update, NOW + timedelta(seconds=2))
        await house.updated()
        await anyio.sleep(0.3)
        endpoint = await house.until(lambda _: True)
        assert endpoint.status is S.IN_SERVICE
        assert "missing:1" in str(endpoint.progress.failure_reason)
        assert endpoint.desired_count(endpoint.current.variants[0]) == 1
        backend._missing_images = frozenset()
        await wish(house, 2, seconds=3)
        await house.in_service(2)

    play(tmp_path, backend, story, budget=16 * GIB + 1)


def test_instances_of_a_scale_up_that_broke_off_are_removed(tmp_path: Path, backend: FakeBackend) -> None:
    answers = dict(backend.addresses)
    del backend.addresses["Main-2"]

    async def first(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        await wish(house, 2)
        with anyio.fail_after(60):
            while len(backend._containers) < 2:
                await anyio.sleep(0.01)

    async def second(house: House) -> None:
        endpoint = await house.until(lambda e: e.progress.given_up is not None and e.status is S.IN_SERVICE)
        assert endpoint.progress.variants["Main"].instance_count == 1
        assert [host for _, host in backend._containers] == ["Main-1"]
        assert house.parts.occupancy.memory_bytes == 8 * GIB

    play(tmp_path, backend, first)
    backend.addresses = answers
    play(tmp_path, backend, second, budget=12 * GIB)


def test_serverless_container_of_a_former_process_is_removed(tmp_path: Path, backend: FakeBackend) -> None:
    async def first(house: House) -> None:
        await house.create(deployment(1, serverless_variant()))
        await house.status(S.IN_SERVICE)
        route = house.parts.routes.find(KEY)
        found = route.variant("Main") if route else None
        assert found is not None
        assert found.wake is not None
        with house.parts.routes.traffic(KEY, "Main").serving():
            await found.wake()

    async def second(house: House) -> None:
        await house.status(S.IN_SERVICE)
        with anyio.fail_after(60):
            while backend._containers or house.parts.routes.find(KEY) is None:
                await anyio.sleep(0.01)
        assert house.parts.occupancy.memory_bytes == 0

    play(tmp_path, backend, first)
    assert len(backend._containers) == 1
    play(tmp_path, backend, second)


class Stubborn(FakeBackend):
    """SIGTERM never arrives, and containers cannot be removed at first."""

    faults = 2

    async def signal(self, cluster: str, host: str, signal: str) -> None:
        if signal == "SIGTERM":
            raise OSError("the Engine broke off")
        await super().signal(cluster, host, signal)

    async def discard(self, cluster: str, host: str) -> None:
        if self.faults:
            self.faults -= 1
            raise OSError("the Engine broke off")
        await super().discard(cluster, host)


def test_instance_that_cannot_be_stopped_at_first_is_stopped_later(
    tmp_path: Path, backend: FakeBackend
) -> None:
    stubborn = Stubborn(backend.scripts)
    stubborn.addresses = backend.addresses

    async def story(house: House) -> None:
        await house.create(deployment(1, variant(count=2)))
        await house.status(S.IN_SERVICE)
        await wish(house, 1)
        with anyio.fail_after(60):
            while stubborn.faults:
                assert (await house.until(lambda _: True)).status is S.UPDATING
                await anyio.sleep(0.01)
        endpoint = await house.status(S.IN_SERVICE)
        assert endpoint.progress.failure_reason is None
        assert endpoint.progress.variants["Main"].instance_count == 1
        assert [host for _, host in stubborn._containers] == ["Main-1"]
        assert house.parts.occupancy.memory_bytes == 8 * GIB

    play(tmp_path, stubborn, story)
