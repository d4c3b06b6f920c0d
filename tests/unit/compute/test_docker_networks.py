"""Networks that are made beside other work, without an Engine."""

from collections.abc import Awaitable, Callable
from ipaddress import IPv4Network

import anyio
import pytest

from emulator.compute.docker_networks import Choice, ClusterNetworks
from emulator.domain.cluster import ClusterSpec

CLUSTER = ClusterSpec("c", isolated=False, instances=())
SUBNET = IPv4Network("10.250.0.0/26")


class Engine:
    """Makes networks when the test says so."""

    def __init__(self) -> None:
        self.may_choose, self.may_end = anyio.Event(), anyio.Event()
        self.fault: Exception | None = None
        self.made = 0

    async def make(self, cluster: ClusterSpec, choose: Choice) -> None:
        await self.may_choose.wait()
        if self.fault is None:
            choose(SUBNET)
        await self.may_end.wait()
        if self.fault is not None:
            raise self.fault
        self.made += 1


def play(story: Callable[[Engine, ClusterNetworks], Awaitable[None]]) -> None:
    async def whole() -> None:
        engine = Engine()
        with anyio.fail_after(60):
            await story(engine, ClusterNetworks(engine.make))

    anyio.run(whole)


def test_begin_returns_with_the_choice_and_ensure_with_the_network() -> None:
    async def story(engine: Engine, networks: ClusterNetworks) -> None:
        engine.may_choose.set()
        await networks.begin(CLUSTER)
        assert (networks.subnet("c"), engine.made) == (SUBNET, 0)
        engine.may_end.set()
        await networks.ensure(CLUSTER)
        await networks.settle("c")
        assert (networks.subnet("c"), engine.made) == (None, 1)

    play(story)


def test_network_is_made_once_at_a_time() -> None:
    async def story(engine: Engine, networks: ClusterNetworks) -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(networks.begin, CLUSTER)
                tasks.start_soon(networks.ensure, CLUSTER)
            await anyio.wait_all_tasks_blocked()
            engine.may_choose.set()
            engine.may_end.set()
        assert engine.made == 1

    play(story)


def test_fault_reaches_those_who_wait_and_is_tried_again_after_that() -> None:
    async def story(engine: Engine, networks: ClusterNetworks) -> None:
        engine.fault = ConnectionError("gone")
        engine.may_choose.set()
        engine.may_end.set()
        for wait in (networks.begin, networks.ensure):
            with pytest.raises(ConnectionError, match="gone"):
                await wait(CLUSTER)
        engine.fault = None
        await networks.ensure(CLUSTER)
        assert engine.made == 1

    play(story)


def test_who_gives_up_leaves_the_making_to_itself_and_a_removal_waits_for_it() -> None:
    async def story(engine: Engine, networks: ClusterNetworks) -> None:
        engine.may_choose.set()
        with anyio.move_on_after(0.05) as waiting:
            await networks.ensure(CLUSTER)
        assert waiting.cancelled_caught
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(networks.settle, "c")
            await anyio.wait_all_tasks_blocked()
            assert engine.made == 0
            engine.may_end.set()
        assert engine.made == 1

    play(story)


def test_nothing_is_under_way_of_what_nobody_asked_for() -> None:
    async def story(_: Engine, networks: ClusterNetworks) -> None:
        await networks.settle("c")
        assert networks.subnet("c") is None

    play(story)
