"""InvokeEndpointAsync with the real boto3 and a real S3 behind the same port."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.support.async_requests import CONFIG, ask, put, wait_for_object
from tests.support.model_server import Exchange, model_server
from tests.support.runtime_server import RunningRuntime, running_runtime


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[RunningRuntime]:
    with running_runtime(tmp_path) as running:
        running.client("s3").create_bucket(Bucket="bucket")
        yield running


def test_the_answer_to_an_object_is_an_object(runtime: RunningRuntime) -> None:
    content = b"0123456789" * 500_000
    put(runtime, content)
    with model_server() as model:
        runtime.serve(model, async_config=CONFIG)
        answer = ask(runtime, InferenceId="mine", Accept="text/plain", CustomAttributes="c")
        assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["InferenceId"]) == (202, "mine")
        assert answer["OutputLocation"].startswith("s3://bucket/out/")
        assert answer["OutputLocation"].endswith(".out")
        assert wait_for_object(runtime, answer["OutputLocation"]) == content
    headers = model.seen[0].headers
    assert (headers["Content-Type"], headers["Accept"]) == ("text/csv", "text/plain")
    assert headers["X-Amzn-SageMaker-Inference-Id"] == "mine"
    assert headers["X-Amzn-SageMaker-InputLocation"] is None


def test_an_inline_payload_and_a_chosen_place(runtime: RunningRuntime) -> None:
    with model_server() as model:
        runtime.serve(model, async_config=CONFIG)
        answer = runtime.client().invoke_endpoint_async(
            EndpointName="e", Body=b"inline", S3OutputPathExtension="a/b", Filename="x.json"
        )
        assert answer["OutputLocation"] == "s3://bucket/out/a/b/x.json"
        assert wait_for_object(runtime, answer["OutputLocation"]) == b"inline"


def test_failures_are_objects_too(runtime: RunningRuntime) -> None:
    put(runtime, b"x")
    with model_server(lambda exchange: exchange.answer(b"bad", 500)) as model:
        runtime.serve(model, async_config=CONFIG)
        answer = ask(runtime)
        assert b'(500) from primary with message "bad"' in wait_for_object(runtime, answer["FailureLocation"])
        missing = ask(runtime, InputLocation="s3://bucket/none")
        assert b"NoSuchKey" in wait_for_object(runtime, missing["FailureLocation"])


def test_an_answer_in_chunks_is_a_failure(runtime: RunningRuntime) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin_chunks()
        exchange.chunk(b"part")
        exchange.chunk(b"")

    put(runtime, b"x")
    with model_server(script) as model:
        runtime.serve(model, async_config=CONFIG)
        told = wait_for_object(runtime, ask(runtime)["FailureLocation"])
    assert told == b"The response from container primary did not specify the required Content-Length header"


def test_the_invocation_timeout_is_the_callers(runtime: RunningRuntime) -> None:
    put(runtime, b"x")
    over = threading.Event()
    with model_server(lambda exchange: over.wait(20) and None) as model:
        runtime.serve(model, async_config=CONFIG)
        answer = ask(runtime, InvocationTimeoutSeconds=1)
        assert b"timed out" in wait_for_object(runtime, answer["FailureLocation"])
        over.set()


def test_no_more_at_a_time_than_configured(runtime: RunningRuntime) -> None:
    put(runtime, b"x")
    lock, running, most = threading.Lock(), 0, 0
    two_run, go_on = threading.Barrier(3), threading.Event()

    def script(exchange: Exchange) -> None:
        nonlocal running, most
        exchange.body()
        with lock:
            running += 1
            most = max(most, running)
        if not go_on.is_set():
            two_run.wait(20)
            go_on.wait(20)
        with lock:
            running -= 1
        exchange.answer(b"done")

    with model_server(script) as model:
        runtime.serve(model, async_config=CONFIG)
        answers = [ask(runtime) for _ in range(6)]
        two_run.wait(20)
        assert len(model.seen) == 2
        go_on.set()
        assert {wait_for_object(runtime, answer["OutputLocation"]) for answer in answers} == {b"done"}
    assert most == 2


def test_only_asynchronous_endpoints_take_asynchronous_requests(runtime: RunningRuntime) -> None:
    with model_server() as model:
        runtime.serve(model)
        with pytest.raises(ClientError, match="ValidationError"):
            ask(runtime)
        runtime.serve(model, async_config=CONFIG)
        with pytest.raises(ClientError, match="ValidationError"):
            runtime.client().invoke_endpoint(EndpointName="e", Body=b"x")
        with pytest.raises(ClientError, match="either InputLocation or Body"):
            ask(runtime, Body=b"x")
