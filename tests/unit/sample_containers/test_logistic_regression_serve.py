import json
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import httpx
import pytest

PROGRAM = Path(__file__).parents[3] / "sample_containers" / "logistic_regression" / "serve"


@pytest.fixture(scope="module")
def serve() -> ModuleType:
    """The program has no suffix, so it is not found by an import."""
    spec = spec_from_loader("serve", SourceFileLoader("serve", str(PROGRAM)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ask(serve: ModuleType, method: str, path: str, **request: Any) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(serve.application(serve.Model([2.0, -1.0], 0.0)))
        async with httpx.AsyncClient(transport=transport, base_url="http://algorithm") as client:
            return await client.request(method, path, **request)

    return anyio.run(asked)


def invoke(serve: ModuleType, body: str, content_type: str, accept: str = "*/*") -> httpx.Response:
    headers = {"Content-Type": content_type, "Accept": accept}
    return ask(serve, "POST", "/invocations", content=body.encode(), headers=headers)


def test_csv_rows_are_answered_line_by_line(serve: ModuleType) -> None:
    answer = invoke(serve, "0.5,1\n1,0\r\n-3,0\n", "text/csv; charset=utf-8")

    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.text == "0.500000,0\n0.880797,1\n0.002473,0"


@pytest.mark.parametrize("body", [[[1.0, 0.0]], {"instances": [[1.0, 0.0]]}])
def test_json_rows_have_probability_and_class(serve: ModuleType, body: object) -> None:
    [prediction] = invoke(serve, json.dumps(body), "application/json").json()["predictions"]

    assert prediction == {"probability": pytest.approx(0.880797, abs=1e-6), "class": 1}


def test_accept_decides_the_type_of_the_answer(serve: ModuleType) -> None:
    assert invoke(serve, "1,0", "text/csv", "application/json").json()["predictions"][0]["class"] == 1
    assert invoke(serve, "[[1, 0]]", "application/json", "text/csv").text == "0.880797,1"


def test_a_probability_is_found_for_any_size_of_features(serve: ModuleType) -> None:
    assert invoke(serve, "1e300,0\n-1e300,0", "text/csv").text == "1.000000,1\n0.000000,0"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "told"),
    [
        ("1,2,3", "text/csv", 400, "3 features in a row; the model has 2"),
        ("1,x", "text/csv", 400, "could not convert"),
        ("nan,1", "text/csv", 400, "no number"),
        ("{}", "application/json", 400, "instances"),
        ("[1]", "application/json", 400, "not iterable"),
        ("<x/>", "application/xml", 415, "application/xml"),
    ],
)
def test_what_is_not_understood_is_named(
    serve: ModuleType, body: str, content_type: str, status: int, told: str
) -> None:
    answer = invoke(serve, body, content_type)

    assert answer.status_code == status
    assert told in answer.text


def test_ping_is_empty_and_batch_transform_learns_its_limits(serve: ModuleType) -> None:
    ping = ask(serve, "GET", "/ping")

    assert (ping.status_code, ping.content) == (200, b"")
    assert ask(serve, "GET", "/execution-parameters").json() == {
        "MaxConcurrentTransforms": 4,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }
