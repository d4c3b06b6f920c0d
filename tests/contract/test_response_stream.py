"""InvokeEndpointWithResponseStream with the real boto3, which parses the events."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EventStreamError

from emulator.hosting.runtime import RuntimeLimits
from tests.support.model_server import Exchange, model_server
from tests.support.runtime_server import RunningRuntime, running_runtime

TOO_SLOW = "Your model primary did not complete sending the inference response in the allotted time."


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[RunningRuntime]:
    with running_runtime(tmp_path) as running:
        yield running


def test_events_come_while_the_model_still_writes(runtime: RunningRuntime) -> None:
    seen = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.body()
        exchange.begin_chunks(Content_Type="text/plain", X_Amzn_SageMaker_Custom_Attributes="c")
        exchange.chunk(b"first")
        if seen.wait(20):
            exchange.chunk(b"last")
            exchange.chunk(b"")

    with model_server(script) as model:
        runtime.serve(model)
        answer = runtime.client().invoke_endpoint_with_response_stream(EndpointName="e", Body=b"x")
        assert (answer["ContentType"], answer["CustomAttributes"]) == ("text/plain", "c")
        assert answer["InvokedProductionVariant"] == "AllTraffic"
        events = iter(answer["Body"])
        assert next(events) == {"PayloadPart": {"Bytes": b"first"}}
        seen.set()
        assert list(events) == [{"PayloadPart": {"Bytes": b"last"}}]


def test_a_large_stream_is_whole_and_in_order(runtime: RunningRuntime) -> None:
    pieces = [bytes([number]) * 700_000 for number in range(30)]

    def script(exchange: Exchange) -> None:
        exchange.begin_chunks()
        for piece in (*pieces, b""):
            exchange.chunk(piece)

    with model_server(script) as model:
        runtime.serve(model)
        answer = runtime.client().invoke_endpoint_with_response_stream(EndpointName="e", Body=b"x")
        parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert b"".join(parts) == b"".join(pieces)


@pytest.mark.parametrize("is_slow", [False, True])
def test_a_stream_that_breaks_off_ends_with_a_model_stream_error(tmp_path: Path, is_slow: bool) -> None:
    over = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.begin_chunks()
        exchange.chunk(b"first")
        if is_slow:
            over.wait(20)
        exchange.break_off()

    limits = RuntimeLimits(invocation=3 if is_slow else 60)
    with running_runtime(tmp_path, limits) as runtime, model_server(script) as model:
        runtime.serve(model)
        answer = runtime.client().invoke_endpoint_with_response_stream(EndpointName="e", Body=b"x")
        events = iter(answer["Body"])
        assert next(events) == {"PayloadPart": {"Bytes": b"first"}}
        with pytest.raises(EventStreamError) as error:
            next(events)
        answer["Body"].close()
        over.set()
    assert error.value.response["Error"]["Code"] == "ModelStreamError"
    assert (TOO_SLOW if is_slow else "the container broke its answer off") in error.value.response["Error"][
        "Message"
    ]


def test_a_stream_that_never_ends_is_broken_off(tmp_path: Path) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin_chunks()
        with suppress(ConnectionError):
            while True:
                exchange.chunk(b"more")
                time.sleep(0.01)

    limits = RuntimeLimits(stream=1)
    with running_runtime(tmp_path, limits) as runtime, model_server(script) as model:
        runtime.serve(model)
        answer = runtime.client().invoke_endpoint_with_response_stream(EndpointName="e", Body=b"x")
        with pytest.raises(EventStreamError) as error:
            list(answer["Body"])
        answer["Body"].close()
    assert TOO_SLOW in error.value.response["Error"]["Message"]


def test_an_error_before_the_first_byte_is_an_ordinary_one(runtime: RunningRuntime) -> None:
    with model_server(lambda exchange: exchange.answer(b"bad", 500)) as model:
        runtime.serve(model)
        with pytest.raises(ClientError) as error:
            runtime.client().invoke_endpoint_with_response_stream(EndpointName="e", Body=b"x")
    assert error.value.response["Error"]["Code"] == "ModelError"
    assert error.value.response["OriginalStatusCode"] == 500
