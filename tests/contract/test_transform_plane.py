"""How transform jobs begin, end, stop and go on: on scripted containers, with models and an S3 in this process."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from emulator.compute.backend import LogSink, UsageSink
from emulator.compute.fake import FakeBackend, Script
from emulator.domain.cluster import InstanceExit, LogLine
from emulator.domain.reset_scope import ResetScope
from emulator.domain.transform_job import TransformJobStatus
from emulator.occupancy import Holding
from tests.support.batch_model import BatchModel, running_model
from tests.support.hosting_requests import a_container, a_model_request, a_transform_input
from tests.support.transform_house import KEY, SERVES, House, backend_of, play

S = TransformJobStatus
LINES = a_transform_input(SplitType="Line", ContentType="text/csv")


@pytest.fixture
def model() -> Iterator[BatchModel]:
    with running_model() as model:
        yield model


@pytest.fixture
def backend(model: BatchModel) -> FakeBackend:
    return backend_of(model)


PING = (
    "AlgorithmError: Model container failed to respond to ping. "
    "Please ensure /ping endpoint is implemented and responds with an HTTP 200 status code"
)


def test_container_that_never_gets_healthy_fails_the_job(
    tmp_path: Path, backend: FakeBackend, model: BatchModel
) -> None:
    model.ping_status = 404

    async def story(house: House) -> None:
        job = await house.run({"a/1": b"x"})
        assert job.progress.failure_reason == PING
        assert await house.outputs() == {}

    play(tmp_path, backend, story, ping_seconds=1.0)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (Script(exit_code=3), f"{PING} (algo-1 ended with exit code 3)"),
        (Script(exit_code=137, oom_killed=True), "ClientError: Please use an instance type with more memory"),
    ],
)
def test_container_that_ends_at_its_start_fails_the_job_at_once(
    tmp_path: Path, backend: FakeBackend, script: Script, reason: str
) -> None:
    backend.scripts, backend.addresses = {"algo-1": script}, {}

    async def story(house: House) -> None:
        job = await house.run({"a/1": b"x"})
        assert str(job.progress.failure_reason).startswith(reason)

    play(tmp_path, backend, story)


def test_container_that_dies_at_work_fails_the_job(
    tmp_path: Path, backend: FakeBackend, model: BatchModel
) -> None:
    over, asked = threading.Event(), threading.Event()

    def reply(body: bytes) -> tuple[int, bytes]:
        asked.set()
        over.wait(30)
        return 200, body

    model.reply = reply

    async def story(house: House) -> None:
        await house.put({"a/1": b"x"})
        await house.create()
        await anyio.to_thread.run_sync(asked.wait)
        await backend.signal(next(iter(backend._containers))[0], "algo-1", "SIGKILL")
        job = await house.end()
        over.set()
        assert job.progress.failure_reason == (
            "AlgorithmError: See job logs for more information (algo-1 ended with exit code 137)"
        )
        assert await house.outputs() == {}

    play(tmp_path, backend, story)


class LateNews(FakeBackend):
    """What a container says in its end comes some time after it."""

    async def watch(
        self, cluster: str, host: str, since_ns: int, sink: LogSink, usage: UsageSink | None
    ) -> InstanceExit:
        end = await super().watch(cluster, host, since_ns, sink, usage)
        await anyio.sleep(0.5)
        await sink([LogLine(time.time_ns(), "last words")])
        return end


def test_last_words_are_awaited_also_where_they_come_late(
    tmp_path: Path, model: BatchModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.hosting.transform_cluster.STOP_LIMIT", 0.05)
    backend = LateNews({"algo-1": SERVES})
    backend.addresses = {"algo-1": model.address}

    async def story(house: House) -> None:
        job = await house.run({"a/1": b"x"})
        assert job.progress.status is S.COMPLETED
        assert "last words" in await house.lines("")

    play(tmp_path, backend, story)


def test_job_stops_in_the_middle_and_keeps_what_was_done(
    tmp_path: Path, backend: FakeBackend, model: BatchModel
) -> None:
    over = threading.Event()
    model.reply = lambda body: (200, body) if body == b"1" or over.wait(30) else (200, b"")

    async def story(house: House) -> None:
        await house.put({"a/1": b"1", "a/2": b"2"})
        await house.create()
        with anyio.fail_after(60):
            while len(model.seen) < 2:
                await anyio.sleep(0.01)
        await house.store.request_stop(KEY, house.parts.clock.now())
        assert (await house.until(lambda _: True)).status in (S.STOPPING, S.STOPPED)
        job = await house.end()
        over.set()
        assert (job.status, job.progress.failure_reason) == (S.STOPPED, None)
        assert await house.outputs() == {"out/1.out": b"1"}

    play(tmp_path, backend, story)


def test_job_waits_for_room(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        house.parts.occupancy.hold("somebody", Holding(12 * 2**30))
        await house.put({"a/1": b"1"})
        await house.create()
        await anyio.sleep(0.1)
        assert await backend.find() == []
        assert (await house.until(lambda _: True)).progress.start_time is None
        house.parts.occupancy.release("somebody")
        assert (await house.end()).status is S.COMPLETED

    play(tmp_path, backend, story, budget=16 * 2**30)


def test_job_that_waits_for_room_can_be_stopped(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        house.parts.occupancy.hold("somebody", Holding(12 * 2**30))
        await house.create()
        await anyio.sleep(0.1)
        await house.store.request_stop(KEY, house.parts.clock.now())
        job = await house.until(lambda job: job.is_final)
        assert (job.status, job.progress.start_time) == (S.STOPPED, None)
        assert job.progress.end_time is not None

    play(tmp_path, backend, story, budget=16 * 2**30)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 3}}, "CapacityError: "),
        ({}, "ClientError: No S3 objects found under S3 URL 's3://inputs/a/'"),
        (
            {"TransformInput": a_transform_input("ManifestFile", "s3://inputs/m")},
            "ClientError: Data download failed:",
        ),
    ],
)
def test_job_that_cannot_begin_fails(
    tmp_path: Path, backend: FakeBackend, members: dict[str, Any], reason: str
) -> None:
    async def story(house: House) -> None:
        await house.create(**members)
        job = await house.end()
        assert str(job.progress.failure_reason).startswith(reason)

    play(tmp_path, backend, story, budget=16 * 2**30)


def test_missing_model_data_fails_the_job(tmp_path: Path, backend: FakeBackend) -> None:
    async def story(house: House) -> None:
        container = a_container(ModelDataUrl="s3://inputs/model.tar.gz")
        await house.put({"a/1": b"1"})
        await house.create(a_model_request(PrimaryContainer=container))
        job = await house.end()
        assert str(job.progress.failure_reason).startswith("Failed to download model data for container")

    play(tmp_path, backend, story)


def test_restart_goes_on_with_what_is_not_done_and_never_takes_output_for_input(
    tmp_path: Path, backend: FakeBackend, model: BatchModel
) -> None:
    over = threading.Event()
    model.reply = lambda body: (200, body) if body == b"1" or over.wait(30) else (200, b"")
    output = {"S3OutputPath": "s3://inputs/a/done"}

    async def first(house: House) -> None:
        await house.put({"a/1": b"1", "a/2": b"2"})
        await house.create(TransformOutput=output)
        await house.eventually(lambda: len(model.seen) == 2)

    play(tmp_path, backend, first)
    assert len(backend._containers) == 1
    before = dict(backend._containers)

    async def second(house: House) -> None:
        await house.eventually(lambda: len(model.seen) == 3)
        assert house.parts.occupancy.memory_bytes == 8 * 2**30
        assert backend._containers != before
        over.set()
        job = await house.end()
        assert job.status is S.COMPLETED
        assert [key for key in await house.outputs("inputs") if key.endswith(".out")] == [
            "a/done/1.out",
            "a/done/2.out",
        ]

    play(tmp_path, backend, second)
    assert model.bodies == [b"1", b"2", b"2"]


def test_restart_ends_a_job_that_was_to_stop(tmp_path: Path, backend: FakeBackend, model: BatchModel) -> None:
    model.ping_status = 500

    async def first(house: House) -> None:
        await house.put({"a/1": b"1"})
        await house.create()
        await house.eventually(lambda: bool(backend._containers))

    play(tmp_path, backend, first)

    async def second(house: House) -> None:
        await house.store.request_stop(KEY, house.parts.clock.now())
        assert (await house.end()).status is S.STOPPED

    play(tmp_path, backend, second)
    assert model.seen == []


def test_fault_of_the_surroundings_is_survived(
    tmp_path: Path, backend: FakeBackend, model: BatchModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, faults = backend.start, iter([True, True, False])

    async def fail_twice(cluster: str, host: str) -> None:
        if next(faults):
            raise ConnectionError("no Engine")
        await start(cluster, host)

    monkeypatch.setattr(backend, "start", fail_twice)

    async def story(house: House) -> None:
        job = await house.run({"a/1": b"1"})
        assert job.status is S.COMPLETED

    play(tmp_path, backend, story)


def test_what_cannot_be_removed_at_once_is_removed_later(
    tmp_path: Path, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    destroy, faults = backend.destroy, iter([True, False])

    async def fail_once(cluster: str) -> None:
        if next(faults):
            raise ConnectionError("no Engine")
        await destroy(cluster)

    monkeypatch.setattr(backend, "destroy", fail_once)

    async def story(house: House) -> None:
        await house.put({"a/1": b"1"})
        await house.create()
        assert (await house.until(lambda job: job.is_final)).status is S.COMPLETED
        await anyio.sleep(0.1)
        assert house.parts.occupancy.memory_bytes > 0
        house.changes.notify()
        await house.end()

    play(tmp_path, backend, story)


def test_job_that_is_over_owns_its_containers_until_they_are_gone(
    tmp_path: Path, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the sweep at a start, and the job's own clean-up, never remove the same things at once."""
    destroy, may_end = backend.destroy, anyio.Event()

    async def wait(cluster: str) -> None:
        await may_end.wait()
        await destroy(cluster)

    monkeypatch.setattr(backend, "destroy", wait)

    async def story(house: House) -> None:
        await house.put({"a/1": b"1"})
        await house.create()
        await house.until(lambda job: job.is_final)
        assert await house.plane.clusters() == {cluster for cluster, _ in await backend.find()} != set()
        may_end.set()
        await house.end()
        assert await house.plane.clusters() == set()

    play(tmp_path, backend, story)


