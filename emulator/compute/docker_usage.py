"""What one container uses, as far as the Engine can tell it cheaply.

Two daemon threads per container, because each call can wait for ever, and so that neither waits for the other.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from docker import APIClient
from docker.errors import APIError

from emulator.compute.docker_request import INPUT, container_name
from emulator.domain.cluster import UsageSample

SAMPLE_PERIOD = 1.0
"""Seconds between two samples."""

DISK_PERIOD = 10.0
"""Seconds between two looks at the disk; more where a look takes long."""

DISK_SHARE = 0.05
"""Most of the time that may be spent looking."""


class UsageWatch:
    """Samples until `stop`. Cheap facts only: `/system/df` would measure every image and volume of the Engine."""

    def __init__(
        self, api: APIClient, cluster: str, host: str, hand_over: Callable[[UsageSample], None]
    ) -> None:
        self._api = api
        self._name = container_name(cluster, host)
        self._host = host
        self._hand_over = hand_over
        self._stopped = threading.Event()
        self._cpu: tuple[int, int] | None = None
        self._disk_bytes: int | None = None
        self._last: UsageSample | None = None
        self.peak: int | None = None
        """The most memory that was seen in use, bytes."""

    def start(self, counts_from_start: bool) -> None:
        """`counts_from_start`: the first sample tells the mean use of the CPU since the container began."""
        work = (lambda: self._sample(counts_from_start), self._look_at_disk)
        for target in work:
            threading.Thread(target=target, name=f"usage-{self._name}", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def last(self) -> UsageSample | None:
        """For the end: the last sample again, with the disk as it is now; None where there was none."""
        last = self._last
        if last is None:
            return None
        disk = disk_in_use(self._api, self._name)
        return last._replace(timestamp_ns=max(last.timestamp_ns, time.time_ns()), disk_bytes=disk)

    def _sample(self, counts_from_start: bool) -> None:
        try:
            if counts_from_start:
                began = self._api.inspect_container(self._name)["State"]["StartedAt"]
                self._cpu = (nanoseconds(began), 0)
            while not self._stopped.wait(SAMPLE_PERIOD if self.peak is not None else 0):
                stats = self._api.stats(self._name, stream=False, one_shot=True)
                self._take(stats)
        except (APIError, OSError):
            return

    def _take(self, stats: dict[str, Any]) -> None:
        memory = memory_in_use(stats.get("memory_stats", {}))
        self.peak = max(self.peak or 0, memory)
        now_ns, used_ns = nanoseconds(stats["read"]), stats["cpu_stats"]["cpu_usage"]["total_usage"]
        if now_ns <= 0:  # it has ended
            return
        before, self._cpu = self._cpu, (now_ns, used_ns)
        if before is None or now_ns <= before[0]:
            return
        cpu_percent = max(0.0, 100 * (used_ns - before[1]) / (now_ns - before[0]))
        disk, self._disk_bytes = self._disk_bytes, None
        self._last = UsageSample(self._host, now_ns, cpu_percent, memory, disk)
        self._hand_over(self._last)

    def _look_at_disk(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            began = time.monotonic()
            self._disk_bytes = disk_in_use(self._api, self._name)
            pause = max(DISK_PERIOD, (time.monotonic() - began) / DISK_SHARE)


def memory_in_use(stats: dict[str, object]) -> int:
    """Bytes in use without page cache that can be dropped, as `docker stats` counts (cgroup v1 and v2)."""
    usage, details = stats.get("usage", 0), stats.get("stats", {})
    assert isinstance(usage, int)
    assert isinstance(details, dict)
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return max(0, usage - int(cache or 0))


def disk_in_use(api: APIClient, name: str) -> int | None:
    """Bytes written by the container: its own layer, and its volumes where this process can read them.

    The input is not counted: of a view of it only the upper directory is looked at, and of a copy nothing, as what
    the container wrote there cannot be told from it. None where the Engine does not tell.
    """
    try:
        url = f"{api.base_url}/v{api.api_version}/containers/{name}/json"
        answer = api.get(url, params={"size": "1"}, timeout=api.timeout)
        answer.raise_for_status()
        container = answer.json()
        return int(container.get("SizeRw") or 0) + sum(map(_directory_bytes, _volumes(api, container)))
    except (APIError, OSError):
        return None


def _volumes(api: APIClient, container: dict[str, Any]) -> Iterator[str]:
    for mount in container.get("Mounts", ()):
        if mount["Type"] != "volume":
            continue
        options = api.inspect_volume(mount["Name"]).get("Options") or {}
        upper = [part for part in options.get("o", "").split(",") if part.startswith("upperdir=")]
        if upper:
            yield upper[0].removeprefix("upperdir=")
        elif not f"{mount['Destination']}/".startswith(f"{INPUT}/"):
            yield mount["Source"]


def _directory_bytes(path: str) -> int:
    """Of what is on the disk for the files below; 0 where this process cannot see them. Links are not followed."""
    total, waiting, seen = 0, [path], set[tuple[int, int]]()
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    facts = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif facts.st_nlink == 1 or (facts.st_dev, facts.st_ino) not in seen:
                        seen |= {(facts.st_dev, facts.st_ino)} if facts.st_nlink > 1 else set()
                        total += facts.st_blocks * 512
        except OSError:
            continue
    return total


def nanoseconds(text: str) -> int:
    """The Engine's time as nanoseconds since the epoch; not positive where it is year 1, which stands for never."""
    seconds, _, rest = text.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(seconds[:19]).replace(tzinfo=UTC)
    return int(moment.timestamp()) * 10**9 + int((rest or "0")[:9].ljust(9, "0"))
