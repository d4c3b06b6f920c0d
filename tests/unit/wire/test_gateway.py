"""The gateway by itself, called as an ASGI application without a socket."""

import json
import logging
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest
from httpx import ASGITransport, AsyncClient, Response
from starlette.types import Message, Scope

from emulator.domain.caller import Caller
from emulator.domain.errors import ServiceError, operation_not_emulated
from emulator.wire.dispatch import Params, Result
from emulator.wire.gateway import Gateway, is_for_gateway, refuse_unknown_service
from emulator.wire.service_model import ServiceModels, load_service_models

ACCOUNT, REGION = "000000000000", "us-west-2"
JSON_1_1 = "application/x-amz-json-1.1"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def models() -> ServiceModels:
    return load_service_models()


class Handler:
    """A dispatch that keeps its calls and answers `result`, or raises it."""

    def __init__(self, result: Any = None) -> None:
        self.result = {} if result is None else result
        self.calls: list[tuple[Caller, str, str, Params]] = []

    async def __call__(self, caller: Caller, service: str, name: str, params: Params) -> Result:
        self.calls.append((caller, service, name, params))
        if isinstance(self.result, Exception):
            raise self.result
        return dict(self.result)


@pytest.fixture
def post(models: ServiceModels) -> Callable[..., Response]:
    def send(
        handler: Handler,
        target: str | bytes | None = "SageMaker.DescribeTrainingJob",
        body: Any = b'{"TrainingJobName": "job"}',
        headers: dict[str, str] | None = None,
        **settings: Any,
    ) -> Response:
        app = Gateway(models, handler, ACCOUNT, REGION, **settings)
        target_header = {"x-amz-target": target} if target is not None else {}
        sent = {"content-type": JSON_1_1, **target_header, **(headers or {})}

        async def call() -> Response:
            async with AsyncClient(transport=ASGITransport(app), base_url="http://emulator") as client:
                return await client.post("/", content=body, headers=sent)

        return anyio.run(call)

    return send


def signed(service: str, access_key: str = "AKIAEXAMPLE", region: str = "eu-west-1") -> dict[str, str]:
    scope = f"{access_key}/20240101/{region}/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}


def error_code(response: Response) -> str:
    assert response.headers["x-amzn-requestid"]
    return str(response.json()["__type"])


def test_call_is_dispatched_with_validated_params(post: Callable[..., Response]) -> None:
    handler = Handler({"TrainingJobName": "job"})
    response = post(handler, body=b'{"TrainingJobName": "job", "Unknown": 1}')
    ((caller, service, name, params),) = handler.calls
    assert (service, name, params) == ("sagemaker", "DescribeTrainingJob", {"TrainingJobName": "job"})
    assert (caller.account_id, caller.region, caller.access_key) == (ACCOUNT, REGION, "")
    assert response.status_code == 200
    assert response.headers["content-type"] == JSON_1_1
    assert response.headers["x-amzn-requestid"] == caller.request_id
    assert response.json() == {"TrainingJobName": "job"}


def test_caller_is_read_from_the_signature(post: Callable[..., Response]) -> None:
    handler = Handler()
    post(handler, headers=signed("sagemaker", "111122223333"))
    caller = handler.calls[0][0]
    assert (caller.account_id, caller.region, caller.access_key) == (
        "111122223333",
        "eu-west-1",
        "111122223333",
    )


def test_operation_without_output_answers_an_empty_body(post: Callable[..., Response]) -> None:
    response = post(Handler({"Ignored": 1}), "SageMaker.StopTrainingJob")
    assert (response.status_code, response.content) == (200, b"")


def test_answer_speaks_the_requests_json_version(post: Callable[..., Response]) -> None:
    response = post(Handler(), headers={"content-type": "application/x-amz-json-1.0"})
    assert response.headers["content-type"] == "application/x-amz-json-1.0"


@pytest.mark.parametrize(
    ("target", "members"),
    [
        ("SageMaker.StopTrainingJob", {"__type", "message", "Message"}),
        ("Logs_20140328.X", {"__type", "message"}),
    ],
)
def test_error_has_the_members_that_clients_read(
    post: Callable[..., Response], target: str, members: set[str]
) -> None:
    response = post(Handler(ServiceError("ResourceInUse", "text")), target)
    assert response.json().keys() == members
    assert len(set(response.json().values())) == 2


@pytest.mark.parametrize(
    ("error", "status"),
    [(ServiceError("Code", "text"), 400), (operation_not_emulated("sagemaker", "X"), 501)],
)
def test_service_error_is_answered_with_its_status(
    post: Callable[..., Response], error: ServiceError, status: int
) -> None:
    response = post(Handler(error))
    assert (response.status_code, error_code(response)) == (status, error.code)


@pytest.mark.parametrize("target", ["SageMaker.Nonsense", "Nonsense.CreateTrainingJob", "", b"\xe9"])
def test_unknown_target_is_an_unknown_operation(post: Callable[..., Response], target: str | bytes) -> None:
    handler = Handler()
    response = post(handler, target)
    assert (response.status_code, error_code(response)) == (400, "UnknownOperationException")
    assert not handler.calls


def test_request_for_another_service_is_refused_by_its_name(post: Callable[..., Response]) -> None:
    response = post(Handler(), "secretsmanager.CreateSecret", headers=signed("secretsmanager"))
    assert (response.status_code, error_code(response)) == (501, "NotImplemented")
    assert "'secretsmanager'" in response.json()["message"]


def test_form_for_another_service_is_refused_in_xml(post: Callable[..., Response]) -> None:
    headers = {"content-type": FORM, **signed("sns")}
    response = post(Handler(), None, b"Action=ListTopics&Version=2010-03-31", headers)
    assert response.status_code == 501
    assert response.headers["content-type"] == "text/xml"
    assert b"<Code>NotImplemented</Code>" in response.content
    assert b"'sns'" in response.content


def test_form_is_an_sts_call(post: Callable[..., Response]) -> None:
    handler = Handler({"Account": ACCOUNT})
    headers = {"content-type": f"{FORM}; charset=utf-8"}
    response = post(handler, None, b"Action=GetCallerIdentity&Version=2011-06-15", headers)
    assert handler.calls[0][1:] == ("sts", "GetCallerIdentity", {})
    assert b"<Account>000000000000</Account>" in response.content


def test_unreadable_signature_is_refused(post: Callable[..., Response]) -> None:
    response = post(Handler(), headers={"authorization": "AWS4-HMAC-SHA256 nonsense"})
    assert (response.status_code, error_code(response)) == (400, "IncompleteSignatureException")


def test_fault_is_logged_and_not_told(
    post: Callable[..., Response], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = post(Handler(RuntimeError("secret detail")))
    assert (response.status_code, error_code(response)) == (500, "InternalFailure")
    assert "secret" not in response.text
    assert "secret detail" in caplog.text
    assert response.headers["x-amzn-requestid"] in caplog.text


def test_strict_gateway_makes_a_misspelt_member_a_fault(post: Callable[..., Response]) -> None:
    result = {"TrainingJobNaem": "job"}
    assert post(Handler(result)).json() == {}
    assert post(Handler(result), strict=True).status_code == 500


@pytest.mark.parametrize("streamed", [False, True])
def test_body_beyond_the_limit_is_refused_while_it_comes(
    post: Callable[..., Response], streamed: bool
) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b" " * 1024

    body = chunks() if streamed else b" " * 1_024_000
    response = post(Handler(), body=body, max_body_bytes=10_240)
    assert (response.status_code, error_code(response)) == (413, "RequestEntityTooLargeException")
    assert sent <= 11


def test_body_at_the_limit_is_read(post: Callable[..., Response]) -> None:
    body = b'{"TrainingJobName": "job"}'
    assert post(Handler(), body=body, max_body_bytes=len(body)).status_code == 200


def test_connection_that_closes_early_is_no_fault(
    models: ServiceModels, caplog: pytest.LogCaptureFixture
) -> None:
    handler, sent = Handler(), []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    anyio.run(Gateway(models, handler, ACCOUNT, REGION), scope_of("POST", "/"), receive, send)
    assert not handler.calls
    assert sent[0]["status"] == 400
    assert not caplog.records


def scope_of(method: str, path: str, headers: dict[str, str] | None = None, query: str = "") -> Scope:
    pairs = [(k.encode(), v.encode()) for k, v in (headers or {"x-amz-target": "SageMaker.X"}).items()]
    scope = {"type": "http", "method": method, "path": path, "headers": pairs, "scheme": "http"}
    return {**scope, "query_string": query.encode(), "server": ("emulator", 80)}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (scope_of("POST", "/"), True),
        (scope_of("POST", "/", {"content-type": FORM}), True),
        (scope_of("POST", "/", {"content-type": "multipart/form-data; boundary=x"}), False),
        (scope_of("GET", "/"), False),
        (scope_of("POST", "/bucket"), False),
        ({"type": "lifespan"}, False),
    ],
)
def test_gateway_is_for_posts_of_json_and_forms(models: ServiceModels, scope: Scope, expected: bool) -> None:
    assert is_for_gateway(scope, models) is expected


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("PUT", "/BatchPutMetrics", signed("sagemaker"), True),
        ("POST", "/BatchGetMetrics", signed("sagemaker"), True),
        ("GET", "/BatchPutMetrics", signed("sagemaker"), False),
        ("PUT", "/BatchPutMetrics/key", signed("sagemaker"), False),
        ("PUT", "/BatchPutMetrics", signed("s3"), False),
        ("PUT", "/BatchPutMetrics", {"host": "unsigned"}, False),
        ("PUT", "/BatchPutMetrics", {"authorization": "AWS4-HMAC-SHA256 nonsense"}, False),
        ("POST", "/service/G/operation/X", {"smithy-protocol": "rpc-v2-cbor"}, True),
        ("PUT", "/service/G/operation/X", {"smithy-protocol": "rpc-v2-cbor"}, False),
        ("POST", "/service/G/operation/X", {"host": "unsigned"}, False),
    ],
)
def test_paths_of_operations_do_not_steal_those_of_buckets(
    models: ServiceModels, method: str, path: str, headers: dict[str, str], expected: bool
) -> None:
    assert is_for_gateway(scope_of(method, path, headers), models) is expected


