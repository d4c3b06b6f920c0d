"""Where invocations go: what the hosting plane knows of running endpoints, in memory.

The seam between the plane, which fills the table, and the request path, which reads it and touches no SQLite, but for
InvokeEndpointAsync:

- `EndpointRoute` and `VariantRoute` are values: whatever changes, the plane sets a new route, which replaces the old
  one at once for every request that comes after. A request keeps the route that it began with.
- `InstanceRoute` is an object that lives as long as its containers. The plane puts the same one into every route that
  has the instance, because it counts the requests in flight.
- To take instances away: set a route without them (or `is_in_service = False`, which needs no new route), await
  `wait_drained`, then stop the containers. No request that began before fails, and none begins.
- To bring a new fleet in: set the route with it when it is healthy.
- An endpoint without a route is not found, also while it is created: AWS says the same of both.
- An endpoint that is deleted, or reset, goes by `delete_endpoint`: one that merely has no route now may get it back,
  and what waits for it waits on.

Everything here is for the event loop's thread alone.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from time import monotonic
from typing import Any, NamedTuple, Protocol, Self

import anyio

from emulator.domain.arn import ResourceKey
from emulator.domain.endpoint_config import AsyncInferenceConfig

PRIMARY = "primary"
"""What AWS calls the container of a model that has only one."""

AVOIDANCE = 1.0
"""Seconds; by then the backend has told of a container that ended."""

_turns = count(1)


class InstanceUnavailable(Exception):  # noqa: N818 - the text is the caller's
    """No instance could be started. Its text is one sentence for the caller."""


@dataclass(eq=False)
class InstanceRoute:
    """One running instance of a variant."""

    host: str
    """`<variant>-<number>`, as the placement and the log stream have it."""
    urls: tuple[str, ...]
    """`http://address:port` of each container in the pipeline's order; no path, no slash at the end."""
    is_in_service: bool = True
    outstanding: int = field(default=0, init=False)
    """Requests in flight."""
    turn: int = field(default=0, init=False)
    """Grows: the instance that waits longest for a request has the lowest."""
    loaded: dict[str, str] = field(default_factory=dict, init=False)
    """Multi-model: TargetModel -> the name that its container knows it by; the least recently used is the first."""
    _drained: anyio.Event | None = field(default=None, init=False)
    _avoided_until: float = field(default=0.0, init=False)

    def avoid(self) -> None:
        """For a moment others are asked first: one of its containers takes no connection, and may be dying."""
        self._avoided_until = monotonic() + AVOIDANCE

    @property
    def is_avoided(self) -> bool:
        return self._avoided_until > 0 and self._avoided_until > monotonic()

    def serving(self) -> Self:
        """For a `with` around one request, from its choice to the last byte of its answer."""
        return self

    def __enter__(self) -> None:
        self.outstanding += 1
        self.turn = next(_turns)

    def __exit__(self, *_: object) -> None:
        self.outstanding -= 1
        if self.outstanding == 0 and self._drained is not None:
            self._drained.set()
            self._drained = None

    async def drained(self) -> None:
        """Return when no request is in flight."""
        while self.outstanding:
            self._drained = self._drained or anyio.Event()
            await self._drained.wait()


class ModelFiles(Protocol):
    """The files of a multi-model container, which the plane brings to the instance."""

    async def load(self, instance: InstanceRoute, target_model: str) -> str:
        """Fetch and extract `<ModelDataUrl prefix>/<target_model>`; the directory in the container, such as
        `/opt/ml/models/<id>/model`. Again for the same model: the same directory, and nothing is fetched twice.

        Raises ServiceError, made by `invocation_errors.model_data_missing` where S3 has no such object.
        """

    async def delete(self, instance: InstanceRoute, target_model: str) -> None:
        """The container has unloaded the model: its files may go. No fault where they are gone."""


class ContainerRoute(NamedTuple):
    """What all instances of a variant have in common of one container."""

    name: str = PRIMARY
    """For messages: ContainerHostname, or `container-1` and so on in a pipeline."""
    model_files: ModelFiles | None = None
    """For a container of Mode MultiModel."""


@dataclass(frozen=True, kw_only=True)
class VariantRoute:
    """A production variant that takes requests."""

    name: str
    weight: float = 1.0
    containers: tuple[ContainerRoute, ...] = (ContainerRoute(),)
    """In the pipeline's order."""
    instances: tuple[InstanceRoute, ...] = ()
    is_direct: bool = False
    """InferenceExecutionConfig.Mode Direct: each request names one container, by `containers[].name`."""
    max_concurrency: int | None = None
    """Serverless: requests at a time, more are throttled."""
    wake: Callable[[], Awaitable[None]] | None = None
    """Serverless: return when the endpoint's route has an instance of this variant in service. Called by many requests
    at once, and again by each whose instance went away before it was reached. Raises InstanceUnavailable.

    It also returns, at once and again and again, where the deployment of this variant takes no traffic any more: look
    the variant up anew, and wake that one. A caller may be cancelled here; the start goes on without it."""

    @property
    def is_serverless(self) -> bool:
        return self.wake is not None

    @property
    def is_plain(self) -> bool:
        """One container an instance, and nothing about it that a request or its answer could concern."""
        is_single = len(self.containers) == 1 and self.containers[0].model_files is None
        return is_single and not self.is_direct and not self.is_serverless and self.max_concurrency is None

    def choose(self, besides: Iterable[InstanceRoute] = ()) -> InstanceRoute | None:
        """The instance in service with the fewest requests in flight, in turn among equals; None where there is none.

        `besides` are out of the question: the ones that this request could not reach.
        """
        left_out = set(besides)
        able = [each for each in self.instances if each.is_in_service and each not in left_out]
        return min(able, key=lambda each: (each.is_avoided, each.outstanding, each.turn), default=None)


