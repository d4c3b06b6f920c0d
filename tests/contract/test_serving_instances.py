"""What ends the service of an instance, and what doesn't: its containers' end does, a fault of a log does not."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from emulator.compute.backend import LogSink, UsageSink
from emulator.compute.fake import FakeBackend, Script
from emulator.domain.cluster import InstanceExit
from tests.support.hosting_house import SERVES, House, S, deployment, play

pytest_plugins = ["tests.support.hosting_fixtures"]


class Deaf(FakeBackend):
    """Its watches break off when the test says so, and it counts them."""

    breaks_off = anyio.Event()
    watches = 0

    async def watch(
        self, cluster: str, host: str, since_ns: int, sink: LogSink, usage: UsageSink
    ) -> InstanceExit:
        self.watches += 1
        breaks_off = self.breaks_off = anyio.Event()

        async def break_off() -> None:
            await breaks_off.wait()
            raise OSError("the log's stream broke off")

        async with anyio.create_task_group() as both:
            both.start_soon(break_off)
            end = await super().watch(cluster, host, since_ns, sink, usage)
            both.cancel_scope.cancel()
        return end


@pytest.fixture
def deaf(backend: FakeBackend) -> Deaf:
    made = Deaf(backend.scripts)
    made.addresses = backend.addresses
    return made


def test_instance_stays_in_service_while_its_log_breaks_off(tmp_path: Path, deaf: Deaf) -> None:
    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        kept, [(cluster, _)] = house.instances(), deaf._containers
        containers = dict(deaf._containers)
        deaf.breaks_off.set()
        with anyio.fail_after(20):
            while deaf.watches < 2:
                assert house.instances() == kept
                await anyio.sleep(0.01)
        assert deaf._containers == containers
        await deaf.signal(cluster, "Main-1", "SIGKILL")
        await house.in_service(0)

    play(tmp_path, deaf, story)


def test_log_that_cannot_be_stored_takes_nothing_out_of_service(
    tmp_path: Path, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.scripts = {"Main-1": Script(after=SERVES.after, logs=("one line",))}
    stored: list[str] = []
    discarded: list[str] = []

    async def discard(_: str, host: str) -> None:
        discarded.append(host)

    monkeypatch.setattr(backend, "discard", discard)

    async def story(house: House) -> None:
        put = house.parts.logs.put

        async def full_at_first(stream: Any, events: Any, now: Any) -> None:
            stored.append("tried")
            if len(stored) < 2:
                raise OSError("no space left on device")
            await put(stream, events, now)

        monkeypatch.setattr(house.parts.logs, "put", full_at_first)
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)
        with anyio.fail_after(20):
            while len(stored) < 2:
                await anyio.sleep(0.01)
        assert discarded == []
        assert len(house.instances()) == 1

    play(tmp_path, backend, story)
