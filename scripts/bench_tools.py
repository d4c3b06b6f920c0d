"""Clients, clocks and lines of the bench."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import boto3

SETTLING = 1.0
"""Seconds; where a network or a container was removed, the kernel goes on for a while after the Engine has answered."""


def client(endpoint: str, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def after_a_pause(measure: Callable[[], float]) -> float:
    """What is measured when nothing of the measurement before is under way, so that the order does not count."""
    time.sleep(SETTLING)
    return measure()


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(ours) / statistics.median(theirs)


def report(what: str, times: list[float]) -> None:
    middle, low, high = statistics.median(times), min(times), max(times)
    print(f"{what:<50} median {middle:.3f} s ({low:.3f} to {high:.3f}, {len(times)} rounds)", flush=True)
