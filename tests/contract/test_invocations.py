"""InvokeEndpoint with the real boto3, against model servers that really listen."""

import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from emulator.hosting.routing import VariantRoute
from emulator.hosting.runtime import PAYLOAD_LIMIT, RuntimeLimits
from tests.support.emulator_server import wait_until
from tests.support.invocation_bytes import raw, signed_head
from tests.support.invocation_calls import failure, invoke
from tests.support.model_server import Exchange, model_server
from tests.support.runtime_server import RunningRuntime, running_runtime

LIMITS = RuntimeLimits(invocation=0.5)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[RunningRuntime]:
    with running_runtime(tmp_path) as running:
        yield running


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[RunningRuntime]:
    with running_runtime(tmp_path, LIMITS) as running:
        yield running


def test_headers_go_both_ways_and_nothing_else_does(runtime: RunningRuntime) -> None:
    def script(exchange: Exchange) -> None:
        exchange.answer(
            exchange.body() * 2,
            Content_Type="application/json",
            X_Amzn_SageMaker_Custom_Attributes="c2",
            X_Amzn_SageMaker_New_Session_Id="s1; Expires=2030-01-01T00:00:00Z",
            Set_Cookie="spy=1",
        )

    with model_server(script) as model:
        runtime.serve(model)
        answer = runtime.client().invoke_endpoint(
            EndpointName="e",
            Body=b"ab",
            ContentType="text/csv",
            Accept="application/json",
            CustomAttributes="c1",
            InferenceId="i1",
            SessionId="NEW_SESSION",
        )
    assert answer["Body"].read() == b"abab"
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("application/json", "AllTraffic")
    assert (answer["CustomAttributes"], answer["NewSessionId"]) == ("c2", "s1; Expires=2030-01-01T00:00:00Z")
    assert "set-cookie" not in answer["ResponseMetadata"]["HTTPHeaders"]
    assert {name.lower(): value for name, value in model.seen[0].headers.items()} == {
        "host": urlsplit(model.url).netloc,
        "content-length": "2",
        "content-type": "text/csv",
        "accept": "application/json",
        "x-amzn-sagemaker-custom-attributes": "c1",
        "x-amzn-sagemaker-inference-id": "i1",
        "x-amzn-sagemaker-session-id": "NEW_SESSION",
    }
    assert model.seen[0].path == "/invocations"


def test_an_endpoint_that_is_not_in_service_is_not_found(runtime: RunningRuntime) -> None:
    error = failure(runtime, EndpointName="none")
    assert error["Error"] == {
        "Code": "ValidationError",
        "Message": "Endpoint none of account 123456789012 not found.",
    }
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_model_error_quotes_the_container(runtime: RunningRuntime) -> None:
    with model_server(lambda exchange: exchange.answer(b"no such column", 400)) as model:
        runtime.serve(model)
        error = failure(runtime)
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("ModelError", 424)
    assert error["Error"]["Message"] == (
        'Received client error (400) from primary with message "no such column". See '
        "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1"
        "#logEventViewer:group=/aws/sagemaker/Endpoints/e in account 123456789012 for more information."
    )
    assert (error["OriginalStatusCode"], error["OriginalMessage"]) == (400, "no such column")
    assert error["LogStreamArn"] == "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/e"


@pytest.mark.parametrize(
    ("status", "code"), [(400, "CLIENT_ERROR_FROM_MODEL"), (502, "INTERNAL_FAILURE_FROM_MODEL")]
)
def test_a_model_error_has_a_code_of_its_own(runtime: RunningRuntime, status: int, code: str) -> None:
    with model_server(lambda exchange: exchange.answer(b"no", status)) as model:
        runtime.serve(model)
        sent: list[Any] = []
        client = runtime.client()
        client.meta.events.register("after-call", lambda http_response, **_: sent.append(http_response))
        with pytest.raises(ClientError):
            client.invoke_endpoint(EndpointName="e", Body=b"x")
    assert json.loads(sent[0].content)["ErrorCode"] == code


def test_a_large_error_answer_is_quoted_in_part(runtime: RunningRuntime) -> None:
    with model_server(lambda exchange: exchange.answer(b"e" * 500_000, 500)) as model:
        runtime.serve(model)
        assert failure(runtime)["OriginalMessage"] == "e" * 2048


def test_a_redirect_is_not_followed(runtime: RunningRuntime) -> None:
    with model_server() as other, model_server(lambda e: e.answer(b"", 302, Location=other.url)) as model:
        runtime.serve(model)
        assert failure(runtime)["OriginalStatusCode"] == 302
    assert other.seen == []


