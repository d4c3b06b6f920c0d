"""InvokeEndpoint against the same requests straight to the endpoint's container, side by side in one run."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import NamedTuple
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

CONNECTIONS = 16
SECONDS = 2.0
"""Of each measurement."""


class Speed(NamedTuple):
    latency: float
    """Seconds, median."""
    per_second: float


class Target(NamedTuple):
    """One side: where it listens, and a whole request."""

    address: tuple[str, int]
    request: bytes


def bench_invocations(endpoint: str, name: str, direct_url: str, body: bytes, rounds: int = 5) -> None:
    """`direct_url` is the container's, such as `http://172.18.0.2:8080/invocations`; `body` is text/csv."""
    ours = target(f"{endpoint}/endpoints/{name}/invocations", body)
    direct = target(direct_url, body)
    for connections in (1, CONNECTIONS):
        pairs = [(measure(ours, connections), measure(direct, connections)) for _ in range(rounds + 1)]
        # The first round warms up caches and connections on both sides.
        report(connections, *(zip(*pairs[1:], strict=True)))


def target(url: str, body: bytes) -> Target:
    """Both sides get the same bytes of the same length; the emulator reads the signature, the container does not."""
    request = AWSRequest("POST", url, headers={"Content-Type": "text/csv"}, data=body)
    SigV4Auth(Credentials("test", "test"), "sagemaker", "us-east-1").add_auth(request)
    parts = urlsplit(url)
    headers = {"Host": parts.netloc, "Content-Length": str(len(body)), **dict(request.headers.items())}
    lines = [f"POST {parts.path} HTTP/1.1", *(f"{key}: {value}" for key, value in headers.items())]
    return Target((str(parts.hostname), parts.port or 80), "\r\n".join([*lines, "\r\n"]).encode() + body)


def measure(side: Target, connections: int) -> Speed:
    return asyncio.run(_measure(side, connections))


async def _measure(side: Target, connections: int) -> Speed:
    times: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(_ask_until(side, began + SECONDS, times) for _ in range(connections)))
    return Speed(statistics.median(times), len(times) / (time.perf_counter() - began))


async def _ask_until(side: Target, end: float, times: list[float]) -> None:
    """One connection, one request after the other."""
    reader, writer = await asyncio.open_connection(*side.address)
    while (began := time.perf_counter()) < end:
        writer.write(side.request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        content = await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(content.decode("utf-8", "replace"))
        times.append(time.perf_counter() - began)
    writer.close()
    await writer.wait_closed()


def report(connections: int, ours: tuple[Speed, ...], direct: tuple[Speed, ...]) -> None:
    speeds = [
        Speed(statistics.median(s.latency for s in side), statistics.median(s.per_second for s in side))
        for side in (ours, direct)
    ]
    for what, speed in zip(("InvokeEndpoint", "straight to the container"), speeds, strict=True):
        print(
            f"{what}, {connections} connections: {speed.latency * 1000:.2f} ms, {speed.per_second:.0f} requests/s"
        )
    latency, per_second = (mine / theirs for mine, theirs in zip(*speeds, strict=True))
    print(f"ratio at {connections} connections: latency {latency:.2f}, requests/s {per_second:.2f}")
