"""Settings -> parts: which implementation of each seam this emulator has."""

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from emulator.clock import Clock
from emulator.compute.backend import ComputeBackend
from emulator.compute.docker import DockerBackend, DockerOptions
from emulator.compute.docker_registry import ContainerOptions, RegistryContainer
from emulator.compute.image_aliases import read_image_aliases
from emulator.data_dir import DataDir
from emulator.domain.ecr import RegistryAddress
from emulator.domain.image_source import ImageSearch
from emulator.domain.placement import PlacementPolicy
from emulator.embedded_s3.server import EmbeddedS3
from emulator.events.event_feed import EventFeed
from emulator.hosting.parts import HostingParts
from emulator.hosting.routing import RoutingTable
from emulator.hosting.runtime import Runtime, RuntimeParts
from emulator.logs.log_store import LogStore
from emulator.metrics.metric_store import MetricStore
from emulator.moto_services.services import Roles
from emulator.objects.object_store import ObjectStore
from emulator.objects.pass_through import PassThrough
from emulator.objects.s3 import S3ObjectStore
from emulator.operations.registry import EcrParts, Parts
from emulator.registry.local_registry import LocalRegistry, NamedRegistry, OwnRegistry
from emulator.registry.process import RegistryProcess
from emulator.settings import PREFIX, MemorySize, Settings
from emulator.sqlite import Database
from emulator.store.algorithms import AlgorithmStore
from emulator.store.changes import Changes
from emulator.store.event_positions import EventPositionStore
from emulator.store.hosting_stores import HostingStores
from emulator.store.tags import TagStore
from emulator.store.training_jobs import TrainingJobStore
from emulator.training.parts import TrainingParts
from emulator.virtual_host import is_loopback

MakeBucket = Callable[[str], Awaitable[None]]


def open_databases(data_dir: DataDir) -> tuple[Database, Database, Database]:
    """State, log events and metrics: a file each, because SQLite locks per file."""
    names = (("state", "store"), ("logs", "logs"), ("metrics", "metrics"))
    state, logs, metrics = (
        Database(data_dir.path / f"{file}.db", f"emulator.{package}.migrations") for file, package in names
    )
    return state, logs, metrics


def build_s3(
    settings: Settings, data_dir: DataDir, clock: Clock
) -> tuple[EmbeddedS3 | PassThrough, ObjectStore, MakeBucket]:
    """The S3 behind our port, the same as the job plane sees it, and what makes buckets in it."""
    if settings.s3_endpoint_url is None:
        embedded = EmbeddedS3(data_dir.path / "s3", clock, settings.region, settings.account_id)
        own = {"account_id": settings.account_id, "region": settings.region}
        return embedded, embedded.objects, partial(embedded.create_bucket, **own)
    secret = settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else ""
    credentials = (settings.s3_endpoint_url, settings.s3_access_key or "", secret, settings.region)
    objects = S3ObjectStore(*credentials)
    return PassThrough(*credentials, settings.account_id), objects, objects.create_bucket


def build_registry(settings: Settings, data_dir: DataDir) -> LocalRegistry:
    if settings.registry is not None:
        url = settings.registry_url or f"http://{settings.registry}"
        return NamedRegistry(RegistryAddress(settings.registry, url.rstrip("/")))
    root, image = data_dir.path / "registry", settings.registry_image
    program = shutil.which("docker-registry")
    container = ContainerOptions(data_dir.installation, image, settings.offline, root)
    launchers = [RegistryProcess(Path(program), root)] if program else []
    advice = (
        "Install docker-registry (in Debian and Ubuntu the package of that name), pull the image "
        f"{image} on the Docker Engine, or name a registry with {PREFIX}REGISTRY."
    )
    return OwnRegistry([*launchers, RegistryContainer(container, read_mountinfo())], root, advice)


def build_image_search(settings: Settings) -> ImageSearch:
    ports = {settings.port, settings.published_port or settings.port}
    hosts = {"localhost", "127.0.0.1", "[::1]", settings.host}
    addresses = frozenset(f"{host}:{port}" for host in hosts for port in ports)
    return ImageSearch(addresses, read_image_aliases(settings.image_aliases))


