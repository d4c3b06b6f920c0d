"""rest-json, on the models of sagemaker-metrics and sagemaker-runtime."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.domain.errors import ServiceError
from emulator.wire.rest_json_protocol import RestJsonProtocol
from emulator.wire.service_model import ServiceModels, load_service_models

RUNTIME = "/endpoints/my%2Dendpoint/invocations"


@pytest.fixture(scope="module")
def models() -> ServiceModels:
    return load_service_models(["sagemaker", "sagemaker-metrics", "sagemaker-runtime"])


def request(method: str, path: str, **headers: str) -> RestJsonProtocol:
    return RestJsonProtocol(
        method, path, "", {name.replace("_", "-"): value for name, value in headers.items()}
    )


def parsed(models: ServiceModels, protocol: RestJsonProtocol, body: bytes) -> tuple[str, Any]:
    operation = protocol.find_operation(models, body)
    return operation.model.name, protocol.parse(operation, body)


def test_body_and_its_types(models: ServiceModels) -> None:
    point = {"MetricName": "m", "Timestamp": 1_700_000_000.5, "Value": 1, "Unknown": 2}
    body = json.dumps({"TrialComponentName": "c", "MetricData": [point]}).encode()
    name, params = parsed(models, request("PUT", "/BatchPutMetrics"), body)
    time = datetime.fromtimestamp(1_700_000_000.5, UTC)
    assert name == "BatchPutMetrics"
    assert params == {
        "TrialComponentName": "c",
        "MetricData": [{"MetricName": "m", "Timestamp": time, "Value": 1.0}],
    }


def test_label_headers_and_a_payload_as_it_came(models: ServiceModels) -> None:
    headers = {"Content-Type": "text/csv", "X-Amzn-SageMaker-Target-Model": "m.tar.gz"}
    protocol = RestJsonProtocol("POST", RUNTIME, "", headers)
    name, params = parsed(models, protocol, b"1,2\xff")
    assert name == "InvokeEndpoint"
    assert params == {
        "EndpointName": "my-endpoint",
        "ContentType": "text/csv",
        "TargetModel": "m.tar.gz",
        "Body": b"1,2\xff",
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/BatchPutMetrics"),
        ("PUT", "/BatchPutMetrics/x"),
        ("POST", "/endpoints/a/b/invocations"),
        ("POST", "/"),
    ],
)
def test_other_paths_are_no_operations(models: ServiceModels, method: str, path: str) -> None:
    with pytest.raises(ServiceError, match="UnknownOperationException"):
        parsed(models, request(method, path), b"")


def test_answer_has_its_members_in_their_places(models: ServiceModels) -> None:
    protocol = request("POST", RUNTIME)
    result = {
        "Body": b"\x00result",
        "ContentType": "application/x-npy",
        "InvokedProductionVariant": "AllTraffic",
    }
    answer = protocol.render(protocol.find_operation(models, b""), result, "id", True)
    assert answer.content == b"\x00result"
    assert answer.headers == {
        "Content-Type": "application/x-npy",
        "x-Amzn-Invoked-Production-Variant": "AllTraffic",
    }
    accepted = request("POST", "/endpoints/e/async-invocations")
    told = accepted.render(
        accepted.find_operation(models, b""), {"InferenceId": "i", "OutputLocation": "o"}, "id", True
    )
    assert (told.status, json.loads(told.content), dict(told.headers)) == (
        202,
        {"InferenceId": "i"},
        {"X-Amzn-SageMaker-OutputLocation": "o"},
    )


def test_unknown_member_is_a_fault_where_strict(models: ServiceModels) -> None:
    protocol = request("POST", "/BatchGetMetrics")
    operation = protocol.find_operation(models, b"")
    with pytest.raises(ValueError, match="Nonsense"):
        protocol.render(operation, {"Nonsense": 1}, "id", True)
    assert protocol.render(operation, {"Nonsense": 1}, "id", False).content == b"{}"


def test_error_has_its_code_in_a_header() -> None:
    answer = request("PUT", "/x").render_error(ServiceError("ModelError", "no", 424), "id")
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (424, "ModelError")
    assert json.loads(answer.content) == {"__type": "ModelError", "message": "no", "Message": "no"}
