"""A serverless variant: one container that is started by the first request and stopped when nobody asks any more."""

import anyio

from emulator.domain.endpoint_config import ProductionVariant
from emulator.domain.failure_reason import JobFailure
from emulator.hosting.fleet import Fleet
from emulator.hosting.parts import HostingParts
from emulator.hosting.routing import InstanceUnavailable, VariantRoute

IDLE_LOOK_SHARE = 0.2
"""Of the idle period: how often is looked whether it is over."""


class Serverless:
    def __init__(self, fleet: Fleet, variant: ProductionVariant, parts: HostingParts) -> None:
        self._fleet = fleet
        self._variant = variant
        self._parts = parts
        self._starting = anyio.Lock()

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

    async def wake(self) -> None:
        """See VariantRoute.wake."""
        async with self._starting:
            if not self._fleet.of(self._variant):
                await self._fleet.start(self._variant, range(1, 2))
                self._fleet.tasks.start_soon(self._stop_when_idle)
        try:
            await self._fleet.await_health(self._variant)
        except JobFailure as failure:
            raise InstanceUnavailable(failure.reason) from failure

    async def _stop_when_idle(self) -> None:
        traffic = self._parts.routes.traffic(self._fleet.endpoint.key, self._variant.variant_name)
        while not traffic.is_idle(self._parts.idle_seconds):  # noqa: ASYNC110 - time passing is no event
            await anyio.sleep(self._parts.idle_seconds * IDLE_LOOK_SHARE)
        async with self._starting:
            idle = self._fleet.of(self._variant)
            routes = [each.route for each in idle if each.route is not None]
            await self._fleet.drain(routes)
            await self._fleet.stop([each.name for each in idle if each.name in self._fleet.instances])
        self._fleet.on_change()