def public_address(settings: Settings) -> str:
    """Where Docker reaches us; by the name of localhost it needs no TLS."""
    is_here = is_loopback(settings.host) or settings.host in ("0.0.0.0", "::")  # noqa: S104
    return f"{'localhost' if is_here else settings.host}:{settings.published_port or settings.port}"


def read_mountinfo() -> str:
    mountinfo = Path("/proc/self/mountinfo")
    return mountinfo.read_text(encoding="utf-8") if mountinfo.exists() else ""


def build_compute(
    settings: Settings, data_dir: DataDir, registry: LocalRegistry, search: ImageSearch
) -> DockerBackend:
    async def registry_address() -> str | None:
        found = await registry.find()
        return found.engine if found else None

    options = DockerOptions(
        installation=data_dir.installation,
        network_pool=settings.network_pool,
        registry=registry_address,
        images=search,
        offline=settings.offline,
        gpu_ids=settings.gpu_ids,
        input_view=settings.input_view,
        server=(settings.host, settings.port),
        sidecar_root=data_dir.path / "sidecars",
        has_credentials_address=settings.credentials_address,
    )
    return DockerBackend(options, read_mountinfo())


def build_policy(settings: Settings) -> PlacementPolicy:
    return PlacementPolicy(
        memory_budget=MemorySize(settings.memory_budget).of,
        reserved_bytes=MemorySize(settings.reserved_memory).bytes,
        reserved_fraction=settings.reserved_memory_percent / 100,
        memory=settings.memory_policy,
        gpu=settings.gpu_policy,
    )


def build_events(settings: Settings, state: Database, training: TrainingParts) -> EventFeed:
    positions = EventPositionStore(state)
    return EventFeed(settings.events_url, positions, training.store.progressed, settings.time_scale)


@dataclass(frozen=True)
class Surroundings:
    """What a caller may have chosen, or what others share."""

    objects: ObjectStore
    compute: ComputeBackend
    clock: Clock
    changes: Changes


def build_training(
    settings: Settings,
    data_dir: DataDir,
    databases: tuple[Database, Database, Database],
    around: Surroundings,
) -> TrainingParts:
    state, log_events, metrics = databases
    return TrainingParts(
        store=TrainingJobStore(state, around.changes),
        objects=around.objects,
        logs=LogStore(log_events),
        metrics=MetricStore(metrics),
        compute=around.compute,
        clock=around.clock,
        work_root=data_dir.path / "work",
        file_systems=settings.file_systems,
        time_scale=settings.time_scale,
        spot_interruptions=settings.interruption_schedule,
    )


def build_hosting(
    settings: Settings, data_dir: DataDir, training: TrainingParts, stores: HostingStores
) -> HostingParts:
    """What serves models, on the same machine as what trains them."""
    return HostingParts(
        endpoints=stores.endpoints,
        objects=training.objects,
        logs=training.logs,
        compute=training.compute,
        clock=training.clock,
        occupancy=training.occupancy,
        policy=build_policy(settings),
        routes=RoutingTable(),
        work_root=data_dir.path / "hosting",
        time_scale=settings.time_scale,
    )


def build_runtime(
    settings: Settings, hosting: HostingParts, metrics: MetricStore, stores: HostingStores
) -> Runtime:
    parts = RuntimeParts(
        routes=hosting.routes,
        objects=hosting.objects,
        metrics=metrics,
        async_invocations=stores.async_invocations,
        clock=hosting.clock,
        default_account=settings.account_id,
        default_region=settings.region,
    )
    return Runtime(parts)


def build_parts(
    settings: Settings,
    training: TrainingParts,
    stores: tuple[Database, HostingStores],
    roles: Roles,
    ecr: EcrParts,
) -> Parts:
    """What handlers share with the planes, and what is theirs alone."""
    state, hosting = stores
    return Parts(
        training.store,
        TagStore(state),
        training.logs,
        training.objects,
        training.clock,
        settings.instance_quota,
        roles,
        file_systems=settings.file_systems,
        algorithms=AlgorithmStore(state),
        metrics=training.metrics,
        occupancy=training.occupancy,
        find_image=training.compute.find_image,
        ecr=ecr,
        hosting=hosting,
    )
