"""From an endpoint's name to a container's answer: variant, instance, the pipeline's containers one after the other."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

import anyio

from emulator.domain.errors import ServiceError
from emulator.hosting.container_client import (
    ContainerAnswer,
    ContainerClient,
    ContainerFault,
    ContainerUnreachable,
)
from emulator.hosting.data_capture import Capture, DataCapture
from emulator.hosting.invocation_body import InvocationBody
from emulator.hosting.invocation_errors import (
    ORIGINAL_MESSAGE_LIMIT,
    InvocationError,
    container_not_found,
    endpoint_not_found,
    model_error,
    service_unavailable,
    throttled,
    timed_out,
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
from emulator.hosting.loaded_models import LoadedModels, Place
from emulator.hosting.routing import (
    ContainerRoute,
    EndpointRoute,
    InstanceRoute,
    InstanceUnavailable,
    RoutingTable,
    VariantRoute,
)
from emulator.hosting.stateful_sessions import StatefulSessions

WAKE_ATTEMPTS, WAKE_PAUSE = 100, 0.05
"""How often, and how many seconds apart, a serverless variant is looked at that says it is awake."""


class ModelAnswer(NamedTuple):
    variant: str
    answer: ContainerAnswer


Respond = Callable[[ModelAnswer], Awaitable[None]]
"""Pass a successful answer on, to its end. What it raises ends the invocation; ContainerFault counts as the model's."""


@dataclass
class _Trace:
    invoked: Invoked
    answers: list[ContainerAnswer] = field(default_factory=list)


