"""Requests to InvokeEndpointAsync and the objects that answer them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from emulator.domain.endpoint_config import AsyncInferenceConfig
from tests.support.model_server import Exchange
from tests.support.runtime_server import RunningRuntime
from tests.support.web import PATIENCE

INPUT = "s3://bucket/in/data.csv"


def async_config(concurrent: int) -> AsyncInferenceConfig:
    return AsyncInferenceConfig.model_validate(
        {
            "OutputConfig": {"S3OutputPath": "s3://bucket/out/", "S3FailurePath": "s3://bucket/failed"},
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrent},
        }
    )


CONFIG = async_config(2)


def put(runtime: RunningRuntime, content: bytes) -> None:
    runtime.client("s3").put_object(Bucket="bucket", Key="in/data.csv", Body=content)


def ask(runtime: RunningRuntime, **request: Any) -> dict[str, Any]:
    return dict(
        runtime.client().invoke_endpoint_async(
            **{"EndpointName": "e", "ContentType": "text/csv", "InputLocation": INPUT, **request}
        )
    )


def wait_for_object(runtime: RunningRuntime, uri: str) -> bytes:
    url, s3, end = urlsplit(uri), runtime.client("s3"), time.monotonic() + PATIENCE
    while True:
        try:
            return bytes(s3.get_object(Bucket=url.netloc, Key=url.path[1:])["Body"].read())
        except s3.exceptions.NoSuchKey:
            assert time.monotonic() < end, f"{uri} did not appear"
            time.sleep(0.02)


def ask_inline(runtime: RunningRuntime, body: bytes, **request: Any) -> dict[str, Any]:
    return dict(runtime.client().invoke_endpoint_async(EndpointName="e", Body=body, **request))


def objects(runtime: RunningRuntime) -> list[str]:
    """Keys of the bucket."""
    return [each["Key"] for each in runtime.client("s3").list_objects_v2(Bucket="bucket").get("Contents", [])]


class Gate:
    """A script for a model server: healthy; it notes what it is asked, and echoes it once the gate is open."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self._is_open = threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        if exchange.path == "/ping":
            exchange.answer(b"")
            return
        self.asked.append(exchange.body())
        self.wait()
        exchange.answer(exchange.body())

    def wait(self) -> None:
        self._is_open.wait(60)

    def open(self) -> None:
        self._is_open.set()

    @contextmanager
    def opening(self) -> Iterator["Gate"]:
        """Open in the end, whatever happens."""
        try:
            yield self
        finally:
            self.open()