@dataclass(frozen=True, kw_only=True)
class EndpointRoute:
    """An endpoint that is in service."""

    arn: str
    variants: tuple[VariantRoute, ...]
    async_config: AsyncInferenceConfig | None = None
    data_capture: Mapping[str, Any] | None = None
    """DataCaptureConfig, in wire casing."""

    @cached_property
    def is_plain(self) -> bool:
        """Whether invocations need no more than a variant, an instance and its container."""
        is_watched = self.async_config is not None or self.data_capture is not None
        return not is_watched and all(each.is_plain for each in self.variants)

    def variant(self, name: str) -> VariantRoute | None:
        return next((each for each in self.variants if each.name == name), None)


@dataclass(eq=False)
class Traffic:
    """Requests of one variant, which outlives its routes."""

    outstanding: int = 0
    """In flight, those that wait for an instance included."""
    last_at: float = 0.0
    """When the latest one began or ended, in seconds of `time.monotonic`."""
    credit: float = 0.0
    """What the variant is behind its share by; for `RoutingTable.choose`."""

    def serving(self) -> Self:
        """For a `with` around one request."""
        return self

    def __enter__(self) -> None:
        self.outstanding += 1
        self.last_at = monotonic()

    def __exit__(self, *_: object) -> None:
        self.outstanding -= 1
        self.last_at = monotonic()

    def is_idle(self, seconds: float) -> bool:
        """Whether a serverless variant had nothing to do for that long."""
        return self.outstanding == 0 and monotonic() - self.last_at >= seconds


class RouteWatcher(Protocol):
    """Who has requests that wait for an endpoint."""

    def route_changed(self, key: ResourceKey) -> None:
        """Called after it."""

    async def endpoint_deleted(self, key: ResourceKey) -> None:
        """Forget its requests; return when nothing is done for them any more."""


class RoutingTable:
    def __init__(self) -> None:
        self._routes: dict[ResourceKey, EndpointRoute] = {}
        self._traffic: dict[ResourceKey, dict[str, Traffic]] = {}
        self._watchers: list[RouteWatcher] = []

    def watch(self, watcher: RouteWatcher) -> None:
        self._watchers.append(watcher)

    def set_endpoint(self, key: ResourceKey, route: EndpointRoute | None) -> None:
        """From now on requests see this route; None for an endpoint that takes none."""
        if route is None:
            self._routes.pop(key, None)
            self._traffic.pop(key, None)
        else:
            self._routes[key] = route
            kept = self._traffic.setdefault(key, {})
            for name in kept.keys() - {each.name for each in route.variants}:
                del kept[name]
        for watcher in self._watchers:
            watcher.route_changed(key)

    async def delete_endpoint(self, key: ResourceKey) -> None:
        """It takes no requests any more, and will not again. Returns when nothing is done for those that waited."""
        self.set_endpoint(key, None)
        for watcher in self._watchers:
            await watcher.endpoint_deleted(key)

    def find(self, key: ResourceKey) -> EndpointRoute | None:
        return self._routes.get(key)

    def traffic(self, key: ResourceKey, variant: str) -> Traffic:
        """The same object until the endpoint or the variant goes."""
        return self._traffic.setdefault(key, {}).setdefault(variant, Traffic())

    def choose(self, key: ResourceKey) -> VariantRoute | None:
        """The variant that is furthest behind its share of the weights, so that any 10 requests to weights 9 and 1 are
        9 and 1. None where no weight is above 0. A request with TargetVariant doesn't ask.
        """
        chosen = self.next(key)
        if chosen is not None:
            self.note_choice(key, chosen)
        return chosen

    def next(self, key: ResourceKey) -> VariantRoute | None:
        """What `choose` would choose."""
        weighed = self._weighed(key)
        if len(weighed) < 2:
            return weighed[0] if weighed else None
        return max(weighed, key=lambda each: self.traffic(key, each.name).credit + each.weight)

    def note_choice(self, key: ResourceKey, chosen: VariantRoute) -> None:
        """The variant takes a request: its share is used, the others' grow."""
        weighed = self._weighed(key)
        if len(weighed) < 2:
            return
        for each in weighed:
            self.traffic(key, each.name).credit += each.weight
        self.traffic(key, chosen.name).credit -= sum(each.weight for each in weighed)

    def _weighed(self, key: ResourceKey) -> list[VariantRoute]:
        route = self._routes.get(key)
        return [each for each in route.variants if each.weight > 0] if route else []


async def wait_drained(instances: Iterable[InstanceRoute], limit: float) -> bool:
    """Whether all of them answered their last request within `limit` seconds."""
    with anyio.move_on_after(limit) as scope:
        for instance in instances:
            await instance.drained()
    return not scope.cancelled_caught
