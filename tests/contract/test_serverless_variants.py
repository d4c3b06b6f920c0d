"""Cold starts of serverless variants: whoever asks, whoever goes away, and whatever room there is."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from emulator.compute.fake import FakeBackend
from emulator.domain.misfit import Misfit
from emulator.hosting.routing import InstanceUnavailable, Traffic
from emulator.occupancy import Holding
from tests.support.hosting_house import KEY, NOW, House, S, deployment, play, serverless_variant

pytest_plugins = ["tests.support.hosting_fixtures"]

GIB = 2**30


def wake_of(house: House) -> Callable[[], Awaitable[None]]:
    route = house.parts.routes.find(KEY)
    found = route.variant("Main") if route else None
    assert found is not None
    assert found.wake is not None
    return found.wake


async def ask(house: House) -> None:
    """As a request does."""
    with traffic(house).serving():
        await wake_of(house)()


def traffic(house: House) -> Traffic:
    return house.parts.routes.traffic(KEY, "Main")


async def nothing_held(house: House) -> None:
    with anyio.fail_after(60):
        while house.parts.occupancy.memory_bytes:
            await anyio.sleep(0.01)


async def asleep(house: House, **config: Any) -> None:
    await house.create(deployment(1, serverless_variant(**config)))
    await house.status(S.IN_SERVICE)


def test_memory_is_held_while_the_container_runs(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await asleep(house)
        assert house.parts.occupancy.memory_bytes == 0
        with traffic(house).serving():
            await wake_of(house)()
            assert house.parts.occupancy.memory_bytes == GIB
        await nothing_held(house)
        assert backend._containers == {}

    play(tmp_path, backend, story, time_scale=0.01)


def test_container_starts_when_there_is_room(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await asleep(house)
        house.parts.occupancy.hold("somebody", Holding(GIB))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, house)
            await anyio.sleep(0.2)
            assert backend._containers == {}
            house.parts.occupancy.release("somebody")
        await house.in_service(1)

    play(tmp_path, backend, story, budget=GIB, time_scale=0.2)


def test_caller_is_told_for_whom_the_container_waited_in_vain(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await asleep(house)
        house.parts.occupancy.hold("arn:of:somebody", Holding(GIB))
        with pytest.raises(InstanceUnavailable, match="arn:of:somebody"):
            await ask(house)
        house.parts.occupancy.release("arn:of:somebody")
        await ask(house)
        await house.in_service(1)

    play(tmp_path, backend, story, budget=GIB, time_scale=0.02)


def test_memory_beyond_the_budget_fails_the_endpoint(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1, serverless_variant(MemorySizeInMB=6144)))
        endpoint = await house.status(S.FAILED)
        assert str(endpoint.progress.failure_reason).startswith("CapacityError")

    play(tmp_path, backend, story, budget=GIB)


def test_memory_beyond_the_budget_becomes_the_budget_where_it_is_scaled(
    tmp_path: Path, backend: FakeBackend
) -> None:
    async def story(house: House) -> None:
        await asleep(house, MemorySizeInMB=6144)
        await ask(house)
        assert [limits.memory_bytes for limits in backend.limits()] == [GIB]

    play(tmp_path, backend, story, budget=GIB, memory=Misfit.SCALE)


def test_caller_that_goes_away_does_not_harm_the_cold_start(tmp_path: Path, backend: FakeBackend) -> None:
    prepare, may_go_on = backend.prepare, anyio.Event()

    async def slow(cluster: Any) -> None:
        await may_go_on.wait()
        await prepare(cluster)

    async def story(house: House) -> None:
        await asleep(house)
        backend.prepare = slow  # type: ignore[method-assign]
        with anyio.move_on_after(0.1):
            await ask(house)
        may_go_on.set()
        await house.in_service(1)
        await nothing_held(house)

    play(tmp_path, backend, story, time_scale=0.01)


def test_variant_of_an_old_deployment_starts_nothing_more(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        await asleep(house)
        old = wake_of(house)
        await house.parts.endpoints.request_update(KEY, deployment(2, serverless_variant()), NOW)
        await house.updated()
        with anyio.fail_after(60):
            await old()
        assert backend._containers == {}
        await ask(house)
        await house.in_service(1)

    play(tmp_path, backend, story)


def test_request_that_waits_while_an_update_comes_is_let_go(tmp_path: Path, backend: FakeBackend) -> None:
    answers, backend.addresses = backend.addresses, {}

    async def story(house: House) -> None:
        await asleep(house)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, house)
            await anyio.sleep(0.2)
            await house.parts.endpoints.request_update(KEY, deployment(2, serverless_variant()), NOW)
            await house.updated()
        backend.addresses = answers
        await ask(house)
        await house.in_service(1)
        assert house.parts.occupancy.memory_bytes == GIB

    play(tmp_path, backend, story)
