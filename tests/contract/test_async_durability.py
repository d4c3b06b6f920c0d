"""Asynchronous requests that outlive the emulator, and those that end before their turn.

A runtime that ends leaves what a killed emulator leaves: rows. tests/e2e/test_endpoint_faults.py kills one.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.domain.arn import ResourceKey
from emulator.domain.s3_fault import S3Fault
from emulator.hosting.async_objects import AsyncObjects
from emulator.hosting.async_processing import AsyncLimits
from emulator.hosting.runtime import RuntimeLimits
from emulator.store.async_invocations import AsyncInvocation, AsyncInvocationStore
from tests.support.async_requests import Gate, ask, ask_inline, async_config, objects, put, wait_for_object
from tests.support.clock import START, HandClock
from tests.support.emulator_server import wait_until
from tests.support.model_server import model_server
from tests.support.runtime_server import RunningRuntime, running_runtime

ONE = async_config(1)
EXPIRED = b"The request expired while it waited in the queue."


@contextmanager
def runtime_with_bucket(directory: Path, **limits: Any) -> Iterator[RunningRuntime]:
    with running_runtime(directory, RuntimeLimits(asynchronous=AsyncLimits(**limits))) as running:
        running.client("s3").create_bucket(Bucket="bucket")
        yield running


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[RunningRuntime]:
    with runtime_with_bucket(tmp_path) as running:
        yield running


def rows(runtime: RunningRuntime) -> list[AsyncInvocation]:
    return runtime.server.portal.call(runtime.stores.async_invocations.all)


def has_no_rows(runtime: RunningRuntime) -> bool:
    return rows(runtime) == []


def delete(runtime: RunningRuntime, key: ResourceKey) -> None:
    """As the planes do it."""

    async def work() -> None:
        endpoint = await runtime.stores.endpoints.get(key)
        assert endpoint is not None
        await runtime.stores.endpoints.request_delete(key, START)
        await runtime.table.delete_endpoint(key)
        await runtime.stores.endpoints.remove(endpoint)

    runtime.server.portal.call(work)


def test_what_waited_and_what_was_under_way_is_asked_by_the_next_emulator(tmp_path: Path) -> None:
    bodies = [b"0", b"1", b"2"]
    with Gate().opening() as gate, model_server(gate) as model, runtime_with_bucket(tmp_path) as before:
        before.serve(model, async_config=ONE)
        told = [ask_inline(before, body) for body in bodies]
        wait_until(lambda: gate.asked == [b"0"])
    with running_runtime(tmp_path) as after, model_server(again := Gate()) as model:
        again.open()
        assert [row.number for row in rows(after)] == [1, 2, 3]
        after.serve(async_config=ONE)
        assert again.asked == []
        after.serve(model, async_config=ONE)
        assert [wait_for_object(after, each["OutputLocation"]) for each in told] == bodies
        assert again.asked == bodies
        wait_until(lambda: has_no_rows(after))
        assert ask_inline(after, b"new")["OutputLocation"] not in {each["OutputLocation"] for each in told}


def test_nothing_of_a_request_is_lost_in_between(tmp_path: Path) -> None:
    with runtime_with_bucket(tmp_path) as before:
        put(before, b"1,2")
        before.serve(async_config=ONE)
        good = ask(before, InferenceId="mine", Accept="text/plain", Filename="x", S3OutputPathExtension="a")
        missing = ask(before, InputLocation="s3://bucket/none")
    with running_runtime(tmp_path) as after, model_server() as model:
        after.serve(model, async_config=ONE)
        assert good["OutputLocation"] == "s3://bucket/out/a/x"
        assert wait_for_object(after, good["OutputLocation"]) == b"1,2"
        assert wait_for_object(after, missing["FailureLocation"]).startswith(b"NoSuchKey: ")
        headers = model.seen[0].headers
        assert (headers["Accept"], headers["X-Amzn-SageMaker-Inference-Id"]) == ("text/plain", "mine")


def test_a_request_is_accepted_once_it_is_on_its_row(runtime: RunningRuntime) -> None:
    runtime.serve(async_config=ONE)
    ask_inline(runtime, b"x")
    [row] = rows(runtime)
    assert runtime.server.portal.call(runtime.stores.async_invocations.body, row) == b"x"


def test_time_to_live_counts_from_the_acceptance_also_over_a_restart(tmp_path: Path) -> None:
    clock = HandClock()
    with running_runtime(tmp_path, clock=clock) as before:
        before.client("s3").create_bucket(Bucket="bucket")
        before.serve(async_config=ONE)
        short = ask_inline(before, b"short", RequestTTLSeconds=60)
        long = ask_inline(before, b"long", RequestTTLSeconds=120)
    clock.advance(60)
    with running_runtime(tmp_path, clock=clock) as after, model_server(gate := Gate()) as model:
        gate.open()
        assert wait_for_object(after, short["FailureLocation"]) == EXPIRED
        after.serve(model, async_config=ONE)
        assert wait_for_object(after, long["OutputLocation"]) == b"long"
        assert gate.asked == [b"long"]


def test_a_request_that_waits_too_long_behind_another_gets_no_invocation(tmp_path: Path) -> None:
    with (
        Gate().opening() as gate,
        model_server(gate) as model,
        runtime_with_bucket(tmp_path, request_ttl=0.2) as runtime,
    ):
        runtime.serve(model, async_config=ONE)
        first, second = ask_inline(runtime, b"first", RequestTTLSeconds=60), ask_inline(runtime, b"second")
        assert wait_for_object(runtime, second["FailureLocation"]) == EXPIRED
        gate.open()
        assert wait_for_object(runtime, first["OutputLocation"]) == b"first"
        wait_until(lambda: has_no_rows(runtime))
        assert gate.asked == [b"first"]


def test_the_clock_decides_when_the_turn_has_come(tmp_path: Path) -> None:
    clock = HandClock()
    with (
        Gate().opening() as gate,
        model_server(gate) as model,
        running_runtime(tmp_path, clock=clock) as runtime,
    ):
        runtime.client("s3").create_bucket(Bucket="bucket")
        runtime.serve(model, async_config=ONE)
        ask_inline(runtime, b"first")
        late = ask_inline(runtime, b"late", RequestTTLSeconds=60)
        wait_until(lambda: gate.asked)
        clock.advance(60)
        gate.open()
        assert wait_for_object(runtime, late["FailureLocation"]) == EXPIRED
        assert gate.asked == [b"first"]


def test_an_invocation_that_takes_too_long_fails_and_gives_its_turn_away(tmp_path: Path) -> None:
    with (
        Gate().opening() as gate,
        model_server(gate) as model,
        runtime_with_bucket(tmp_path, invocation=0.2) as runtime,
    ):
        runtime.serve(model, async_config=ONE)
        slow, patient = ask_inline(runtime, b"slow"), ask_inline(runtime, b"x", InvocationTimeoutSeconds=60)
        assert b"timed out" in wait_for_object(runtime, slow["FailureLocation"])
        wait_until(lambda: b"x" in gate.asked)
        gate.open()
        assert wait_for_object(runtime, patient["OutputLocation"]) == b"x"


def test_so_many_wait_and_one_more_is_refused(tmp_path: Path) -> None:
    with runtime_with_bucket(tmp_path, waiting=2) as runtime, model_server() as model:
        runtime.serve(async_config=ONE)
        told = [ask_inline(runtime, body) for body in (b"0", b"1")]
        with pytest.raises(ClientError, match=r"ServiceUnavailable.*2 requests wait for endpoint e"):
            ask_inline(runtime, b"2")
        runtime.serve(model, async_config=ONE)
        assert [wait_for_object(runtime, each["OutputLocation"]) for each in told] == [b"0", b"1"]
        wait_until(lambda: has_no_rows(runtime))
        wait_for_object(runtime, ask_inline(runtime, b"3")["OutputLocation"])


def test_a_deleted_endpoint_takes_its_requests_along(runtime: RunningRuntime) -> None:
    with Gate().opening() as gate, model_server(gate) as model, model_server() as other:
        key = runtime.serve(model, async_config=ONE)
        for body in (b"under way", b"waits"):
            ask_inline(runtime, body)
        wait_until(lambda: gate.asked)
        delete(runtime, key)
        gate.open()
        assert has_no_rows(runtime)
        runtime.serve(other, async_config=ONE)
        told = ask_inline(runtime, b"of the new one")["OutputLocation"]
        wait_for_object(runtime, told)
        assert objects(runtime) == [told.removeprefix("s3://bucket/")]
        assert (gate.asked, len(other.seen)) == ([b"under way"], 1)


def test_an_endpoint_whose_end_was_wished_for_takes_none(runtime: RunningRuntime) -> None:
    key = runtime.serve(async_config=ONE)
    ask_inline(runtime, b"before")
    runtime.server.portal.call(runtime.stores.endpoints.request_delete, key, START)
    with pytest.raises(ClientError, match="Endpoint e of account 123456789012 not found"):
        ask_inline(runtime, b"x")
    assert rows(runtime) == []


def test_a_turn_without_an_instance_comes_again(
    runtime: RunningRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The route goes between the turn and the request to the container."""
    body, lost = AsyncInvocationStore.body, []

    async def lose_route(store: AsyncInvocationStore, invocation: AsyncInvocation) -> bytes | None:
        if not lost:
            lost.append(invocation)
            runtime.table.set_endpoint(invocation.endpoint, None)
        return await body(store, invocation)

    monkeypatch.setattr(AsyncInvocationStore, "body", lose_route)
    with model_server() as model:
        runtime.serve(model, async_config=ONE)
        told = ask_inline(runtime, b"x")
        wait_until(lambda: lost)
        assert len(rows(runtime)) == 1
        runtime.serve(model, async_config=ONE)
        assert wait_for_object(runtime, told["OutputLocation"]) == b"x"


