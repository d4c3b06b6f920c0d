"""What a training job is compiled to before anything is touched: one spec per ML compute instance."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

HOSTING_MARK = "_"
"""In the names of all clusters that serve models, and of none that train: no training job's name has it."""


@dataclass(frozen=True)
class Limits:
    """What one instance's container may use."""

    memory_bytes: int
    """Memory and swap together, so there is no swap."""
    cpus: int
    shm_bytes: int
    gpu_ids: tuple[str, ...] = ()


class LayeredView(NamedTuple):
    """Staged trees, merged, as the container sees them at `target`: private and writable.

    The layers themselves stay as they are; where several have a file, the first one's shows.
    """

    target: str
    """Absolute directory in the container."""
    layers: tuple[str, ...]
    """Directories below the cluster's work directory."""


class CopiedTree(NamedTuple):
    """A staged tree that the container gets as files of its own at `target`: root-owned, 0644, directories 0755."""

    target: str
    """Absolute directory in the container."""
    source: str | None
    """Directory below the cluster's work directory; None for an empty one."""
    mtime: int
    """Of all its files; seconds since the epoch."""
    replaces: bool = True
    """Nothing shows at `target` of what the image has there."""


class FileState(NamedTuple):
    """What tells that a file of a container has changed."""

    size: int
    """Bytes."""
    mtime: int
    """Whole seconds since the epoch, on the clock of the container's machine."""


class Mount(NamedTuple):
    """A directory that the container sees in place, live."""

    source: str
    """On the emulator's machine: below the cluster's work directory, or absolute."""
    target: str
    """Absolute directory in the container."""
    read_only: bool


@dataclass(frozen=True)
class InstanceSpec:
    """One container: everything the backend needs to know of it."""

    host: str
    """`algo-1` ... `algo-N`; resolvable by the cluster's other hosts, and by nobody else."""
    image: str
    entrypoint: tuple[str, ...] | None
    """None keeps the image's own."""
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directories: tuple[str, ...]
    """Absolute directories to make before the start, root-owned, mode 0755."""
    files: Mapping[str, str]
    """Absolute path -> text, written before the start, root-owned, mode 0644."""
    views: tuple[LayeredView, ...]
    """Staged input, or a model."""
    limits: Limits
    mounts: tuple[Mount, ...] = ()
    trees: tuple[CopiedTree, ...] = ()
    """Copied in this order, before `directories` and `files`."""
    hidden: tuple[str, ...] = ("/opt/ml/input", "/opt/ml/model", "/opt/ml/output/data")
    """Directories of which the container sees nothing that the image has there."""
    pool: str | None = None
    """As the cluster's; the instance then has a directory /opt/ml/sagemaker/warmpoolcache that outlives it."""
    endpoint_variables: Mapping[str, str] = field(default_factory=dict)
    """Variables for addresses of the emulator: name -> path behind the address."""
    hostname: str | None = None
    """What the container calls itself; None for `host`."""


@dataclass(frozen=True)
class ClusterSpec:
    """All instances of one training job, and the network that only they share."""

    name: str
    """Unique in this installation; letters, digits, `-`. Names of containers and volumes derive from it."""
    isolated: bool
    """No way in or out of the network except between its hosts (EnableNetworkIsolation)."""
    instances: tuple[InstanceSpec, ...]
    pool: str | None = None
    """Whose network and cache volumes the cluster uses, and leaves when it is destroyed; None for its own network.

    Also a cluster's name: destroying it removes them.
    """

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON-able data, for golden files."""
        return asdict(self)

    @property
    def network(self) -> str:
        """The cluster, or the pool, to which the network belongs."""
        return self.pool or self.name

    @property
    def hosts(self) -> tuple[str, ...]:
        return tuple(instance.host for instance in self.instances)


class LogLine(NamedTuple):
    timestamp_ns: int
    """Nanoseconds since the epoch, as the Engine stamped the line."""
    message: str
    """Without the line end."""


class UsageSample(NamedTuple):
    """What one container used at a moment, as the Engine counts."""

    host: str
    timestamp_ns: int
    """Nanoseconds since the epoch."""
    cpu_percent: float
    """Of one vCPU: 0 to 100 times the number of vCPUs."""
    memory_bytes: int
    """Page cache not counted."""
    disk_bytes: int | None = None
    """Written by the container so far, its input not counted; None where it was not measured this time."""


@dataclass(frozen=True)
class InstanceExit:
    """How one container ended."""

    host: str
    exit_code: int
    oom_killed: bool
    finished_at: datetime
    peak_memory_bytes: int | None = None
    """The highest memory use that was seen, page cache not counted; None where it was never sampled."""
    detail: str = ""
    """Why the container could not start, in the Engine's words; empty otherwise."""


class Address(NamedTuple):
    """Where this process reaches a port of a container."""

    host: str
    port: int


class FoundInstance(NamedTuple):
    """An instance that exists on the backend, running or ended."""

    cluster: str
    host: str


@dataclass(frozen=True)
class Capacity:
    """What the backend's machine has."""

    cpus: int
    memory_bytes: int
    gpu_ids: tuple[str, ...]
