"""The compute verbs on a Docker Engine."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

import anyio
from anyio import CapacityLimiter
from docker import APIClient, from_env
from docker.errors import APIError, DockerException, NotFound

from emulator.blocking import abandonable, blocking
from emulator.compute.backend import LogSink, UsageSink
from emulator.compute.docker_address import ContainerAddresses
from emulator.compute.docker_capacity import capacity_from_info
from emulator.compute.docker_creation import ContainerCreation
from emulator.compute.docker_files import OUTPUT, ContainerFiles
from emulator.compute.docker_images import ImageFinder
from emulator.compute.docker_input import InputView
from emulator.compute.docker_labels import exists, find_instances, network_of
from emulator.compute.docker_network import ensure_network
from emulator.compute.docker_networks import Choice, ClusterNetworks
from emulator.compute.docker_reach import Reach
from emulator.compute.docker_removal import destroy_cluster, discard_instance, remove_container
from emulator.compute.docker_request import (
    cluster_labels,
    container_name,
)
from emulator.compute.docker_sidecar import Sidecars
from emulator.compute.docker_watch import ContainerWatch
from emulator.compute.engine_paths import EnginePaths, find_engine_paths, find_own_container, is_local_engine
from emulator.compute.own_container import OwnContainer, find_known
from emulator.domain.cluster import (
    Address,
    Capacity,
    ClusterSpec,
    FileState,
    FoundInstance,
    InstanceExit,
    InstanceSpec,
)
from emulator.domain.ecr import EcrRegistry
from emulator.domain.failure_reason import container_gone
from emulator.domain.image_name import ImageName
from emulator.domain.image_source import ImageCandidate, ImageSearch, ImageSource, ResolvedImage

P = ParamSpec("P")
T = TypeVar("T")

CALL_TIMEOUT = 120
"""Seconds for one call of the Engine that ends by itself."""

POOL = 64
"""Connections that are kept: a running container uses up to three."""

REMOTE_LIMIT = 5
"""Seconds that CreateTrainingJob waits for a remote registry's word."""

CANNOT_RUN = (126, 127)
"""Exit codes that the Engine notes for a command that is not executable or does not exist."""


async def _no_registry() -> str | None:
    return None


@dataclass(frozen=True)
class DockerOptions:
    installation: str
    """Tells this emulator's containers from those of others on the same Engine."""
    network_pool: IPv4Network
    registry: Callable[[], Awaitable[str | None]] = _no_registry
    """Tells `host:port` of the local registry as the Engine reaches it, or None where there is none."""
    images: ImageSearch = field(default_factory=ImageSearch)
    offline: bool = False
    """Never pull from any other registry."""
    gpu_ids: tuple[str, ...] | None = None
    """None: what the Engine tells."""
    input_view: Literal["auto", "overlay", "copy"] = "auto"
    server: tuple[str, int] | None = None
    """Address and port that the emulator listens on; None where containers do not reach it."""
    sidecar_root: Path | None = None
    """Directory of ours for the sockets of isolated containers' sidecars, for an emulator in a container."""
    has_credentials_address: bool = False
    """Whether containers get their credentials from 169.254.170.2 alone."""


