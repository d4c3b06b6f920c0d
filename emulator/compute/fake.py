"""A strict, scripted backend in this process: no Docker, milliseconds.

It refuses what the contract in backend.py forbids (watching before the start, a second spec for the same host, any
verb after `destroy`), so a test that passes on it says something about the job plane.
"""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import anyio

from emulator.compute.backend import LogSink, UsageSink
from emulator.compute.fake_files import FakeFiles
from emulator.domain.cluster import (
    Address,
    Capacity,
    ClusterSpec,
    FileState,
    FoundInstance,
    InstanceExit,
    InstanceSpec,
    Limits,
    LogLine,
    UsageSample,
)
from emulator.domain.ecr import EcrRegistry
from emulator.domain.failure_reason import image_not_found
from emulator.domain.image_source import ImageSource, ResolvedImage

LOOK_PERIOD = 0.005
"""Seconds."""


class ContractBrokenError(AssertionError):
    """The job plane called a verb that it may not call now."""


@dataclass(frozen=True)
class Script:
    """What one container does."""

    exit_code: int = 0
    after: float = 0.0
    """Seconds until it exits by itself; `math.inf` for one that only a signal ends."""
    logs: tuple[str, ...] = ()
    usage: tuple[UsageSample, ...] = ()
    """Handed over at once; the host is filled in."""
    writes: Mapping[str, bytes] = field(default_factory=dict)
    """Path below /opt/ml -> content, there when it exits."""
    oom_killed: bool = False
    ignores_sigterm: bool = False
    exit_code_on_sigterm: int = 143


@dataclass
class _Container:
    instance: InstanceSpec
    script: Script
    files: FakeFiles
    started_at: float | None = None
    lines: list[LogLine] = field(default_factory=list)
    ended: InstanceExit | None = None
    signals: list[str] = field(default_factory=list)

    def exit_code(self, now: float) -> int | None:
        """None while it runs."""
        if "SIGKILL" in self.signals:
            return 137
        if "SIGTERM" in self.signals and not self.script.ignores_sigterm:
            return self.script.exit_code_on_sigterm
        is_done = self.started_at is not None and now >= self.started_at + self.script.after
        return self.script.exit_code if is_done else None


