"""Multi-model and serverless endpoints, data capture and metrics, as callers of sagemaker-runtime see them."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.hosting.invocation_errors import model_data_missing
from emulator.hosting.routing import (
    ContainerRoute,
    EndpointRoute,
    InstanceRoute,
    InstanceUnavailable,
    VariantRoute,
)
from emulator.hosting.runtime import SERVERLESS_PAYLOAD_LIMIT, RuntimeLimits
from emulator.metrics.metric import MetricKey, Span
from tests.support.emulator_server import wait_until
from tests.support.model_server import Exchange, ModelServer, model_server
from tests.support.runtime_server import ACCOUNT, REGION, RunningRuntime, running_runtime


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[RunningRuntime]:
    with running_runtime(tmp_path) as running:
        yield running


def invoke(runtime: RunningRuntime, **request: Any) -> bytes:
    answer = runtime.client().invoke_endpoint(**{"EndpointName": "e", "Body": b"x", **request})
    return bytes(answer["Body"].read())


def failure(runtime: RunningRuntime, **request: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as error:
        invoke(runtime, **request)
    return dict(error.value.response)


class Files:
    """ModelFiles without files."""

    def __init__(self) -> None:
        self.present: list[str] = []

    async def load(self, instance: InstanceRoute, target_model: str) -> str:
        if target_model.startswith("missing"):
            raise model_data_missing(f"s3://bucket/models/{target_model}")
        self.present.append(target_model)
        return f"/opt/ml/models/id-{target_model}/model"

    async def delete(self, instance: InstanceRoute, target_model: str) -> None:
        self.present.remove(target_model)


class MultiModelServer:
    """The container's side of the protocol, with room for so many models."""

    def __init__(self, room: int, loaded: tuple[str, ...] = ()) -> None:
        self.room = room
        self.loaded = list(loaded)
        self.calls: list[str] = []
        self.may_load = threading.Event()
        self.may_load.set()

    def __call__(self, exchange: Exchange) -> None:
        self.calls.append(f"{exchange.command} {exchange.path}")
        name = exchange.path.removeprefix("/models/").partition("/")[0]
        if exchange.command == "GET":
            exchange.answer(json.dumps({"models": [{"modelName": each} for each in self.loaded]}).encode())
        elif exchange.command == "DELETE":
            self.loaded.remove(name)
            exchange.answer(b"")
        elif exchange.path == "/models":
            self._load(exchange)
        else:
            exchange.answer(name.encode() + exchange.body(), 200 if name in self.loaded else 404)

    def _load(self, exchange: Exchange) -> None:
        wanted = json.loads(exchange.body())
        self.may_load.wait(20)
        assert wanted["url"] == f"/opt/ml/models/{wanted['model_name']}/model"
        status = 409 if wanted["model_name"] in self.loaded else 507 if len(self.loaded) >= self.room else 200
        if status == 200:
            self.loaded.append(wanted["model_name"])
        exchange.answer(b"", status)


def multi_model(*models: ModelServer) -> tuple[VariantRoute, Files]:
    files = Files()
    instances = tuple(model.instance(f"AllTraffic-{n}") for n, model in enumerate(models, start=1))
    return VariantRoute(
        name="AllTraffic", containers=(ContainerRoute(model_files=files),), instances=instances
    ), files


def test_models_are_loaded_once_and_unloaded_when_memory_runs_out(runtime: RunningRuntime) -> None:
    container = MultiModelServer(room=2)
    with model_server(container) as model:
        variant, files = multi_model(model)
        runtime.route(variant)
        for target in ("a", "b", "a", "c"):
            assert invoke(runtime, TargetModel=target) == f"id-{target}x".encode()
    assert container.calls == [
        "POST /models",
        "POST /models/id-a/invoke",
        "POST /models",
        "POST /models/id-b/invoke",
        "POST /models/id-a/invoke",
        "POST /models",
        "DELETE /models/id-b",
        "POST /models",
        "POST /models/id-c/invoke",
    ]
    assert files.present == ["a", "c"]
    assert model.seen[1].headers["X-Amzn-SageMaker-Target-Model"] == "a"


def test_models_from_before_a_restart_make_room_too(runtime: RunningRuntime) -> None:
    container = MultiModelServer(room=1, loaded=("id-old",))
    with model_server(container) as model:
        runtime.route(multi_model(model)[0])
        assert invoke(runtime, TargetModel="a") == b"id-ax"
    assert container.loaded == ["id-a"]


def test_a_model_that_is_loaded_already_is_taken_as_it_is(runtime: RunningRuntime) -> None:
    with model_server(MultiModelServer(room=1, loaded=("id-a",))) as model:
        runtime.route(multi_model(model)[0])
        assert invoke(runtime, TargetModel="a") == b"id-ax"


def test_requests_go_where_their_model_is_loaded(runtime: RunningRuntime) -> None:
    one, two = MultiModelServer(room=9), MultiModelServer(room=9)
    with model_server(one) as first, model_server(two) as second:
        runtime.route(multi_model(first, second)[0])
        for target in ("a", "b", "a", "b", "a", "b"):
            invoke(runtime, TargetModel=target)
    assert sorted([one.loaded, two.loaded]) == [["id-a"], ["id-b"]]


