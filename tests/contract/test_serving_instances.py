"""What ends the service of an instance, and what doesn't: its containers' end does, a fault of a log does not."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest

from emulator.compute.backend import LogSink, UsageSink
from emulator.compute.fake import FakeBackend, Script
from emulator.domain.cluster import Address, InstanceExit
from tests.support.hosting_house import SERVES, House, S, deployment, play, variant

pytest_plugins = ["tests.support.hosting_fixtures"]


class Deaf(FakeBackend):
    """Its watches break off when the test says so, and it counts them."""

    breaks_off = anyio.Event()
    watches = 0

    async def watch(
        self, cluster: str, host: str, since_ns: int, sink: LogSink, usage: UsageSink | None
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
        with anyio.fail_after(60):
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
        with anyio.fail_after(60):
            while len(stored) < 2:
                await anyio.sleep(0.01)
        assert discarded == []
        assert len(house.instances()) == 1

    play(tmp_path, backend, story)


class PingServer:
    """A model server that answers `GET /ping` with `status`, or keeps silent where it is None."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.may_go_on = threading.Event()

    def handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if owner.status is None:
                    owner.may_go_on.wait(20)
                self.send_response(owner.status or 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        return Handler


@pytest.fixture
def pings(backend: FakeBackend) -> Iterator[PingServer]:
    """Who answers for Main-1."""
    made = PingServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), made.handler()) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        backend.addresses = {"Main-1": Address("127.0.0.1", server.server_port)}
        yield made
        made.may_go_on.set()
        server.shutdown()


def test_replacement_that_never_passes_its_health_check_is_replaced_too(
    tmp_path: Path, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.hosting.serving_instance.FIRST_PAUSE", 0.1)
    answers = backend.addresses
    # Each container has 2 s.
    hasty = variant(ContainerStartupHealthCheckTimeoutInSeconds=200)

    async def story(house: House) -> None:
        await house.create(deployment(1, hasty))
        await house.status(S.IN_SERVICE)
        [(cluster, host)] = backend._containers
        backend.addresses = {}
        await backend.signal(cluster, host, "SIGKILL")
        await house.in_service(0)
        with anyio.fail_after(60):
            replacements = set[int]()
            while len(replacements) < 3:
                replacements |= {id(each) for each in backend._containers.values()}
                await anyio.sleep(0.01)
        backend.addresses = answers
        await house.in_service(1)

    play(tmp_path, backend, story, time_scale=0.01)


@pytest.mark.parametrize("status", [503, None], ids=["refuses", "is silent"])
def test_instance_that_fails_its_pings_again_and_again_is_replaced(
    tmp_path: Path,
    backend: FakeBackend,
    pings: PingServer,
    monkeypatch: pytest.MonkeyPatch,
    status: int | None,
) -> None:
    monkeypatch.setattr("emulator.hosting.serving_container.PING_LIMIT", 0.5)
    patient = variant(ContainerStartupHealthCheckTimeoutInSeconds=3600)

    async def story(house: House) -> None:
        await house.create(deployment(1, patient))
        await house.status(S.IN_SERVICE)
        [first] = house.instances()
        pings.status = status
        await house.in_service(0)
        assert not first.is_in_service
        pings.status = 200
        await house.in_service(1)
        assert house.instances() != [first]

    play(tmp_path, backend, story, time_scale=0.003)


def test_instance_that_is_busy_may_be_silent(
    tmp_path: Path, backend: FakeBackend, pings: PingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.hosting.serving_container.PING_LIMIT", 0.5)
    patient = variant(ContainerStartupHealthCheckTimeoutInSeconds=3600)

    async def story(house: House) -> None:
        await house.create(deployment(1, patient))
        await house.status(S.IN_SERVICE)
        [only] = house.instances()
        with only.serving():
            pings.status = None
            await anyio.sleep(4)
            assert house.instances() == [only]
        pings.status = 200
        pings.may_go_on.set()
        await anyio.sleep(0.2)
        assert only.is_in_service

    play(tmp_path, backend, story, time_scale=0.003)


def test_pings_go_past_any_proxy(
    tmp_path: Path, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    async def story(house: House) -> None:
        await house.create(deployment(1))
        await house.status(S.IN_SERVICE)

    play(tmp_path, backend, story)