class FakeBackend:
    """`scripts` by host (`algo-1`), or by `job/host`; what is not named succeeds at once.

    The containers live in the object, so that a test can give it to a second emulator as the one that goes on.
    """

    def __init__(
        self,
        scripts: Mapping[str, Script] | None = None,
        capacity: Capacity | None = None,
        missing_images: frozenset[str] = frozenset(),
        images_that_cannot_be_pulled: frozenset[str] = frozenset(),
    ) -> None:
        self.scripts: Mapping[str, Script] = dict(scripts or {})
        """May be replaced; containers follow those that they were created with."""
        self._capacity = capacity or Capacity(cpus=8, memory_bytes=64 * 2**30, gpu_ids=())
        self._missing_images = missing_images
        self._cannot_be_pulled = images_that_cannot_be_pulled
        self._prepared: dict[str, ClusterSpec] = {}
        self._containers: dict[tuple[str, str], _Container] = {}
        self._destroyed: set[str] = set()
        self.most_at_once = 0
        self.sent: list[tuple[str, str]] = []
        """(host, signal), also of containers that are gone."""
        self.addresses: dict[str, Address] = {}
        """By host: where a test answers in its place."""
        self.pools: set[str] = set()
        """Pools whose networks and caches exist."""

    async def capacity(self) -> Capacity:
        return self._capacity

    async def shows_mounts(self) -> bool:
        return True

    async def prepare(self, cluster: ClusterSpec) -> None:
        self._refuse_destroyed(cluster.name)
        self._refuse_destroyed(cluster.network)
        self._prepared[cluster.name] = cluster
        self.pools |= {cluster.pool} if cluster.pool else set()

    async def find_image(self, image: str, caller: EcrRegistry) -> ResolvedImage | None:
        if image in self._missing_images:
            return None
        if image in self._cannot_be_pulled:
            return ResolvedImage(image, None, ImageSource.REMOTE)
        return ResolvedImage(image, f"sha256:{sha256(image.encode()).hexdigest()}", ImageSource.ENGINE)

    async def fetch_image(self, image: str, caller: EcrRegistry) -> ResolvedImage:
        found = await self.find_image(image, caller)
        if found is None or found.digest is None:
            raise image_not_found(image, "it is not one of the fake's images.")
        return found

    async def create(self, cluster: ClusterSpec, instance: InstanceSpec, work_dir: Path) -> None:
        self._refuse_destroyed(cluster.name)
        if cluster.name not in self._prepared:
            raise ContractBrokenError(f"create before prepare: {cluster.name}")
        layers = [layer for view in instance.views for layer in view.layers]
        trees = [tree.source for tree in instance.trees if tree.source is not None]
        sources = [*layers, *(mount.source for mount in instance.mounts), *trees]
        missing = [source for source in sources if not (work_dir / source).is_dir()]
        if missing:
            raise ContractBrokenError(f"the directories {missing} are not staged")
        old = self._containers.get((cluster.name, instance.host))
        if old is not None and old.instance != instance:
            raise ContractBrokenError(f"a second, different spec for {instance.host}")
        if old is None:
            script = self._script(cluster.name, instance.host)
            files = FakeFiles(script.writes)
            files.copy(instance.trees, work_dir)
            self._containers[cluster.name, instance.host] = _Container(instance, script, files)

    def _script(self, cluster: str, host: str) -> Script:
        job = cluster.rpartition("-")[0]
        return self.scripts.get(f"{job}/{host}", self.scripts.get(host, Script()))

    async def start(self, cluster: str, host: str) -> None:
        container = self._get(cluster, host)
        if container.started_at is None:
            container.started_at = time.monotonic()
            now = _now_ns()
            container.lines = [LogLine(now + n, text) for n, text in enumerate(container.script.logs)]
            running = [c for c in self._containers.values() if c.started_at is not None and c.ended is None]
            self.most_at_once = max(self.most_at_once, len(running))

    async def watch(
        self, cluster: str, host: str, since_ns: int, sink: LogSink, usage: UsageSink | None
    ) -> InstanceExit:
        container = self._get(cluster, host)
        if container.started_at is None:
            raise ContractBrokenError(f"watch before start: {host}")
        lines = [line for line in container.lines if line.timestamp_ns > since_ns]
        if lines:
            await sink(lines)
        if container.ended is None:
            if usage is not None:
                for sample in container.script.usage:
                    await usage(sample._replace(host=host))
            container.ended = await self._run(container, is_measured=usage is not None)
        return container.ended

    async def _run(self, container: _Container, is_measured: bool) -> InstanceExit:
        """Looks again and again, because the container may outlive the event loop that started it."""
        while (exit_code := container.exit_code(time.monotonic())) is None:  # noqa: ASYNC110
            await anyio.sleep(LOOK_PERIOD)
        script, limit = container.script, container.instance.limits.memory_bytes
        peak = limit if script.oom_killed else limit // 2 if is_measured else None
        return InstanceExit(container.instance.host, exit_code, script.oom_killed, datetime.now(UTC), peak)

    async def signal(self, cluster: str, host: str, signal: str) -> None:
        container = self._containers.get((cluster, host))
        if container is None or container.ended is not None:
            return
        container.signals.append(signal)
        self.sent.append((host, signal))

    @contextmanager
    def archive(self, cluster: str, host: str, path: str) -> Iterator[Iterator[bytes] | None]:
        packed = self._get(cluster, host).files.tar(path)
        yield None if packed is None else iter([packed])

    async def list_files(
        self, cluster: str, host: str, directory: str, only: Collection[str] | None = None
    ) -> Mapping[str, FileState]:
        return self._get(cluster, host).files.states(directory, only)

    async def put_files(self, cluster: str, host: str, files: Mapping[str, str]) -> None:
        for path, text in files.items():
            self._get(cluster, host).files.write(path, text.encode(), int(time.time()))

    async def address(self, cluster: str, host: str, port: int) -> Address:
        """What the test says in `addresses`; else a port on which nobody listens."""
        container = self._get(cluster, host)
        if container.started_at is None:
            raise ContractBrokenError(f"address before start: {host}")
        return self.addresses.get(host, Address("127.0.0.1", 9))

    async def discard(self, cluster: str, host: str) -> None:
        self._containers.pop((cluster, host), None)

    async def destroy(self, cluster: str) -> None:
        users = [key for key, found in self._containers.items() if found.instance.pool == cluster]
        if users:
            raise ContractBrokenError(f"the pool {cluster} was to go before {users}")
        self._destroyed.add(cluster)
        self.pools.discard(cluster)
        self._prepared.pop(cluster, None)
        for key in [key for key in self._containers if key[0] == cluster]:
            del self._containers[key]

    async def find(self) -> list[FoundInstance]:
        return [FoundInstance(*key) for key in self._containers] + [FoundInstance(p, "") for p in self.pools]

    def signals(self, host: str) -> list[str]:
        """What was sent to the host's container; for one cluster at a time."""
        return [s for key, c in self._containers.items() if key[1] == host for s in c.signals]

    def limits(self) -> list[Limits]:
        """Of every container that exists."""
        return [container.instance.limits for container in self._containers.values()]

    def files(self, host: str) -> FakeFiles:
        """Of the host's container, for tests to read and change; for one cluster at a time."""
        (container,) = [c for key, c in self._containers.items() if key[1] == host]
        return container.files

    def lose(self, host: str) -> None:
        """Make the host's containers vanish, as somebody's `docker rm -f` would."""
        for key in [key for key in self._containers if key[1] == host]:
            del self._containers[key]

    def _get(self, cluster: str, host: str) -> _Container:
        self._refuse_destroyed(cluster)
        try:
            return self._containers[cluster, host]
        except KeyError:
            raise ContractBrokenError(f"no container {host} in {cluster}") from None

    def _refuse_destroyed(self, cluster: str) -> None:
        if cluster in self._destroyed:
            raise ContractBrokenError(f"{cluster} is destroyed")


def _now_ns() -> int:
    return int(datetime.now(UTC).timestamp() * 10**9)