class _Stage(NamedTuple):
    """One container of the pipeline on the chosen instance."""

    container: ContainerRoute
    url: str
    is_last: bool


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
        with traffic.serving():
            async with (
                self._measured(request, variant) as trace,
                self._captured(request, route, variant) as seen,
            ):
                await self._on_some_instance(request, variant, trace, _seeing(seen, respond))

    def _variant(self, request: InvocationRequest, route: EndpointRoute) -> VariantRoute:
        wanted = request.text("TargetVariant")
        if wanted is not None:
            variant = route.variant(wanted)
            if variant is None:
                raise variant_not_found(wanted, request.key.name)
            return variant
        chosen = self._table.choose(request.key)
        if chosen is None:
            raise service_unavailable("No variant of the endpoint has a weight above 0.")
        return chosen

    @asynccontextmanager
    async def _measured(self, request: InvocationRequest, variant: VariantRoute) -> AsyncIterator[_Trace]:
        trace, began = _Trace(Invoked(request.key, variant.name)), perf_counter()
        try:
            yield trace
        except ServiceError as error:
            if not isinstance(error, InvocationError):
                raise
            trace.invoked.error_status = int(error.members["OriginalStatusCode"]) or 500
            self._record(trace, began)
            raise
        except ContainerFault:
            trace.invoked.error_status = 500
            self._record(trace, began)
            raise
        else:
            self._record(trace, began)

    def _record(self, trace: _Trace, began: float) -> None:
        if trace.answers:
            trace.invoked.model_seconds = sum(answer.seconds for answer in trace.answers)
        trace.invoked.total_seconds = perf_counter() - began
        self._metrics.record(trace.invoked)

    @asynccontextmanager
    async def _captured(
        self, request: InvocationRequest, route: EndpointRoute, variant: VariantRoute
    ) -> AsyncIterator[Capture | None]:
        capture = self._capture.begin(request, route, variant)
        if capture is None:
            yield None
            return
        capture.see_input(request.body)
        is_success = False
        try:
            yield capture
            is_success = True
        finally:
            capture.finish(is_success)

    async def _on_some_instance(
        self, request: InvocationRequest, variant: VariantRoute, trace: _Trace, respond: Respond
    ) -> None:
        """An instance that cannot be reached has seen nothing of the request, so another one is asked."""
        unreachable: set[InstanceRoute] = set()
        while True:
            instance = await self._instance(request, variant, unreachable)
            if instance is None:
                name = variant.containers[0].name
                raise model_error(request.key, name, 0, f"Unable to connect to container {name}.")
            try:
                with instance.serving():
                    return await self._ask(request, variant, instance, trace, respond)
            except ContainerUnreachable:
                unreachable.add(instance)

    async def _instance(
        self, request: InvocationRequest, variant: VariantRoute, unreachable: set[InstanceRoute]
    ) -> InstanceRoute | None:
        """None where all were tried. Raises ServiceError where there is none at all."""
        for _ in range(WAKE_ATTEMPTS):
            chosen = self._choose(request, variant, unreachable)
            if chosen is not None:
                return chosen
            if unreachable:
                return None
            if variant.wake is None:
                raise service_unavailable("No instance of the endpoint is in service. Try your call again.")
            try:
                await variant.wake()
            except InstanceUnavailable as fault:
                raise model_error(request.key, variant.containers[0].name, 0, str(fault)) from fault
            if self._choose(request, variant, unreachable) is None:
                await anyio.sleep(WAKE_PAUSE)
        raise service_unavailable("No instance of the endpoint could be started. Try your call again.")

    def _choose(
        self, request: InvocationRequest, began_with: VariantRoute, unreachable: set[InstanceRoute]
    ) -> InstanceRoute | None:
        """Of the variant as it is now: its instances may have changed since the request began."""
        held = self._sessions.find(request.key, request.text("SessionId"))
        if held is not None and held not in unreachable:
            return held
        route = self._table.find(request.key)
        variant = (route.variant(began_with.name) if route else None) or began_with
        target = request.text("TargetModel")
        if target is not None:
            without = {each for each in variant.instances if not self._models.has(each, target)}
            loaded = variant.choose(without | unreachable)
            if loaded is not None:
                return loaded
        return variant.choose(unreachable)

    async def _ask(
        self,
        request: InvocationRequest,
        variant: VariantRoute,
        instance: InstanceRoute,
        trace: _Trace,
        respond: Respond,
    ) -> None:
        stages = _stages(request, variant, instance)
        async with AsyncExitStack() as stack:
            body, content_type, before = request.body, None, ""
            for stage in stages:
                answer = await self._pass(request, stage, instance, (body, content_type, before), stack)
                trace.answers.append(answer)
                if not answer.is_success:
                    raise await _refused(request, stage, answer)
                body = InvocationBody(answer.chunks(), answer.length, answer.content)
                content_type, before = answer.headers.get("Content-Type"), stage.container.name
            headers = answer.headers
            self._sessions.note(
                request.key, instance, headers.get(NEW_SESSION_ID), headers.get(CLOSED_SESSION_ID)
            )
            await respond(ModelAnswer(variant.name, answer))

    async def _pass(
        self,
        request: InvocationRequest,
        stage: _Stage,
        instance: InstanceRoute,
        given: tuple[InvocationBody, str | None, str],
        stack: AsyncExitStack,
    ) -> ContainerAnswer:
        """`given`: what the container before it answered, with its content type and name."""
        body, content_type, before = given
        path = "/invocations"
        name = stage.container.name
        try:
            if stage.container.model_files is not None:
                place = Place(request.key, instance, stage.container, stage.url)
                path = await stack.enter_async_context(
                    self._models.using(place, str(request.members["TargetModel"]))
                )
            headers = request.container_headers(stage.is_last, content_type)
            sending = self._client.send("POST", stage.url + path, headers, body, request.limit)
            return await stack.enter_async_context(sending)
        except ContainerFault as fault:
            if isinstance(fault, ContainerUnreachable) and not before:
                raise
            culprit = before if fault is body.fault else name
            text = timed_out(culprit) if fault.is_timeout else str(fault)
            raise model_error(request.key, culprit, 0, text) from fault


def _stages(request: InvocationRequest, variant: VariantRoute, instance: InstanceRoute) -> list[_Stage]:
    pairs = list(zip(variant.containers, instance.urls, strict=True))
    if variant.is_direct:
        wanted = request.text("TargetContainerHostname")
        pairs = [pair for pair in pairs if pair[0].name == wanted]
        if not pairs:
            raise container_not_found(str(wanted), request.key.name)
    return [_Stage(*pair, position == len(pairs)) for position, pair in enumerate(pairs, start=1)]


async def _refused(request: InvocationRequest, stage: _Stage, answer: ContainerAnswer) -> ServiceError:
    start, is_whole = await answer.read_start(ORIGINAL_MESSAGE_LIMIT)
    text = start.decode("utf-8", "replace")
    return model_error(request.key, stage.container.name, answer.status, text, is_whole)


def _seeing(capture: Capture | None, respond: Respond) -> Respond:
    if capture is None:
        return respond

    async def seen(found: ModelAnswer) -> None:
        capture.see_answer(found.answer)
        await respond(found)

    return seen
