"""All instances of one deployment that run, and their part of the endpoint's route."""

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from emulator.domain.endpoint import Deployment, Endpoint
from emulator.domain.endpoint import Fleet as FleetRecord
from emulator.domain.endpoint_config import ProductionVariant
from emulator.domain.endpoint_failure import not_healthy
from emulator.hosting.endpoint_logs import endpoint_stream
from emulator.hosting.multi_model import make_directories, model_files_of, remove_models
from emulator.hosting.parts import HostingParts
from emulator.hosting.placement import serverless_holder
from emulator.hosting.plan import compile_variant, container_host, deployment_clusters, instance_name
from emulator.hosting.routing import PRIMARY, ContainerRoute, InstanceRoute, VariantRoute, wait_drained
from emulator.hosting.serving_container import ServingContainer
from emulator.hosting.serving_instance import ServingInstance

GIVEN_UP_AFTER = 3
"""Containers that end before they are healthy, one after the other, until a fleet is given up."""

DRAIN_LIMIT, ASYNC_DRAIN_LIMIT = 480.0, 3600.0
"""Seconds that an invocation may take: a response stream (API InvokeEndpointWithResponseStream), or an asynchronous one
(API InvokeEndpointAsync$InvocationTimeoutSeconds)."""


@dataclass(eq=False)
class Fleet:
    endpoint: Endpoint
    deployment: Deployment
    record: FleetRecord
    parts: HostingParts
    tasks: TaskGroup
    on_change: Callable[[], None]
    instances: dict[str, ServingInstance] = field(default_factory=dict, init=False)
    """By name."""
    _scopes: dict[str, anyio.CancelScope] = field(default_factory=dict, init=False)
    _ended: dict[str, anyio.Event] = field(default_factory=dict, init=False)
    _changed: anyio.Event = field(default_factory=anyio.Event, init=False)
    _changing: anyio.Lock = field(default_factory=anyio.Lock, init=False)
    _is_over: bool = field(default=False, init=False)

    async def start(self, variant: ProductionVariant, numbers: range) -> None:
        """Run these instances of the variant; those that run already are taken as they are.

        Nothing is started once the fleet is abandoned.
        """
        async with self._changing:
            if not self._is_over:
                await self._start(variant, numbers)

    async def _start(self, variant: ProductionVariant, numbers: range) -> None:
        cluster = compile_variant(self.endpoint, self.deployment, variant, self.record)
        await self.parts.compute.prepare(cluster)
        specs = {spec.host: spec for spec in cluster.instances}
        model = self.deployment.model(variant)
        for name in (instance_name(variant.variant_name, number) for number in numbers):
            if name in self.instances:
                continue
            hosts = [
                container_host(name, position, len(model.pipeline)) for position in range(len(model.pipeline))
            ]
            await make_directories(self.parts, cluster.name, hosts, model)
            containers = tuple(
                ServingContainer(
                    cluster,
                    specs[host],
                    endpoint_stream(self.endpoint, self.deployment, variant, name, position),
                    self.parts,
                )
                for position, host in enumerate(hosts)
            )
            self._run(
                ServingInstance(name, containers, self._health_seconds(variant), self.parts, self._note)
            )

    async def discard_strays(self) -> None:
        """Remove what a former process was about to add, and its serverless containers: nobody holds their memory."""
        known: dict[str, set[str]] = {}
        for variant in self.deployment.variants:
            cluster = compile_variant(self.endpoint, self.deployment, variant, self.record)
            is_kept = variant.serverless_config is None
            known[cluster.name] = {spec.host for spec in cluster.instances} if is_kept else set()
            self.parts.occupancy.release(serverless_holder(self.endpoint, self.deployment.revision, variant))
        for name, host in await self.parts.compute.find():
            if host and name in known and host not in known[name]:
                await self.parts.compute.discard(name, host)

    def _health_seconds(self, variant: ProductionVariant) -> float:
        return self.parts.ping_seconds(variant.container_startup_health_check_timeout_in_seconds)

    def _run(self, instance: ServingInstance) -> None:
        name = instance.name
        scope, ended = anyio.CancelScope(), anyio.Event()
        self.instances[name], self._scopes[name], self._ended[name] = instance, scope, ended

        async def run() -> None:
            try:
                with scope:
                    await instance.run()
            finally:
                ended.set()

        self.tasks.start_soon(run)

    def _note(self) -> None:
        self._wake_waiting()
        self.on_change()

    def _wake_waiting(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def of(self, variant: ProductionVariant) -> list[ServingInstance]:
        """In the order of their numbers."""
        prefix = f"{variant.variant_name}-"
        found = [each for name, each in self.instances.items() if name.rpartition("-")[0] + "-" == prefix]
        return sorted(found, key=lambda each: int(each.name.rpartition("-")[2]))

    async def await_health(self, variant: ProductionVariant) -> None:
        """Raises JobFailure with AWS's text where an instance is not healthy in time."""
        with anyio.move_on_after(self._health_seconds(variant)):
            while any(each.route is None for each in self.of(variant)):
                lost = next((each for each in self.of(variant) if each.deaths >= GIVEN_UP_AFTER), None)
                if lost is not None:
                    raise not_healthy(variant.variant_name, lost.fault)
                await self._changed.wait()
            return
        raise not_healthy(variant.variant_name, None)

    def route(self, variant: ProductionVariant, weight: float) -> VariantRoute:
        return VariantRoute(
            name=variant.variant_name,
            weight=weight,
            containers=container_routes(self.parts, self.endpoint, self.deployment, variant),
            instances=tuple(each.route for each in self.of(variant) if each.route is not None),
            is_direct=self.deployment.model(variant).is_direct,
        )

    def routes(self) -> list[InstanceRoute]:
        return [each.route for each in self.instances.values() if each.route is not None]

    def close(self) -> None:
        """Begin nothing more, not even what a stateful session asks for."""
        for route in self.routes():
            route.is_in_service = False

    async def drain(self, routes: list[InstanceRoute]) -> None:
        """They begin nothing more; return when they have answered, or should have."""
        for route in routes:
            route.is_in_service = False
        await wait_drained(routes, drain_seconds(self.deployment))

    async def stop(self, names: list[str]) -> None:
        """SIGTERM, grace, and gone. Their requests have ended, or are lost."""
        await self._end(await self._release(names))

    async def _end(self, gone: list[ServingInstance]) -> None:
        async with anyio.create_task_group() as group:
            for instance in gone:
                group.start_soon(instance.stop, self.parts.stop_grace)

    async def abandon(self) -> list[ServingInstance]:
        """Look after nothing any more; the containers stay. Returns those that it looked after."""
        with anyio.CancelScope(shield=True):
            async with self._changing:
                self._is_over = True
                released = await self._release(list(self.instances))
        self._wake_waiting()
        return released

    async def _release(self, names: list[str]) -> list[ServingInstance]:
        """Returns when nothing is under way: a container that was just being made would outlive its removal."""
        for name in names:
            self._scopes.pop(name).cancel()
        released = [self.instances.pop(name) for name in names]
        for name in names:
            await self._ended.pop(name).wait()
        return released

    async def retire(self) -> None:
        """SIGTERM, grace, and nothing of the deployment is left on the backend. It may be called again."""
        await self._end(await self.abandon())
        await destroy_clusters(self.endpoint, self.deployment, self.parts)


def container_routes(
    parts: HostingParts, endpoint: Endpoint, deployment: Deployment, variant: ProductionVariant
) -> tuple[ContainerRoute, ...]:
    model = deployment.model(variant)
    if len(model.pipeline) == 1:
        return (ContainerRoute(PRIMARY, model_files_of(parts, endpoint, deployment, variant)),)
    return tuple(ContainerRoute(model.container_name(position)) for position in range(len(model.pipeline)))


def drain_seconds(deployment: Deployment) -> float:
    """How long what was begun may go on."""
    return DRAIN_LIMIT if deployment.request.async_inference_config is None else ASYNC_DRAIN_LIMIT


async def destroy_clusters(endpoint: Endpoint, deployment: Deployment, parts: HostingParts) -> None:
    for cluster in deployment_clusters(endpoint, deployment):
        await parts.compute.destroy(cluster)
        await remove_models(parts, cluster)
