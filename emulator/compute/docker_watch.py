"""One daemon thread per running container: follows its log, then reads how it ended.

Such a thread can wait for ever, so it is none of the shared worker threads: those would keep the process from
exiting. Cancelling `watch` ends the thread at its next line or with its container.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import BinaryIO, cast

from docker import APIClient
from docker.errors import APIError

from emulator.compute.backend import LogSink
from emulator.compute.docker_log_frames import read_lines
from emulator.compute.docker_request import container_name
from emulator.domain.cluster import InstanceExit, LogLine

WAITING_LINES = 5_000
"""How many lines may wait for the sink before the thread stops reading."""

READ_AGAIN_NS = 10**9
"""Of a log's end; the two outputs of a container are stamped side by side, so a later line may be older."""

SAMPLE_PERIOD = 1.0
"""Seconds between two looks at the memory in use."""


class AbandonedError(Exception):
    """Nobody waits for this container's lines any more."""


class Handover:
    """Lines and the end of one container, handed from its thread to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._arrived = asyncio.Event()
        self._room = threading.Condition()
        self._lines: list[LogLine] = []
        self._end: InstanceExit | Exception | None = None
        self._abandoned = False

    def put(self, line: LogLine) -> None:
        """From the thread: wait for room, then hand over. Raises AbandonedError."""
        with self._room:
            while len(self._lines) >= WAITING_LINES and not self._abandoned:
                self._room.wait()
            if self._abandoned:
                raise AbandonedError
            self._lines.append(line)
        self._wake()

    def finish(self, end: InstanceExit | Exception) -> None:
        with self._room:
            self._end = end
        self._wake()

    def abandon(self) -> None:
        with self._room:
            self._abandoned = True
            self._room.notify_all()

    async def take(self) -> tuple[Sequence[LogLine], InstanceExit | None]:
        """On the loop: what has arrived, at least one line or the end. Raises what the thread met."""
        await self._arrived.wait()
        self._arrived.clear()
        with self._room:
            lines, self._lines = self._lines, []
            self._room.notify_all()
            end = self._end
        if isinstance(end, Exception):
            raise end
        return lines, end

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError as closed:
            raise AbandonedError from closed


class ContainerWatch:
    def __init__(self, api: APIClient, cluster: str, host: str, since_ns: int) -> None:
        self._api = api
        self._name = container_name(cluster, host)
        self._host = host
        self._since_ns = since_ns
        self._ended = threading.Event()
        self._peak: int | None = None

    async def run(self, sink: LogSink) -> InstanceExit:
        handover = Handover(asyncio.get_running_loop())
        self._spawn(self._follow, handover)
        self._spawn(self._sample_memory, handover)
        try:
            while True:
                lines, end = await handover.take()
                if lines:
                    await sink(lines)
                if end is not None:
                    return end
        finally:
            self._ended.set()
            handover.abandon()

    def _spawn(self, target: Callable[[Handover], None], handover: Handover) -> None:
        threading.Thread(target=target, args=(handover,), name=f"watch-{self._name}", daemon=True).start()

    def _follow(self, handover: Handover) -> None:
        try:
            if self._was_started():
                self._hand_over(handover)
            handover.finish(self._read_exit())
        except AbandonedError:
            return
        except Exception as error:
            handover.finish(error)

    def _was_started(self) -> bool:
        return bool(self._api.inspect_container(self._name)["State"]["Status"] != "created")

    def _hand_over(self, handover: Handover) -> None:
        """The live lines, then those of the end again: Engines up to 20.10 leave some of them out of a live stream."""
        newest, recent = self._since_ns, deque[int]()
        for line in self._lines(self._since_ns, follow=True):
            handover.put(line)
            newest = max(newest, line.timestamp_ns)
            recent.append(line.timestamp_ns)
            while recent and recent[0] < newest - READ_AGAIN_NS:
                recent.popleft()
        self._api.wait(self._name, timeout=None)
        start = max(self._since_ns, newest - READ_AGAIN_NS)
        known = sum(stamp > start for stamp in recent)
        for line in islice(self._lines(start, follow=False), known, None):
            handover.put(line)

    def _lines(self, since_ns: int, follow: bool) -> Iterator[LogLine]:
        """The lines after `since_ns`. The client library splits no partial lines apart, so we read frames."""
        url = f"{self._api.base_url}/v{self._api.api_version}/containers/{self._name}/logs"
        flags: dict[str, str] = dict.fromkeys(("stdout", "stderr", "timestamps"), "1")
        window = {"since": f"{since_ns // 10**9}.{since_ns % 10**9:09d}", "follow": str(int(follow))}
        with self._api.get(url, params={**flags, **window}, stream=True, timeout=None) as response:
            response.raise_for_status()
            for line in read_lines(cast(BinaryIO, response.raw), has_end=not follow):
                if line.timestamp_ns > since_ns:
                    yield line

    def _sample_memory(self, _: Handover) -> None:
        while not self._ended.wait(SAMPLE_PERIOD if self._peak is not None else 0):
            try:
                stats = self._api.stats(self._name, stream=False, one_shot=True)
            except (APIError, OSError):
                return
            usage = memory_in_use(stats.get("memory_stats", {}))
            self._peak = max(self._peak or 0, usage)

    def _read_exit(self) -> InstanceExit:
        container = self._api.inspect_container(self._name)
        state = container["State"]
        limit = container["HostConfig"]["Memory"]
        return InstanceExit(
            host=self._host,
            exit_code=state["ExitCode"],
            oom_killed=state["OOMKilled"],
            finished_at=_time(state["FinishedAt"]),
            peak_memory_bytes=limit if state["OOMKilled"] else self._peak,
            detail=state["Error"],
        )


def memory_in_use(stats: dict[str, object]) -> int:
    """Bytes in use without page cache that can be dropped, as `docker stats` counts (cgroup v1 and v2)."""
    usage, details = stats.get("usage", 0), stats.get("stats", {})
    assert isinstance(usage, int)
    assert isinstance(details, dict)
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return max(0, usage - int(cache or 0))


def _time(text: str) -> datetime:
    """The Engine's time (nanoseconds, or year 1 where it never ran)."""
    time = datetime.fromisoformat(f"{text[:26].rstrip('Z')}+00:00") if "." in text else None
    return time if time is not None and time.year > 1 else datetime.now(UTC)
