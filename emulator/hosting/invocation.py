"""From an endpoint's name to a container's answer: variant, instance, the pipeline's containers one after the other."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

import anyio

from emulator.domain.arn import ResourceKey
from emulator.hosting.container_client import ContainerAnswer, ContainerClient
from emulator.hosting.container_message import ContainerFault, ContainerUnreachable
from emulator.hosting.container_pipeline import ContainerPipeline
from emulator.hosting.data_capture import Capture, DataCapture
from emulator.hosting.invocation_errors import (
    InvocationError,
    endpoint_not_found,
    model_error,
    service_unavailable,
    throttled,
    variant_not_found,
)
from emulator.hosting.invocation_metrics import InvocationMetrics, Invoked
from emulator.hosting.invocation_request import (
    CLOSED_SESSION_ID,
    NEW_SESSION_ID,
    InvocationRequest,
    require_emulated,
    require_targets,
)
from emulator.hosting.loaded_models import LoadedModels
from emulator.hosting.routing import (
    EndpointRoute,
    InstanceRoute,
    InstanceUnavailable,
    RoutingTable,
    VariantRoute,
)
from emulator.hosting.stateful_sessions import StatefulSessions

WAKE_ATTEMPTS, WAKE_PAUSE = 100, 0.05
"""How often, and how many seconds apart, a serverless variant is looked at that says it is awake."""


RELIEF = 4
"""Requests in flight that an instance with the model has more than another one; AWS's number is not established."""


class ModelAnswer(NamedTuple):
    variant: str
    container: str
    """The last one, whose answer it is."""
    answer: ContainerAnswer


Respond = Callable[[ModelAnswer], Awaitable[None]]
"""Pass a successful answer on, to its end. What it raises ends the invocation; ContainerFault counts as the model's."""


@dataclass
class _Trace:
    invoked: Invoked
    answers: list[ContainerAnswer] = field(default_factory=list)
    began: float = field(default_factory=perf_counter)