def test_a_slow_container_is_a_model_error(hasty: RunningRuntime) -> None:
    over = threading.Event()
    with model_server(lambda exchange: over.wait(20) and None) as model:
        hasty.serve(model)
        error = failure(hasty)
        over.set()
    assert (error["Error"]["Code"], error["OriginalStatusCode"]) == ("ModelError", 0)
    assert "timed out while waiting for a response from container primary" in error["OriginalMessage"]


def test_a_container_that_breaks_off_is_a_model_error(runtime: RunningRuntime) -> None:
    with model_server(Exchange.break_off) as model:
        runtime.serve(model)
        assert failure(runtime)["Error"]["Code"] == "ModelError"
    assert len(model.seen) == 1


def test_sixteen_at_once_are_spread_over_the_instances(runtime: RunningRuntime) -> None:
    together = threading.Barrier(16)

    def script(exchange: Exchange) -> None:
        together.wait(20)
        exchange.answer(exchange.body())

    client = runtime.client()
    with model_server(script) as one, model_server(script) as two, ThreadPoolExecutor(16) as pool:
        runtime.serve(one, two)
        calls = [
            pool.submit(client.invoke_endpoint, EndpointName="e", Body=str(number)) for number in range(16)
        ]
        assert [int(call.result()["Body"].read()) for call in calls] == list(range(16))
    assert (len(one.seen), len(two.seen)) == (8, 8)


def test_weights_are_obeyed_and_a_target_variant_overrides_them(runtime: RunningRuntime) -> None:
    with model_server() as one, model_server() as two:
        runtime.route(
            VariantRoute(name="A", weight=3, instances=(one.instance(),)),
            VariantRoute(name="B", weight=1, instances=(two.instance(),)),
            VariantRoute(name="C", weight=0, instances=(two.instance(),)),
        )
        assert Counter(invoke(runtime)[0] for _ in range(20)) == {"A": 15, "B": 5}
        assert invoke(runtime, TargetVariant="C")[0] == "C"
        assert failure(runtime, TargetVariant="D")["Error"]["Code"] == "ValidationError"


def test_an_instance_that_refuses_connections_costs_no_request(runtime: RunningRuntime) -> None:
    with model_server() as one, model_server() as two:
        runtime.serve(one, two)
        one.stop()
        assert {len(invoke(runtime, Body=b"x" * 200_000)[1]) for _ in range(6)} == {200_000}
        two.stop()
        assert failure(runtime)["Error"]["Code"] == "ModelError"


def test_an_endpoint_without_instances_is_unavailable(runtime: RunningRuntime) -> None:
    runtime.serve()
    error = failure(runtime)
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (
        "ServiceUnavailable",
        503,
    )


def test_a_session_stays_on_its_instance(runtime: RunningRuntime) -> None:
    def script(exchange: Exchange) -> None:
        opens = exchange.headers["X-Amzn-SageMaker-Session-Id"] == "NEW_SESSION"
        exchange.answer(
            exchange.body(), **({"X-Amzn-SageMaker-New-Session-Id": "s1; Expires=x"} if opens else {})
        )

    with model_server(script) as one, model_server(script) as two:
        runtime.serve(one, two)
        for session in ["NEW_SESSION", "s1", "s1", "s1"]:
            invoke(runtime, SessionId=session)
    assert sorted((len(one.seen), len(two.seen))) == [0, 4]


def test_a_session_stays_in_its_variant(runtime: RunningRuntime) -> None:
    def script(exchange: Exchange) -> None:
        exchange.answer(exchange.body(), **{"X-Amzn-SageMaker-New-Session-Id": "s1; Expires=x"})

    with model_server(script) as one, model_server() as two:
        runtime.route(
            VariantRoute(name="A", instances=(one.instance(),)),
            VariantRoute(name="B", instances=(two.instance(),)),
        )
        variant, _ = invoke(runtime, SessionId="NEW_SESSION")
        assert {invoke(runtime, SessionId="s1")[0] for _ in range(4)} == {variant} == {"A"}
        assert invoke(runtime, SessionId="s1", TargetVariant="B")[0] == "B"
    assert (len(one.seen), len(two.seen)) == (5, 1)


