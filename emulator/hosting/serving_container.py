"""One container that serves a model: its start, its pings, its log, its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

import anyio
import httpx

from emulator.blocking import blocking
from emulator.domain.cluster import ClusterSpec, InstanceExit, InstanceSpec, LogLine
from emulator.domain.failure_reason import JobFailure
from emulator.hosting.parts import HostingParts
from emulator.hosting.plan import PORT
from emulator.logs.escapes import escape_control_characters
from emulator.logs.log_event import LogEvent, LogStreamKey

PING_LIMIT = 2.0
"""Seconds for one answer (DG your-algorithms-inference-code)."""

SHORTEST_PAUSE, LONGEST_PAUSE, PAUSE_SHARE = 0.005, 0.5, 0.02
"""Seconds between two tries, and their share of the time that has passed; AWS's are not established."""

FUTURE_NS = 2**62
"""After every line."""


class Ping(Enum):
    PASSED = auto()
    FAILED = auto()
    """Another answer than 200, or no connection."""
    SILENT = auto()
    """No answer in time."""


@dataclass(frozen=True)
class ServingContainer:
    cluster: ClusterSpec
    spec: InstanceSpec
    stream: LogStreamKey
    parts: HostingParts

    async def watch(self) -> InstanceExit:
        """Store its lines until it ends. Raises JobFailure where it is gone."""
        logs, clock = self.parts.logs, self.parts.clock
        await logs.create_stream(self.stream, clock.now())
        since = await logs.last_timestamp_ns(self.stream) or 0

        async def sink(lines: Sequence[LogLine]) -> None:
            await logs.put(self.stream, await blocking(self.parts.lines, _events, lines), clock.now())

        return await self.parts.compute.watch(self.cluster.name, self.spec.host, since, sink, None)

    async def await_end(self) -> None:
        """Without its lines."""
        try:
            await self.parts.compute.watch(self.cluster.name, self.spec.host, FUTURE_NS, _drop_lines, None)
        except JobFailure:
            return

    async def await_health(self, client: httpx.AsyncClient) -> str:
        """The URL that answers `GET /ping` with 200. Waits for ever; callers set the limit. Raises ConnectionError."""
        began, url = anyio.current_time(), None
        while True:
            url = url or await self._url()
            if url is not None and await ping(client, url) is Ping.PASSED:
                return url
            passed = anyio.current_time() - began
            await anyio.sleep(min(max(PAUSE_SHARE * passed, SHORTEST_PAUSE), LONGEST_PAUSE))

    async def _url(self) -> str | None:
        """None where the container ended, of which `watch` tells."""
        try:
            address = await self.parts.compute.address(self.cluster.name, self.spec.host, PORT)
        except JobFailure:
            return None
        return f"http://{address.host}:{address.port}"


async def ping(client: httpx.AsyncClient, url: str) -> Ping:
    """By the head of the answer: its body is not read, whatever it may be."""
    try:
        with anyio.fail_after(PING_LIMIT):
            async with client.stream("GET", f"{url}/ping", timeout=PING_LIMIT) as answer:
                return Ping.PASSED if answer.status_code == httpx.codes.OK else Ping.FAILED
    except (httpx.TimeoutException, TimeoutError):
        return Ping.SILENT
    except httpx.HTTPError:
        return Ping.FAILED


def _events(lines: Sequence[LogLine]) -> list[LogEvent]:
    return [LogEvent(line.timestamp_ns, escape_control_characters(line.message)) for line in lines]


async def _drop_lines(_: Sequence[LogLine]) -> None:
    """They were stored before."""