class Invoker:
    def __init__(
        self,
        table: RoutingTable,
        client: ContainerClient,
        models: LoadedModels,
        metrics: InvocationMetrics,
        capture: DataCapture,
    ) -> None:
        self._table = table
        self._client = client
        self._models = models
        self._metrics = metrics
        self._capture = capture
        self._sessions = StatefulSessions()

    def route_of(self, request: InvocationRequest) -> EndpointRoute:
        """Raises ServiceError."""
        route = self._table.find(request.key)
        if route is None:
            raise endpoint_not_found(request.key.name, request.key.account_id)
        return route

    async def invoke(self, request: InvocationRequest, respond: Respond) -> None:
        """Raises ServiceError, CallerGone, or ContainerFault where the answer broke off while it was passed on."""
        route = self.route_of(request)
        require_emulated(request)
        variant = self._variant(request, route)
        require_targets(request, route, variant)
        traffic = self._table.traffic(request.key, variant.name)
        if variant.max_concurrency is not None and traffic.outstanding >= variant.max_concurrency:
            raise throttled(
                f"Endpoint {request.key.name} serves {variant.max_concurrency} requests at a time."
            )
        capture = self._capture.begin(request, route, variant)
        with traffic.serving():
            if capture is None:
                await self._measured(request, variant, respond)
                return
            with capture.watching(request.body):
                await self._measured(request, variant, _seeing(capture, respond))

    def _variant(self, request: InvocationRequest, route: EndpointRoute) -> VariantRoute:
        wanted = request.text("TargetVariant")
        if wanted is not None:
            variant = route.variant(wanted)
            if variant is None:
                raise variant_not_found(wanted, request.key.name)
            return variant
        held = self._sessions.find(request.key, request.text("SessionId"))
        for variant in route.variants:
            if held in variant.instances:
                return variant
        chosen = self._table.choose(request.key)
        if chosen is None:
            raise service_unavailable("No variant of the endpoint has a weight above 0.")
        return chosen

    async def _measured(self, request: InvocationRequest, variant: VariantRoute, respond: Respond) -> None:
        trace = _Trace(Invoked(request.key, variant.name, len(variant.instances)))
        try:
            await self._on_some_instance(request, variant, trace, respond)
        except (InvocationError, ContainerFault) as error:
            self._record(trace, error_status(error))
            raise
        self._record(trace)

    def _record(self, trace: _Trace, error_status: int = 0) -> None:
        invoked = trace.invoked
        invoked.error_status = error_status
        if trace.answers:
            invoked.model_seconds = sum([answer.seconds for answer in trace.answers])
        invoked.total_seconds = perf_counter() - trace.began
        self._metrics.record(invoked)

    async def _on_some_instance(
        self, request: InvocationRequest, variant: VariantRoute, trace: _Trace, respond: Respond
    ) -> None:
        """An instance that cannot be reached has seen nothing of the request, so another one is asked."""
        unreachable: set[InstanceRoute] = set()
        while True:
            place = await self._place(request, variant, unreachable)
            if place is None:
                name = variant.containers[0].name
                raise model_error(request.key, name, 0, f"Unable to connect to container {name}.")
            current, instance = place
            pipeline = ContainerPipeline(self._client, self._models, request, instance, trace.answers)
            try:
                with instance.serving():
                    answer = await pipeline.ask(current)
                    self.note_sessions(request.key, instance, answer)
                    await respond(ModelAnswer(current.name, current.containers[-1].name, answer))
                return
            except ContainerUnreachable:
                unreachable.add(instance)
            finally:
                pipeline.end()

    async def _place(
        self, request: InvocationRequest, began_with: VariantRoute, unreachable: set[InstanceRoute]
    ) -> tuple[VariantRoute, InstanceRoute] | None:
        """The variant as it is now, which may have changed since the request began, and one of its instances.

        None where all were tried. Raises ServiceError where there is none at all.
        """
        for attempt in range(WAKE_ATTEMPTS):
            variant = self._now(request.key, began_with)
            chosen = self._choose(request, variant, unreachable)
            if chosen is not None:
                return variant, chosen
            if unreachable:
                return None
            if variant.wake is None:
                raise service_unavailable("No instance of the endpoint is in service. Try your call again.")
            if attempt:
                await anyio.sleep(WAKE_PAUSE)
            try:
                await variant.wake()
            except InstanceUnavailable as fault:
                if self._now(request.key, variant).wake == variant.wake:
                    raise model_error(request.key, variant.containers[0].name, 0, str(fault)) from fault
        raise service_unavailable("No instance of the endpoint could be started. Try your call again.")

    def _now(self, key: ResourceKey, variant: VariantRoute) -> VariantRoute:
        route = self._table.find(key)
        return (route.variant(variant.name) if route else None) or variant

    def _choose(
        self, request: InvocationRequest, variant: VariantRoute, unreachable: set[InstanceRoute]
    ) -> InstanceRoute | None:
        held = self._sessions.find(request.key, request.text("SessionId"))
        if held in variant.instances and held not in unreachable:
            return held
        target = request.text("TargetModel")
        if target is not None:
            without = {each for each in variant.instances if not self._models.has(each, target)}
            loaded, idlest = variant.choose(without | unreachable), variant.choose(unreachable)
            if loaded is not None and idlest is not None and not _is_busy(loaded, idlest):
                return loaded
        return variant.choose(unreachable)

    def note_sessions(self, key: ResourceKey, instance: InstanceRoute, answer: ContainerAnswer) -> None:
        opened, closed = answer.headers.get(NEW_SESSION_ID), answer.headers.get(CLOSED_SESSION_ID)
        if opened or closed:
            self._sessions.note(key, instance, opened, closed)


def _is_busy(loaded: InstanceRoute, idlest: InstanceRoute) -> bool:
    """Whether another instance is to load the model, too (DG multi-model-endpoints)."""
    return loaded.outstanding - idlest.outstanding >= RELIEF


def error_status(error: InvocationError | ContainerFault) -> int:
    """What an invocation that failed counts as: 4xx or 5xx."""
    status = error.members["OriginalStatusCode"] if isinstance(error, InvocationError) else 0
    return int(status) or 500


def _seeing(capture: Capture, respond: Respond) -> Respond:
    async def seen(found: ModelAnswer) -> None:
        capture.see_answer(found.answer)
        await respond(found)

    return seen