def test_a_body_that_gets_too_large_while_it_is_answered_breaks_the_answer_off(
    runtime: RunningRuntime, caplog: pytest.LogCaptureFixture
) -> None:
    def script(exchange: Exchange) -> None:
        exchange.send_response(200)
        exchange.send_header("Content-Length", "1000000")
        exchange.end_headers()
        exchange.wfile.write(b"x" * 500_000)
        while exchange.rfile.read(65_536):
            pass

    with model_server(script) as model, raw(runtime) as connection:
        runtime.serve(model)
        head = signed_head(runtime, "/endpoints/e/invocations", **{"Transfer-Encoding": "chunked"})
        connection.sendall(head + b"1\r\nx\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
        with suppress(ConnectionError):
            for _ in range(PAYLOAD_LIMIT // 2**20 + 1):
                connection.sendall(b"%x\r\n%s\r\n" % (2**20, b"x" * 2**20))
            while connection.recv(65_536):
                pass
    wait_until(lambda: "the answer broke off" in caplog.text)
    assert "Traceback" not in caplog.text


def test_twenty_megabytes_pass_both_ways(runtime: RunningRuntime) -> None:
    content = bytes(range(256)) * (20 * 2**20 // 256)
    with model_server() as model:
        runtime.serve(model)
        answer = runtime.client().invoke_endpoint(EndpointName="e", Body=content)
        assert answer["Body"].read() == content


def test_a_huge_body_is_refused_before_it_is_sent(runtime: RunningRuntime) -> None:
    with model_server() as model, raw(runtime) as connection:
        runtime.serve(model)
        connection.sendall(
            signed_head(runtime, "/endpoints/e/invocations", **{"Content-Length": str(10**12)})
        )
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 413
        text = json.loads(answer.read())["message"]
    assert text == f"HTTP content length exceeded {PAYLOAD_LIMIT} bytes."
    assert model.seen == []


def test_boto_sees_the_refusal_of_a_large_body(runtime: RunningRuntime) -> None:
    with model_server() as model:
        runtime.serve(model)
        error = failure(runtime, Body=b"x" * (PAYLOAD_LIMIT + 1))
    assert error["Error"] == {
        "Code": "413",
        "Message": f"HTTP content length exceeded {PAYLOAD_LIMIT} bytes.",
    }


def test_a_body_of_unknown_length_is_refused_where_it_gets_too_large(runtime: RunningRuntime) -> None:
    with model_server() as model, raw(runtime) as connection:
        runtime.serve(model)
        connection.sendall(
            signed_head(runtime, "/endpoints/e/invocations", **{"Transfer-Encoding": "chunked"})
        )
        piece = b"%x\r\n%s\r\n" % (2**20, b"x" * 2**20)
        for _ in range(PAYLOAD_LIMIT // 2**20 + 1):
            connection.sendall(piece)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 413


def test_a_caller_that_goes_away_ends_the_request_to_the_container(runtime: RunningRuntime) -> None:
    reached, gone = threading.Event(), threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.body()
        reached.set()
        if exchange.rfile.read(1) == b"":
            gone.set()

    with model_server(script) as model:
        key = runtime.serve(model)
        with raw(runtime) as connection:
            head = signed_head(runtime, "/endpoints/e/invocations", **{"Content-Length": "2"})
            connection.sendall(head + b"ab")
            assert reached.wait(20)
        assert gone.wait(20)
        traffic = runtime.table.traffic(key, "AllTraffic")
        wait_until(lambda: runtime.on_loop(lambda: traffic.outstanding) == 0)


def test_an_answer_that_breaks_off_is_not_whole_for_the_caller(runtime: RunningRuntime) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin_chunks()
        exchange.chunk(b"x" * 200_000)
        exchange.break_off()

    with model_server(script) as model:
        runtime.serve(model)
        answer = runtime.client().invoke_endpoint(EndpointName="e", Body=b"x")
        with pytest.raises(Exception, match=r"[Ii]ncomplete|broken"):
            answer["Body"].read()


def test_unsigned_requests_are_the_s3s(runtime: RunningRuntime) -> None:
    url = urlsplit(runtime.server.url)
    connection = http.client.HTTPConnection(str(url.hostname), url.port)
    connection.request("POST", "/endpoints/e/invocations", b"x")
    assert b"<Error>" in connection.getresponse().read()
    connection.close()


def test_what_the_emulator_lacks_is_refused(runtime: RunningRuntime) -> None:
    with model_server() as model:
        runtime.serve(model)
        assert "inference components" in failure(runtime, InferenceComponentName="c")["Error"]["Message"]
        assert failure(runtime, TargetContainerHostname="h")["Error"]["Code"] == "ValidationError"
        assert failure(runtime, TargetModel="m.tar.gz")["Error"] == {
            "Code": "ValidationError",
            "Message": "Endpoint e is not a multi-model endpoint and does not support target model header.",
        }


def test_broken_constraints_are_named(runtime: RunningRuntime) -> None:
    error = failure(runtime, TargetVariant="-a")["Error"]
    assert error["Code"] == "ValidationError"
    assert "at 'targetVariant' failed to satisfy constraint" in error["Message"]