@pytest.mark.parametrize(("code", "is_kept"), [("ServiceUnavailable", True), ("NoSuchBucket", False)])
def test_a_failure_that_cannot_be_told_is_logged(
    runtime: RunningRuntime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    code: str,
    is_kept: bool,
) -> None:
    async def fail(*_: object) -> None:
        raise S3Fault(code, "for a test")

    monkeypatch.setattr(AsyncObjects, "write", fail)
    with model_server(lambda exchange: exchange.answer(b"bad", 500)) as model, caplog.at_level(logging.ERROR):
        runtime.serve(model, async_config=ONE)
        told = ask_inline(runtime, b"x", InferenceId="mine")
        wait_until(lambda: "mine" in caplog.text)
    if is_kept:
        assert [row.inference_id for row in rows(runtime)] == ["mine"]
        assert "asked again after the next start" in caplog.text
    else:
        wait_until(lambda: has_no_rows(runtime))
    assert objects(runtime) == [], told


def test_invoke_endpoint_waits_for_no_row(runtime: RunningRuntime) -> None:
    """SQLite's only thread for the file is held meanwhile."""
    with Gate().opening() as gate, model_server() as model:
        runtime.serve(model)
        holding = runtime.server.portal.start_task_soon(runtime.state.run, lambda _: gate.wait())
        assert runtime.client().invoke_endpoint(EndpointName="e", Body=b"x")["Body"].read() == b"x"
        assert not holding.done()
        gate.open()
        holding.result(20)
