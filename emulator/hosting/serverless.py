"""A serverless variant: one container that is started by the first request and stopped when nobody asks any more."""

import logging
from dataclasses import dataclass, field

import anyio

from emulator.domain.endpoint_config import ProductionVariant
from emulator.domain.failure_reason import JobFailure
from emulator.hosting.fleet import Fleet
from emulator.hosting.parts import HostingParts
from emulator.hosting.placement import await_serverless_room, serverless_holder
from emulator.hosting.plan import instance_name
from emulator.hosting.routing import InstanceUnavailable, VariantRoute
from emulator.occupancy import Holding

IDLE_LOOK_SHARE = 0.2
"""Of the idle period: how often is looked whether it is over."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _ColdStart:
    done: anyio.Event = field(default_factory=anyio.Event)
    fault: str | None = None
    """Why there is no container, in one sentence."""


class Serverless:
    """The container's memory is held from its start to its end. Its life is a task of the fleet, so that it makes no
    difference to it when the caller that woke it goes away.
    """

    def __init__(self, fleet: Fleet, variant: ProductionVariant, parts: HostingParts) -> None:
        self._fleet = fleet
        self._variant = variant
        self._parts = parts
        self._start: _ColdStart | None = None
        """Of the container that runs, or is about to."""
        self._changing = anyio.Lock()
        self._is_over = False
        self._host = instance_name(variant.variant_name, 1)
        self._holder = serverless_holder(fleet.endpoint, fleet.deployment.revision, variant)

    def route(self, route: VariantRoute) -> VariantRoute:
        config = self._variant.serverless_config
        assert config is not None
        return VariantRoute(
            name=route.name,
            weight=route.weight,
            containers=route.containers,
            instances=route.instances,
            max_concurrency=config.max_concurrency,
            wake=self.wake,
        )

    def close(self) -> None:
        """Start nothing more: another deployment takes the traffic, or none. Who waits here looks for it again."""
        self._is_over = True
        if self._start is not None:
            self._start.done.set()

    async def wake(self) -> None:
        """See VariantRoute.wake."""
        if self._is_over:
            return
        if self._start is None:
            self._start = _ColdStart()
            self._fleet.tasks.start_soon(self._live, self._start)
        start = self._start
        await start.done.wait()
        if start.fault is not None:
            raise InstanceUnavailable(start.fault)
        try:
            await self._fleet.await_health(self._variant)
        except JobFailure as failure:
            raise InstanceUnavailable(failure.reason) from failure

    async def _live(self, start: _ColdStart) -> None:
        """One container from its start to its end."""
        async with self._changing:
            await self._bring_up(start)
        if start.fault is None:
            await self._stop_when_idle()

    async def _bring_up(self, start: _ColdStart) -> None:
        try:
            await self._start_container()
        except JobFailure as failure:
            start.fault = failure.reason
        except Exception as fault:
            log.exception("The serverless variant %s met a fault.", self._variant.variant_name)
            start.fault = f"The emulator met a fault of its surroundings ({type(fault).__name__})."
        if start.fault is not None:
            self._start = None
            self._parts.occupancy.release(self._holder)
        start.done.set()

    async def _start_container(self) -> None:
        memory = self._fleet.record.placement.limits[self._host].memory_bytes
        await await_serverless_room(self._fleet.endpoint, memory, self._parts)
        if not self._is_over:
            self._parts.occupancy.hold(self._holder, Holding(memory))
            await self._fleet.start(self._variant, range(1, 2))

    async def _stop_when_idle(self) -> None:
        traffic = self._parts.routes.traffic(self._fleet.endpoint.key, self._variant.variant_name)
        while not self._is_over and not traffic.is_idle(self._parts.idle_seconds):  # noqa: ASYNC110 - time passing
            await anyio.sleep(self._parts.idle_seconds * IDLE_LOOK_SHARE)
        if self._is_over:
            return
        self._start = None
        async with self._changing:
            await self._stop()

    async def _stop(self) -> None:
        idle = self._fleet.of(self._variant)
        await self._fleet.drain([each.route for each in idle if each.route is not None])
        await self._fleet.stop([each.name for each in idle if each.name in self._fleet.instances])
        if not self._is_over:
            self._parts.occupancy.release(self._holder)
        self._fleet.on_change()
