"""Invocations of inference pipelines, in series and direct, against model servers that really listen."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.hosting.routing import ContainerRoute, InstanceRoute, VariantRoute
from tests.support.invocation_calls import failure, invoke
from tests.support.model_server import Exchange, model_server
from tests.support.runtime_server import RunningRuntime, running_runtime


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[RunningRuntime]:
    with running_runtime(tmp_path) as running:
        yield running


def pipeline(*urls: str, is_direct: bool = False) -> VariantRoute:
    names = tuple(ContainerRoute(f"container-{number}") for number, _ in enumerate(urls, start=1))
    return VariantRoute(
        name="AllTraffic",
        containers=names,
        instances=(InstanceRoute("AllTraffic-1", urls),),
        is_direct=is_direct,
    )


def test_a_pipeline_hands_each_answer_to_the_next(runtime: RunningRuntime) -> None:
    def first(exchange: Exchange) -> None:
        exchange.answer(exchange.body() + b"1" * 100_000, Content_Type="application/x-npy")

    def second(exchange: Exchange) -> None:
        exchange.answer(exchange.body() + b"2", Content_Type="text/plain")

    with model_server(first) as one, model_server(second) as two:
        runtime.route(pipeline(one.url, two.url))
        answer = runtime.client().invoke_endpoint(
            EndpointName="e", Body=b"0", ContentType="text/csv", Accept="text/plain", CustomAttributes="c"
        )
        assert answer["Body"].read() == b"0" + b"1" * 100_000 + b"2"
    assert answer["ContentType"] == "text/plain"
    heads = [exchange.headers for exchange in (*one.seen, *two.seen)]
    assert [head["Content-Type"] for head in heads] == ["text/csv", "application/x-npy"]
    assert [head["Accept"] for head in heads] == [None, "text/plain"]
    assert [head["X-Amzn-SageMaker-Custom-Attributes"] for head in heads] == ["c", "c"]


def test_an_error_names_the_container_of_the_pipeline(runtime: RunningRuntime) -> None:
    def broken(exchange: Exchange) -> None:
        exchange.begin_chunks()
        exchange.chunk(b"x" * 200_000)
        exchange.break_off()

    with (
        model_server() as one,
        model_server(lambda e: e.answer(b"bad", 500)) as two,
        model_server(broken) as three,
    ):
        runtime.route(pipeline(one.url, two.url))
        assert "(500) from container-2 with" in failure(runtime)["Error"]["Message"]
        runtime.route(pipeline(three.url, one.url))
        assert "(0) from container-1 with" in failure(runtime)["Error"]["Message"]


def test_a_pipeline_without_its_second_container_is_asked_last(
    runtime: RunningRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.hosting.routing.AVOIDANCE", 300.0)
    with model_server() as one, model_server() as two:
        broken = InstanceRoute("AllTraffic-1", (one.url, "http://127.0.0.1:1"))
        whole = InstanceRoute("AllTraffic-2", (one.url, two.url))
        route = pipeline(one.url, two.url)
        runtime.route(replace(route, instances=(broken, whole)))
        assert "(0) from container-2 with" in failure(runtime)["Error"]["Message"]
        assert [invoke(runtime)[1] for _ in range(4)] == [b"x"] * 4


def test_direct_mode_asks_one_container(runtime: RunningRuntime) -> None:
    with model_server() as one, model_server(lambda e: e.answer(b"two")) as two:
        runtime.route(pipeline(one.url, two.url, is_direct=True))
        answer = runtime.client().invoke_endpoint(
            EndpointName="e", Body=b"x", TargetContainerHostname="container-2"
        )
        assert answer["Body"].read() == b"two"
        assert failure(runtime)["Error"]["Code"] == "ValidationError"
        unknown = failure(runtime, TargetContainerHostname="container-3")
        assert unknown["Error"]["Code"] == "ValidationError"
    assert one.seen == []
