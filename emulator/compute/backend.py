"""The seam to whatever runs containers.

Contract, for every implementation:

- Nothing in memory is needed to go on after a restart of the emulator: instances are found by the names and
  labels of their (cluster, host).
- Order of calls for a cluster: `prepare` and `fetch_image`, `create` for every instance, `start` for every
  instance, then `watch` once per instance at a time; `signal`, `list_files`, `put_files` and `archive` at any time
  after `create`; `destroy` last. Verbs for different hosts may run concurrently.
- Every verb is idempotent: a second `create` or `start` with the same spec adopts what is there, `signal` and
  `destroy` of something gone are no errors.
- A fault of the job (no such image, no such command) is told as JobFailure or as an InstanceExit; everything
  else that a method raises is the emulator's own fault.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from emulator.domain.cluster import (
    Address,
    Capacity,
    ClusterSpec,
    FileState,
    FoundInstance,
    InstanceExit,
    InstanceSpec,
    LogLine,
    UsageSample,
)
from emulator.domain.ecr import EcrRegistry
from emulator.domain.image_source import ResolvedImage

LogSink = Callable[[Sequence[LogLine]], Awaitable[None]]
"""Takes lines in order. The container's output waits while it works, so nothing is dropped."""

UsageSink = Callable[[UsageSample], Awaitable[None]]
"""Takes samples in order. Where it is slow, old ones that it has not seen yet are dropped."""


class ComputeBackend(Protocol):
    async def capacity(self) -> Capacity:
        """What the machine has; also the health check. Raises ConnectionError with what to do."""

    async def shows_mounts(self) -> bool:
        """Whether containers can see directories of this machine, what is mounted there, and its FIFOs."""

    async def prepare(self, cluster: ClusterSpec) -> None:
        """Make the network, or begin to: `create` and `destroy` wait for it."""

    async def find_image(self, image: str, caller: EcrRegistry) -> ResolvedImage | None:
        """Look for a training image without pulling it, within seconds; None where it is nowhere.

        `caller` is whose ECR a name under the emulator's own address means. One in a registry that only pulling
        can ask counts as found. Raises ConnectionError where nobody can tell.
        """

    async def fetch_image(self, image: str, caller: EcrRegistry) -> ResolvedImage:
        """Find the image and have it, pulled if need be; instances are created from the name that this tells.

        Raises JobFailure where it cannot be had.
        """

    async def create(self, cluster: ClusterSpec, instance: InstanceSpec, work_dir: Path) -> None:
        """Create the container with its /opt/ml, not running. `work_dir` holds the input layers."""

    async def start(self, cluster: str, host: str) -> None:
        """Run it. A command that cannot be run is no error: `watch` tells exit code 127 or 126."""

    async def watch(
        self, cluster: str, host: str, since_ns: int, sink: LogSink, usage: UsageSink | None
    ) -> InstanceExit:
        """Hand over the lines stamped after `since_ns`, live, then tell how the container ended.

        While it runs, `usage` gets a sample about every second, and a last one before this returns, whose
        `disk_bytes` are those of the end; none of a container that was gone before anybody looked. Without `usage`
        nothing is measured. Also for one that ended long ago. Cancelling it leaves the container alone.
        """

    async def signal(self, cluster: str, host: str, signal: str) -> None:
        """Send `SIGTERM` or `SIGKILL` to the container's first process."""

    async def list_files(
        self, cluster: str, host: str, directory: str, only: Collection[str] | None = None
    ) -> Mapping[str, FileState]:
        """The regular files below `directory`, by relative path; all, or those of `only` that are there.

        Of a container that was created, running or ended. No symbolic link is followed on the way from `directory`,
        and names that are not UTF-8 are left out. Empty where there is no such directory. Costs much where the
        files are large and many (docs/decisions/012-checkpoints.md), so ask again only after a multiple of the
        time it took.
        """

    async def put_files(self, cluster: str, host: str, files: Mapping[str, str]) -> None:
        """Write texts at absolute paths, root-owned, mode 0644, also while the container runs."""

    def archive(self, cluster: str, host: str, path: str) -> AbstractContextManager[Iterator[bytes] | None]:
        """For worker threads: a tar stream of the directory or file at `path`, None where it is missing.

        Ask for `directory/.` to have its members named `./...`. Read as root, whatever owner and mode they have.
        The Engine holds the container while the stream is open: every other verb for it waits. So read on without
        a pause, and let nothing slow, such as a network, set the pace while the container runs.
        """

    async def address(self, cluster: str, host: str, port: int) -> Address:
        """Where this process reaches the port of a running container, also of an isolated cluster's.

        Holds as long as the container runs. Raises ConnectionError with what to do where this process cannot, and
        JobFailure where there is no such container.
        """

    async def discard(self, cluster: str, host: str) -> None:
        """Remove one container with its volumes, whatever it does; no error if gone. `create` may follow."""

    async def destroy(self, cluster: str) -> None:
        """Remove containers, volumes and network of the cluster; what belongs to its pool stays.

        With the name of a pool: remove the pool's network and caches, after all of its clusters.
        """

    async def find(self) -> list[FoundInstance]:
        """What exists of this installation; `host` is empty for what belongs to a cluster as a whole."""