def test_a_multi_model_request_names_a_model_that_exists(runtime: RunningRuntime) -> None:
    with model_server(MultiModelServer(room=1)) as model:
        runtime.route(multi_model(model)[0])
        error = failure(runtime)
        request = error["ResponseMetadata"]["RequestId"]
        told = {"Code": "ValidationError", "Message": f"Request {request} is missing a target model header."}
        assert error["Error"] == told
        missing = failure(runtime, TargetModel="missing.tar.gz")["Error"]
    assert missing["Code"] == "ValidationError"
    assert missing["Message"].startswith(
        "Failed to download model data(bucket: bucket, key: models/missing.tar.gz). Please ensure"
    )


def test_a_model_that_is_slow_to_load_is_not_ready_and_later_is(tmp_path: Path) -> None:
    container = MultiModelServer(room=1)
    container.may_load.clear()
    with running_runtime(tmp_path, RuntimeLimits(model_ready=3)) as runtime, model_server(container) as model:
        runtime.route(multi_model(model)[0])
        error = failure(runtime, TargetModel="a")
        assert error["Error"]["Code"] == "ModelNotReadyException"
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 429
        container.may_load.set()
        wait_until(lambda: container.loaded)
        assert invoke(runtime, TargetModel="a") == b"id-ax"
    assert container.calls == ["POST /models", "POST /models/id-a/invoke"]


def test_a_busy_model_is_loaded_by_another_instance(runtime: RunningRuntime) -> None:
    go_on = threading.Event()

    class Slow(MultiModelServer):
        def __call__(self, exchange: Exchange) -> None:
            if exchange.path.endswith("/invoke"):
                exchange.body()
                go_on.wait(20)
            super().__call__(exchange)

    with model_server(Slow(1)) as one, model_server(Slow(1)) as two, ThreadPoolExecutor(5) as pool:
        runtime.route(multi_model(one, two)[0])
        calls = [pool.submit(invoke, runtime, TargetModel="a") for _ in range(5)]
        while len(one.seen) + len(two.seen) < 7:
            time.sleep(0.01)
        go_on.set()
        assert {call.result() for call in calls} == {b"id-ax"}
    assert sorted(len(each.seen) for each in (one, two)) == [2, 5]


def test_a_model_without_room_is_a_model_error(runtime: RunningRuntime) -> None:
    with model_server(MultiModelServer(room=0)) as model:
        variant, files = multi_model(model)
        runtime.route(variant)
        assert failure(runtime, TargetModel="a")["OriginalStatusCode"] == 507
    assert files.present == []


def serverless(runtime: RunningRuntime, model: ModelServer) -> list[str]:
    """An endpoint that sleeps; what is appended to the list tells how often it was woken."""
    woken: list[str] = []

    def variant(*instances: InstanceRoute) -> VariantRoute:
        return VariantRoute(name="AllTraffic", instances=instances, max_concurrency=2, wake=wake)

    async def wake() -> None:
        woken.append("woken")
        if not model.url:
            raise InstanceUnavailable("There is no room.")
        route = EndpointRoute(arn=key.arn, variants=(variant(model.instance()),))
        runtime.table.set_endpoint(key, route)

    key = runtime.route(variant())
    return woken


def test_a_serverless_variant_is_woken_by_its_first_request(runtime: RunningRuntime) -> None:
    with model_server() as model:
        woken = serverless(runtime, model)
        assert [invoke(runtime) for _ in range(3)] == [b"x"] * 3
    assert woken == ["woken"]


def test_a_serverless_variant_that_cannot_be_started_says_why(runtime: RunningRuntime) -> None:
    serverless(runtime, ModelServer())
    assert "There is no room." in failure(runtime)["Error"]["Message"]


@pytest.mark.parametrize("refuses", [False, True])
def test_an_update_while_a_serverless_variant_wakes_costs_no_request(
    runtime: RunningRuntime, refuses: bool
) -> None:
    """The fleet that the request waits for is given up, and the new variant is as it may be."""
    with model_server() as model:

        async def wake() -> None:
            new = VariantRoute(name="AllTraffic", instances=(model.instance(),))
            runtime.table.set_endpoint(key, EndpointRoute(arn=key.arn, variants=(new,)))
            if refuses:
                raise InstanceUnavailable("The fleet was given up.")

        key = runtime.route(VariantRoute(name="AllTraffic", max_concurrency=1, wake=wake))
        assert invoke(runtime) == b"x"


def test_more_than_the_concurrency_is_throttled(runtime: RunningRuntime) -> None:
    both, go_on = threading.Barrier(3), threading.Event()

    def script(exchange: Exchange) -> None:
        both.wait(20)
        go_on.wait(20)
        exchange.answer(exchange.body())

    with model_server(script) as model, ThreadPoolExecutor(2) as pool:
        serverless(runtime, model)
        calls = [pool.submit(invoke, runtime) for _ in range(2)]
        both.wait(20)
        error = failure(runtime)
        go_on.set()
        assert [call.result() for call in calls] == [b"x", b"x"]
    assert error["Error"]["Code"] == "ThrottlingException"