class DockerBackend:
    """See compute/backend.py for the contract. Connects to the Engine at the first call that needs it."""

    def __init__(self, options: DockerOptions, mountinfo: str = "") -> None:
        """`mountinfo`: text of /proc/self/mountinfo, for an emulator that runs in a container itself."""
        self._options = options
        self._own_name = find_own_container(mountinfo)
        self._limiter = CapacityLimiter(16)
        self._creations = CapacityLimiter(16)
        self._looks = CapacityLimiter(4)
        self._networks = ClusterNetworks(lambda *making: self._call(self._ensure_network, *making))
        self._reach = (
            None
            if options.server is None
            else Reach(
                lambda: self._api,
                self._limiter,
                options.server,
                lambda: self._own,
                options.has_credentials_address,
            )
        )

    @cached_property
    def _api(self) -> APIClient:
        try:
            return from_env(timeout=CALL_TIMEOUT, max_pool_size=POOL).api
        except (DockerException, OSError) as error:
            raise ConnectionError(
                f"No Docker Engine answers; start one, or set DOCKER_HOST. ({error})"
            ) from error

    @cached_property
    def _own(self) -> OwnContainer | None:
        return find_known(self._api, self._own_name)

    @cached_property
    def _paths(self) -> EnginePaths:
        return find_engine_paths(self._api, self._own_name)

    @cached_property
    def _input_view(self) -> InputView:
        return InputView(self._api, self._options.input_view, self._paths)

    @cached_property
    def _addresses(self) -> ContainerAddresses:
        root = self._options.sidecar_root
        sidecars = Sidecars(self._api, self._own, self._paths, root) if self._own and root else None
        return ContainerAddresses(self._api, self._own, sidecars)

    async def capacity(self) -> Capacity:
        try:
            info = await self._call(self._info)
        except (DockerException, OSError) as error:
            raise ConnectionError(f"The Docker Engine does not answer. ({error})") from error
        return capacity_from_info(info, self._options.gpu_ids)

    def _info(self) -> dict[str, Any]:
        return self._api.info()

    async def shows_mounts(self) -> bool:
        return self._options.input_view != "copy" and is_local_engine(await self._call(self._base_url))

    def _base_url(self) -> str:
        return str(self._api.base_url)

    async def prepare(self, cluster: ClusterSpec) -> None:
        await self._networks.begin(cluster)

    def _ensure_network(self, cluster: ClusterSpec, choose: Choice) -> None:
        ensure_network(self._api, cluster, self._options.installation, self._options.network_pool, choose)

    async def find_image(self, image: str, caller: EcrRegistry) -> ResolvedImage | None:
        candidates = await self._candidates(image, caller)
        try:
            found = await abandonable(lambda: self._finder.find_here(candidates))
            if found is not None or self._options.offline:
                return found
            with anyio.move_on_after(REMOTE_LIMIT):
                return await abandonable(lambda: self._finder.find_remote(candidates))
        except (DockerException, OSError) as error:
            raise ConnectionError(f"The Docker Engine does not answer. ({error})") from error
        return ResolvedImage(image, None, ImageSource.REMOTE)

    async def fetch_image(self, image: str, caller: EcrRegistry) -> ResolvedImage:
        """Nobody can cut a pull short: it goes on alone when this is cancelled."""
        candidates = await self._candidates(image, caller)
        return await abandonable(lambda: self._finder.fetch(image, candidates))

    async def _candidates(self, image: str, caller: EcrRegistry) -> list[ImageCandidate]:
        registry = await self._options.registry() if ImageName.parse(image).registry else None
        return list(self._options.images.candidates(image, caller, registry))

    @property
    def _finder(self) -> ImageFinder:
        return ImageFinder(self._api, self._options.offline)

    async def create(self, cluster: ClusterSpec, instance: InstanceSpec, work_dir: Path) -> None:
        creation = ContainerCreation(self._networks, self._reach, self._options.has_credentials_address)
        # Input may be copied: signals must not wait behind that.
        await creation.run(
            cluster, instance, lambda told: blocking(self._creations, self._create, cluster, told, work_dir)
        )

    def _create(self, cluster: ClusterSpec, instance: InstanceSpec, work_dir: Path) -> None:
        if exists(self._api, cluster.name, instance.host):
            state = self._api.inspect_container(container_name(cluster.name, instance.host))["State"]
            if state["Status"] != "created":
                return
            remove_container(self._api, container_name(cluster.name, instance.host))
        self._finder.require(instance.image)
        labels = cluster_labels(self._options.installation, cluster.name)
        self._input_view.create_container(cluster.name, instance, instance.image, labels, work_dir)
        if any(directory.startswith(OUTPUT) for directory in instance.hidden):
            ContainerFiles(self._api, cluster.name, instance.host).blank_failure_file()

    async def start(self, cluster: str, host: str) -> None:
        await self._call(self._start, container_name(cluster, host))

    def _start(self, name: str) -> None:
        if self._api.inspect_container(name)["State"]["Status"] != "created":
            return
        try:
            self._api.start(name)
        except APIError:
            if self._api.inspect_container(name)["State"]["ExitCode"] not in CANNOT_RUN:
                raise

    async def watch(
        self, cluster: str, host: str, since_ns: int, sink: LogSink, usage: UsageSink | None
    ) -> InstanceExit:
        if self._reach:
            await self._reach.url(await self._call(lambda: network_of(self._api, cluster)))
        try:
            return await ContainerWatch(self._api, cluster, host, since_ns).run(sink, usage)
        except NotFound as error:
            raise container_gone(host) from error

    async def signal(self, cluster: str, host: str, signal: str) -> None:
        await self._call(self._signal, container_name(cluster, host), signal)

    def _signal(self, name: str, signal: str) -> None:
        try:
            self._api.kill(name, signal)
        except NotFound:
            return
        except APIError as error:
            if "is not running" not in str(error.explanation):
                raise

    async def list_files(
        self, cluster: str, host: str, directory: str, only: Collection[str] | None = None
    ) -> Mapping[str, FileState]:
        files = ContainerFiles(self._api, cluster, host)
        return await blocking(self._looks, files.list, directory, only)

    async def put_files(self, cluster: str, host: str, files: Mapping[str, str]) -> None:
        await self._call(ContainerFiles(self._api, cluster, host).put, files)

    @contextmanager
    def archive(self, cluster: str, host: str, path: str) -> Iterator[Iterator[bytes] | None]:
        try:
            stream, _ = self._api.get_archive(container_name(cluster, host), path, chunk_size=2**20)
        except NotFound as error:
            if "no such container" in str(error.explanation).lower():
                raise container_gone(host) from error
            yield None
            return
        try:
            yield stream
        finally:
            stream.close()

    async def address(self, cluster: str, host: str, port: int) -> Address:
        return await self._call(self._find_address, cluster, host, port)

    def _find_address(self, cluster: str, host: str, port: int) -> Address:
        return self._addresses.find(cluster, host, port)

    async def discard(self, cluster: str, host: str) -> None:
        await self._call(lambda: discard_instance(self._api, cluster, host))

    async def destroy(self, cluster: str) -> None:
        await self._networks.settle(cluster)
        if self._reach:
            await self._reach.close(cluster)
        await self._call(self._destroy, cluster)

    def _destroy(self, cluster: str) -> None:
        self._addresses.close(cluster)
        if self._own:
            self._own.leave(cluster)
        destroy_cluster(self._api, cluster)

    async def find(self) -> list[FoundInstance]:
        return await self._call(lambda: find_instances(self._api, self._options.installation))

    async def _call(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await blocking(self._limiter, fn, *args, **kwargs)