def test_reset_takes_the_jobs_of_its_scope(tmp_path: Path, backend: FakeBackend, model: BatchModel) -> None:
    model.ping_status = 500

    async def story(house: House) -> None:
        await house.put({"a/1": b"1"})
        await house.create()
        await house.eventually(lambda: bool(backend._containers))
        async with house.plane.resetting(ResetScope("another", None)) as count:
            assert count == 0
        assert await house.plane.clusters() == {cluster for cluster, _ in await backend.find()}
        async with house.plane.resetting(ResetScope()) as count:
            assert count == 1
            assert await backend.find() == []
        assert await house.store.get(KEY) is None
        assert house.parts.occupancy.memory_bytes == 0
        assert list((tmp_path / "hosting" / "transforms").iterdir()) == []

    play(tmp_path, backend, story)


def test_job_is_stopped_while_a_record_is_looked_for(tmp_path: Path, backend: FakeBackend) -> None:
    """Lines with nothing in them are no records: the first one is behind millions of them."""

    async def story(house: House) -> None:
        await house.put({"a/1": b"\n" * 2**25})
        await house.create(TransformInput=LINES)
        await house.eventually(lambda: bool(backend._containers))
        await anyio.sleep(0.5)
        await house.store.request_stop(KEY, house.parts.clock.now())
        with anyio.fail_after(30):
            assert (await house.end()).status is S.STOPPED

    play(tmp_path, backend, story)