def test_serverless_payloads_are_smaller(runtime: RunningRuntime) -> None:
    with model_server() as model:
        serverless(runtime, model)
        error = failure(runtime, Body=b"x" * (SERVERLESS_PAYLOAD_LIMIT + 1))
    request_id = error["ResponseMetadata"]["RequestId"]
    assert error["Error"] == {
        "Code": "ValidationError",
        "Message": f"Request {request_id} has oversize body.",
    }


def capture_config(percentage: int = 100) -> dict[str, Any]:
    return {
        "InitialSamplingPercentage": percentage,
        "DestinationS3Uri": "s3://captured/here",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json"],
        },
    }


def captured(runtime: RunningRuntime) -> list[dict[str, Any]]:
    s3 = runtime.client("s3")
    runtime.server.portal.call(runtime.runtime.flush)
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="captured").get("Contents", ())]
    assert all(key.startswith("here/e/AllTraffic/") for key in keys)
    texts = [s3.get_object(Bucket="captured", Key=key)["Body"].read() for key in keys]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def test_inferences_are_captured(runtime: RunningRuntime) -> None:
    runtime.client("s3").create_bucket(Bucket="captured")
    with model_server(lambda e: e.answer(e.body()[:3], Content_Type="application/json")) as model:
        runtime.serve(model, data_capture=capture_config())
        for body in (b"1,2", b"123" * 100_000):
            invoke(runtime, Body=body, ContentType="text/csv", InferenceId="i1")
        runtime.serve(model, data_capture=capture_config(0))
        invoke(runtime)
    lines = captured(runtime)
    assert [line["captureData"]["endpointInput"]["data"] for line in lines] == ["1,2", "123" * 100_000]
    assert lines[0]["captureData"]["endpointOutput"] == {
        "observedContentType": "application/json",
        "mode": "OUTPUT",
        "data": "1,2",
        "encoding": "JSON",
    }
    assert lines[0]["eventMetadata"]["inferenceId"] == "i1"


def test_failed_inferences_and_a_missing_bucket_disturb_nobody(runtime: RunningRuntime) -> None:
    with model_server(lambda exchange: exchange.answer(b"bad", 500)) as model:
        runtime.serve(model, data_capture=capture_config())
        failure(runtime)
        model.script = lambda exchange: exchange.answer(exchange.body())
        assert invoke(runtime) == b"x"
        runtime.server.portal.call(runtime.runtime.flush)
        runtime.client("s3").create_bucket(Bucket="captured")
        assert captured(runtime) == []


def total(runtime: RunningRuntime, name: str) -> tuple[float, float]:
    """Samples and their sum."""
    dimensions = (("EndpointName", "e"), ("VariantName", "AllTraffic"))
    key = MetricKey(ACCOUNT, REGION, "AWS/SageMaker", name, dimensions)
    windows = runtime.server.portal.call(runtime.metrics.windows, key, Span(0, 2**53), 2**53)
    return sum(each.sample_count for each in windows), sum(each.total for each in windows)


def test_invocations_are_counted_and_timed(runtime: RunningRuntime) -> None:
    answers = iter([200, 200, 400, 500])
    with model_server(lambda exchange: exchange.answer(exchange.body(), next(answers))) as model:
        runtime.serve(model)
        invoke(runtime)
        invoke(runtime)
        failure(runtime)
        failure(runtime)
        model.script = Exchange.break_off
        failure(runtime)
        failure(runtime, TargetModel="refused before the model")
    runtime.server.portal.call(runtime.runtime.flush)
    assert total(runtime, "Invocations") == (5, 5)
    assert total(runtime, "Invocation4XXErrors") == (5, 1)
    assert total(runtime, "Invocation5XXErrors") == (5, 2)
    assert total(runtime, "InvocationModelErrors") == (5, 3)
    count, model_latency = total(runtime, "ModelLatency")
    assert (count, total(runtime, "OverheadLatency")[0]) == (4, 4)
    assert 0 < model_latency < 20e6


def test_an_invocation_counts_for_each_instance(runtime: RunningRuntime) -> None:
    with model_server() as first, model_server() as second:
        runtime.serve(first, second)
        for headers in ({}, {"InferenceId": "not-plain"}, {"TargetVariant": "AllTraffic"}):
            invoke(runtime, **headers)
    runtime.server.portal.call(runtime.runtime.flush)
    assert total(runtime, "InvocationsPerInstance") == (3, 1.5)


def test_the_case_of_an_endpoint_s_name_must_be_matched(runtime: RunningRuntime) -> None:
    """API CreateEndpoint$EndpointName."""
    with model_server() as model:
        runtime.serve(model)
        error = failure(runtime, EndpointName="E")["Error"]
    assert error == {"Code": "ValidationError", "Message": f"Endpoint E of account {ACCOUNT} not found."}
