"""Invocations that take no task: the same answers as all others, and what must not be taken."""

import http.client
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator.hosting.plain_invocation import LARGEST_BODY
from emulator.hosting.routing import VariantRoute
from emulator.hosting.runtime import RuntimeLimits
from tests.support.emulator_server import wait_until
from tests.support.invocation_bytes import raw, signed_head
from tests.support.model_server import Exchange, echo, model_server
from tests.support.runtime_server import RunningRuntime, running_runtime

PATH = "/endpoints/e/invocations"


class Watched:
    """A runtime of which is known how many invocations were taken without a task."""

    def __init__(self, runtime: RunningRuntime) -> None:
        self.runtime = runtime
        self.plain = 0
        begin = runtime.runtime.plain.begin

        def counting(*args: Any) -> Any:
            begun = begin(*args)
            self.plain += begun is not None
            return begun

        runtime.runtime.plain.begin = counting  # type: ignore[method-assign]

    def outstanding(self) -> int:
        table = self.runtime.table
        [key] = [key for key in table._routes if key.name == "e"]
        return self.runtime.on_loop(lambda: table.traffic(key, "AllTraffic").outstanding)


@pytest.fixture
def limits() -> RuntimeLimits:
    return RuntimeLimits()


@pytest.fixture
def watched(tmp_path: Path, limits: RuntimeLimits, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    """Connections to containers rest for as long as a test takes: only one that rests makes an invocation plain."""
    monkeypatch.setattr("emulator.hosting.container_client.IDLE_LIMIT", 300.0)
    with running_runtime(tmp_path, limits) as running:
        yield Watched(running)


def request(watched: Watched, body: bytes = b"x", **headers: str) -> bytes:
    given = {"Content-Length": str(len(body)), **headers}
    return signed_head(watched.runtime, PATH, **given) + body


def answer_of(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    answer = http.client.HTTPResponse(connection, method="POST")
    answer.begin()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    return answer.status, headers, answer.read()


def ask(watched: Watched, body: bytes = b"x", **headers: str) -> tuple[int, dict[str, str], bytes]:
    with raw(watched.runtime) as connection:
        connection.sendall(request(watched, body, **headers))
        return answer_of(connection)


def same_both_ways(watched: Watched, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """The answer of a plain invocation, after it was compared with that of the ordinary way."""
    before = watched.plain
    ordinary = ask(watched, **headers)
    assert watched.plain == before
    plain = ask(watched, **headers)
    assert watched.plain == before + 1
    for each in (ordinary, plain):
        assert each[1].pop("x-amzn-requestid")
        assert each[1].pop("date")
    assert plain == ordinary
    assert watched.outstanding() == 0
    return plain


@contextmanager
def serves_again(watched: Watched, taken: int) -> Iterator[None]:
    """After the block, in which so many were taken, a small request is answered as ever."""
    watched.plain = 0
    yield
    assert watched.plain == taken
    assert watched.outstanding() == 0


def test_a_small_answer_is_the_same_both_ways(watched: Watched) -> None:
    def script(exchange: Exchange) -> None:
        exchange.answer(exchange.body() * 2, Content_Type="text/csv", X_Amzn_SageMaker_Custom_Attributes="c")

    headers = {"Content-Type": "text/csv", "X-Amzn-SageMaker-Inference-Id": "i"}
    with model_server(script) as model:
        watched.runtime.serve(model)
        status, answered, content = same_both_ways(watched, **headers)
    assert (status, content, answered["x-amzn-sagemaker-custom-attributes"]) == (200, b"xx", "c")
    assert model.seen[0].headers.items() == model.seen[1].headers.items()


@pytest.mark.parametrize("status", [400, 500, 302])
def test_a_model_error_is_the_same_both_ways(watched: Watched, status: int) -> None:
    with model_server(lambda exchange: exchange.answer(b"no such column", status)) as model:
        watched.runtime.serve(model)
        assert same_both_ways(watched)[0] == 424


def warm_then(first: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """Echoes, but for the requests whose body is `odd`."""

    def script(exchange: Exchange) -> None:
        (first if exchange.body() == b"odd" else echo)(exchange)

    return script


def test_a_length_without_a_body_is_not_passed_on(watched: Watched) -> None:
    def script(exchange: Exchange) -> None:
        exchange.body()
        exchange.wfile.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 70\r\n\r\n")

    with model_server(script) as model:
        watched.runtime.serve(model)
        status, headers, content = same_both_ways(watched)
    assert (status, headers["content-length"], content) == (200, "0", b"")


@pytest.mark.parametrize("size", [65_537, 1_000_000])
def test_a_long_answer_goes_on_in_a_task(watched: Watched, size: int) -> None:
    with model_server(warm_then(lambda exchange: exchange.answer(b"a" * size))) as model:
        watched.runtime.serve(model)
        ask(watched)
        with serves_again(watched, 2):
            assert ask(watched, b"odd")[2] == b"a" * size
            assert ask(watched)[2] == b"x"


def test_an_answer_in_chunks_goes_on_in_a_task(watched: Watched) -> None:
    def chunks(exchange: Exchange) -> None:
        exchange.begin_chunks(Content_Type="text/plain")
        for _ in range(3):
            exchange.chunk(b"abc")
        exchange.wfile.write(b"0\r\n\r\n")

    with model_server(warm_then(chunks)) as model:
        watched.runtime.serve(model)
        ask(watched)
        with serves_again(watched, 2):
            status, headers, content = ask(watched, b"odd")
            assert (status, content, headers["content-type"]) == (200, b"abc" * 3, "text/plain")
            assert ask(watched)[2] == b"x"


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Exchange.break_off, b"closed the connection without an answer"),
        (lambda exchange: exchange.wfile.write(b"SSH-2.0\r\n\r\n") and None, b"is not HTTP"),
    ],
)
def test_a_container_without_an_answer_is_a_model_error(
    watched: Watched, fault: Callable[[Exchange], None], text: bytes
) -> None:
    with model_server(warm_then(fault)) as model:
        watched.runtime.serve(model)
        ask(watched)
        with serves_again(watched, 1):
            status, _, content = ask(watched, b"odd")
            assert status == 424
            assert text in content
            assert ask(watched)[2] == b"x"


@pytest.mark.parametrize("limits", [RuntimeLimits(invocation=3)])
def test_a_container_that_is_silent_for_too_long_is_a_model_error(watched: Watched) -> None:
    over = threading.Event()
    with model_server(warm_then(lambda exchange: over.wait(20) and None)) as model:
        watched.runtime.serve(model)
        ask(watched)
        with serves_again(watched, 1):
            status, _, content = ask(watched, b"odd")
            assert (status, b"timed out while waiting for a response" in content) == (424, True)
            assert ask(watched)[2] == b"x"
        over.set()


def test_a_caller_that_goes_away_ends_the_request_to_the_container(watched: Watched) -> None:
    reached, gone = threading.Event(), threading.Event()

    def script(exchange: Exchange) -> None:
        reached.set()
        if exchange.rfile.read(1) == b"":
            gone.set()

    with model_server(warm_then(script)) as model:
        watched.runtime.serve(model)
        ask(watched)
        with serves_again(watched, 1):
            with raw(watched.runtime) as connection:
                connection.sendall(request(watched, b"odd"))
                assert reached.wait(20)
            assert gone.wait(20)
            wait_until(lambda: watched.outstanding() == 0)


def test_a_caller_that_goes_away_from_a_long_answer_ends_it(watched: Watched) -> None:
    gone = threading.Event()

    def endless(exchange: Exchange) -> None:
        exchange.begin_chunks()
        try:
            while True:
                exchange.chunk(b"x" * 65_536)
        except ConnectionError:
            gone.set()

    with model_server(warm_then(endless)) as model:
        watched.runtime.serve(model)
        ask(watched)
        with serves_again(watched, 1):
            with raw(watched.runtime) as connection:
                connection.sendall(request(watched, b"odd"))
                assert connection.recv(1000)
            assert gone.wait(20)
            wait_until(lambda: watched.outstanding() == 0)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Amzn-SageMaker-Session-Id": "NEW_SESSION"},
        {"X-Amzn-SageMaker-Target-Model": "m"},
        {"X-Amzn-SageMaker-Target-Variant": "none"},
        {"X-Amzn-SageMaker-Target-Variant": "-"},
        {"Expect": "100-continue"},
        {"Connection": "close"},
        {"Content-Length": "x"},
        {"X-Amzn-SageMaker-Custom-Attributes": "c" * 9_000},
        {"Origin": ""},
        {"Origin": "https://elsewhere.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_what_is_unusual_is_declined(watched: Watched, headers: dict[str, str]) -> None:
    with model_server() as model:
        watched.runtime.serve(model)
        ask(watched)
        ask(watched, **headers)
        assert watched.plain == 0


def test_a_large_body_and_an_unsigned_request_are_declined(watched: Watched) -> None:
    with model_server() as model, raw(watched.runtime) as connection:
        watched.runtime.serve(model)
        ask(watched)
        assert ask(watched, b"x" * (LARGEST_BODY + 1))[2] == b"x" * (LARGEST_BODY + 1)
        connection.sendall(
            b"POST /endpoints/e/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"
        )
        assert b"<Error>" in answer_of(connection)[2]
        assert watched.plain == 0
        assert ask(watched, b"x" * LARGEST_BODY)[2] == b"x" * LARGEST_BODY
        assert watched.plain == 1


def test_a_page_that_made_its_own_name_point_here_is_declined(watched: Watched) -> None:
    with model_server() as model, raw(watched.runtime) as connection:
        watched.runtime.serve(model)
        ask(watched)
        connection.sendall(request(watched).replace(b"Host: 127.0.0.1", b"Host: elsewhere.example"))
        answer_of(connection)
        assert watched.plain == 0


def test_endpoints_that_are_not_plain_are_declined(watched: Watched) -> None:
    with model_server() as model:
        capture = {"CaptureOptions": [], "InitialSamplingPercentage": 0, "DestinationS3Uri": "s3://b/c"}
        watched.runtime.serve(model, data_capture=capture)
        assert [ask(watched)[2] for _ in range(2)] == [b"x", b"x"]
        assert watched.plain == 0


def test_a_request_may_come_in_pieces_and_two_at_once(watched: Watched) -> None:
    with model_server() as model, raw(watched.runtime) as connection:
        watched.runtime.serve(model)
        ask(watched)
        with serves_again(watched, 2):
            whole = request(watched, b"in pieces")
            for position in range(0, len(whole), 50):
                connection.sendall(whole[position : position + 50])
                time.sleep(0.001)
            assert answer_of(connection)[2] == b"in pieces"
            connection.sendall(request(watched, b"one") + request(watched, b"two"))
            received = b""
            while b"two" not in received:
                received += connection.recv(65_536)
            assert received.count(b"HTTP/1.1 200 OK") == 2
            assert received.index(b"one") < received.index(b"two")


def test_weights_are_obeyed(watched: Watched) -> None:
    with model_server() as one, model_server() as two:
        variants = [("A", 9, one), ("B", 1, two)]
        watched.runtime.route(
            *(VariantRoute(name=n, weight=w, instances=(m.instance(),)) for n, w, m in variants)
        )
        seen = Counter(ask(watched)[1]["x-amzn-invoked-production-variant"] for _ in range(30))
        assert seen == {"A": 27, "B": 3}
        target = ask(watched, **{"X-Amzn-SageMaker-Target-Variant": "B"})
        assert target[1]["x-amzn-invoked-production-variant"] == "B"
        assert watched.plain == 29


def test_an_endpoint_that_is_gone_is_not_found(watched: Watched) -> None:
    with model_server() as model:
        key = watched.runtime.serve(model)
        ask(watched)
        ask(watched)
        watched.runtime.on_loop(lambda: watched.runtime.table.set_endpoint(key, None))
        status, _, content = ask(watched)
        assert (status, b"Endpoint e of account 123456789012 not found." in content) == (400, True)


def test_invocations_are_counted(watched: Watched) -> None:
    recorded: list[int] = []
    metrics = watched.runtime.runtime._metrics
    record = metrics.record
    metrics.record = lambda invoked: (recorded.append(invoked.error_status), record(invoked))[1]  # type: ignore[method-assign,func-returns-value]
    with model_server(warm_then(lambda exchange: exchange.answer(b"", 404))) as model:
        watched.runtime.serve(model)
        for body in (b"x", b"x", b"odd", b"x"):
            ask(watched, body)
    assert (recorded, watched.plain) == ([0, 0, 404, 0], 3)