@pytest.mark.parametrize(
    ("path", "service", "text"),
    [
        ("/endpoints/e/invocations", "sagemaker", "POST /endpoints/e/invocations of the service 'sagemaker'"),
        ("/2015-03-31/functions", "lambda", "the service 'lambda'"),
    ],
)
def test_request_of_an_unknown_service_is_refused(
    models: ServiceModels, path: str, service: str, text: str
) -> None:
    response = refuse_unknown_service(scope_of("POST", path, signed(service)), models)
    assert response is not None
    assert response.status_code == 501
    assert text in json.loads(response.body)["message"]


@pytest.mark.parametrize(
    "headers", [signed("s3"), {"host": "unsigned"}, {"authorization": "AWS4-HMAC-SHA256 nonsense"}]
)
def test_request_that_may_be_s3s_is_not_refused(models: ServiceModels, headers: dict[str, str]) -> None:
    assert refuse_unknown_service(scope_of("PUT", "/bucket/key", headers), models) is None


def odd_bodies() -> list[bytes]:
    """Broken, mistyped and random bodies, the same in every run."""
    chance = random.Random(20240101)
    whole = json.dumps(
        {"TrainingJobName": "job", "HyperParameters": {"a": "1"}, "Tags": [{"Key": "k"}]}
    ).encode()
    values = [
        b"null",
        b"[]",
        b"{}",
        b"1e400",
        b"-0",
        b"true",
        b'"\\ud83d"',
        b'"\\u0000"',
        b"[" * 5000,
        b"9" * 5000,
    ]
    members = (b"TrainingJobName", b"HyperParameters", b"Tags", b"ResourceConfig", b"StoppingCondition")
    mistyped = [b'{"%s": %s}' % (member, value) for member in members for value in values]
    cut = [whole[:length] for length in range(len(whole))]
    flipped = []
    for _ in range(200):
        noise = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            noise[chance.randrange(len(noise))] = chance.randrange(256)
        flipped.append(bytes(noise))
    return [*mistyped, *cut, *flipped, *(chance.randbytes(chance.randint(1, 300)) for _ in range(100))]


@pytest.mark.parametrize("target", ["SageMaker.CreateTrainingJob", "Logs_20140328.PutLogEvents", None])
def test_odd_body_is_always_the_callers_fault(models: ServiceModels, target: str | None) -> None:
    handler = Handler()
    app = Gateway(models, handler, ACCOUNT, REGION)
    headers = {"x-amz-target": target} if target else {"content-type": FORM}

    async def send_all() -> list[Response]:
        async with AsyncClient(transport=ASGITransport(app), base_url="http://emulator") as client:
            return [await client.post("/", content=body, headers=headers) for body in odd_bodies()]

    responses = anyio.run(send_all)
    assert {response.status_code for response in responses} == {400}
    assert not handler.calls
