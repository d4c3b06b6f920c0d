"""One daemon thread per running container: follows its log, then reads how it ended (and two in docker_usage.py).

Such a thread can wait for ever, so it is none of the shared worker threads: those would keep the process from
exiting. Cancelling `watch` ends the thread at its next line or with its container.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from sys import getsizeof
from typing import BinaryIO, cast

from docker import APIClient

from emulator.compute.backend import LogSink, UsageSink
from emulator.compute.docker_log_frames import read_lines
from emulator.compute.docker_request import container_name
from emulator.compute.docker_usage import UsageWatch
from emulator.domain.cluster import InstanceExit, LogLine, UsageSample

WAITING_LINES = 5_000
"""How many lines may wait for the sink before the thread stops reading."""

WAITING_BYTES = 16 * 2**20
"""How much of the emulator's memory they may take, which is up to four bytes a character."""

READ_AGAIN_NS = 10**9
"""Of a log's end; the two outputs of a container are stamped side by side, so a later line may be older."""

WAITING_SAMPLES = 100
"""How many samples of its usage may wait for the sink before the oldest are dropped."""


class AbandonedError(Exception):
    """Nobody waits for this container's lines any more."""


class Handover:
    """Lines and the end of one container, handed from its thread to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._arrived = asyncio.Event()
        self._room = threading.Condition()
        self._lines: list[LogLine] = []
        self._bytes = 0
        self._samples: deque[UsageSample] = deque(maxlen=WAITING_SAMPLES)
        self._end: InstanceExit | Exception | None = None
        self._abandoned = False

    def put(self, line: LogLine) -> None:
        """From the thread: wait for room, then hand over. Raises AbandonedError."""
        with self._room:
            while self._is_full() and not self._abandoned:
                self._room.wait()
            if self._abandoned:
                raise AbandonedError
            self._lines.append(line)
            self._bytes += getsizeof(line.message)
        self._wake()

    def _is_full(self) -> bool:
        return len(self._lines) >= WAITING_LINES or self._bytes >= WAITING_BYTES

    def put_sample(self, sample: UsageSample) -> None:
        """From the thread that samples; never waits."""
        with self._room:
            if self._abandoned:
                return
            self._samples.append(sample)
        with suppress(AbandonedError):
            self._wake()

    def finish(self, end: InstanceExit | Exception) -> None:
        with self._room:
            self._end = end
        self._wake()

    def abandon(self) -> None:
        with self._room:
            self._abandoned = True
            self._room.notify_all()

    async def take(self) -> tuple[Sequence[LogLine], Sequence[UsageSample], InstanceExit | None]:
        """On the loop: what has arrived, at least one line, sample or the end. Raises what the thread met."""
        await self._arrived.wait()
        self._arrived.clear()
        with self._room:
            lines, self._lines, self._bytes = self._lines, [], 0
            samples = list(self._samples)
            self._samples.clear()
            self._room.notify_all()
            end = self._end
        if isinstance(end, Exception):
            raise end
        return lines, samples, end

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError as closed:
            raise AbandonedError from closed


class ContainerWatch:
    def __init__(self, api: APIClient, cluster: str, host: str, since_ns: int) -> None:
        self._api = api
        self._cluster = cluster
        self._name = container_name(cluster, host)
        self._host = host
        self._since_ns = since_ns

    async def run(self, sink: LogSink, usage: UsageSink | None) -> InstanceExit:
        """Without `usage` nothing is measured, and the exit tells no peak of memory."""
        handover = Handover(asyncio.get_running_loop())
        usage_watch = UsageWatch(self._api, self._cluster, self._host, handover.put_sample)
        threading.Thread(
            target=self._follow, args=(handover, usage_watch), name=f"watch-{self._name}", daemon=True
        ).start()
        if usage is not None:
            usage_watch.start(counts_from_start=self._since_ns == 0)
        try:
            while True:
                lines, samples, end = await handover.take()
                if lines:
                    await sink(lines)
                if usage is not None:
                    for sample in samples:
                        await usage(sample)
                if end is not None:
                    return end
        finally:
            usage_watch.stop()
            handover.abandon()

    def _follow(self, handover: Handover, usage: UsageWatch) -> None:
        try:
            if self._was_started():
                self._hand_over(handover)
            usage.stop()
            last = usage.last()
            if last is not None:
                handover.put_sample(last)
            handover.finish(self._read_exit(usage.peak))
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

    def _read_exit(self, peak: int | None) -> InstanceExit:
        container = self._api.inspect_container(self._name)
        state = container["State"]
        limit = container["HostConfig"]["Memory"]
        return InstanceExit(
            host=self._host,
            exit_code=state["ExitCode"],
            oom_killed=state["OOMKilled"],
            finished_at=_time(state["FinishedAt"]),
            peak_memory_bytes=limit if state["OOMKilled"] else peak,
            detail=state["Error"],
        )


def _time(text: str) -> datetime:
    """The Engine's time (nanoseconds, or year 1 where it never ran)."""
    time = datetime.fromisoformat(f"{text[:26].rstrip('Z')}+00:00") if "." in text else None
    return time if time is not None and time.year > 1 else datetime.now(UTC)
