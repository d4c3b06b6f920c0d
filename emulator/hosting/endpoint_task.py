"""One endpoint, driven from whatever its row says it is to what the row asks for, until it is deleted.

Going on after a restart is the ordinary path: containers of the active deployment are found and served again, and a
deployment that was on its way is tried again.
"""

import logging
from collections.abc import Mapping
from typing import Any

import anyio
from anyio.abc import TaskGroup

from emulator.domain.arn import ResourceKey
from emulator.domain.endpoint import Deployment, Endpoint, EndpointStatus
from emulator.domain.endpoint import Fleet as FleetRecord
from emulator.domain.failure_reason import JobFailure, internal_error
from emulator.hosting.endpoint_scale import scale_variant
from emulator.hosting.fleet import Fleet, destroy_clusters
from emulator.hosting.parts import HostingParts
from emulator.hosting.placement import hold, place_deployment, release
from emulator.hosting.serverless import Serverless
from emulator.hosting.staging import preparing, stage_deployment
from emulator.hosting.variant_states import first_states, route_to

S = EndpointStatus

ATTEMPTS = 5
"""How often a deployment is tried after faults of the emulator's surroundings, such as a lost Engine."""

RETRY_PERIOD = 2.0
"""Seconds; grows with every attempt."""

log = logging.getLogger(__name__)


class EndpointTask:
    def __init__(self, key: ResourceKey, parts: HostingParts) -> None:
        self.key = key
        self._parts = parts
        self._signal = anyio.Event()
        self._under_way: anyio.CancelScope | None = None
        """Around what the endpoint's deletion ends."""
        self._active: Fleet | None = None
        self._retiring: Fleet | None = None
        self._weights: Mapping[str, float] = {}
        self._faults = 0
        """Of the emulator's surroundings, one after the other, while a deployment was brought up."""
        self._serverless: dict[str, Serverless] = {}
        self._is_to_go = False
        """Its end was wished for, so whatever is under way publishes nothing any more."""
        self.scope = anyio.CancelScope()
        self.ended = anyio.Event()

    def notice(self, endpoint: Endpoint) -> None:
        """The API plane wrote the row."""
        self._is_to_go = endpoint.delete_requested_at is not None
        if self._is_to_go:
            self._parts.routes.set_endpoint(self.key, None)
            if self._under_way is not None:
                self._under_way.cancel()
        self._signal.set()

    async def run(self) -> None:
        """Until the endpoint is deleted, or cancelled, which means that this process goes down."""
        async with anyio.create_task_group() as tasks:
            endpoint = await self._parts.endpoints.get(self.key)
            if endpoint is not None and endpoint.delete_requested_at is None:
                await self._adopt(endpoint, tasks)
            while endpoint is not None:
                self._signal = anyio.Event()
                endpoint = await self._parts.endpoints.get(self.key)
                if endpoint is not None and not await self._step(endpoint, tasks):
                    await self._signal.wait()
            tasks.cancel_scope.cancel()

    async def _step(self, endpoint: Endpoint, tasks: TaskGroup) -> bool:
        """Do what is next. False where the row is what it asks for."""
        self._under_way = None
        if endpoint.delete_requested_at is not None:
            await self._delete(endpoint)
        elif endpoint.progress.retiring is not None:
            await self._retire(endpoint, endpoint.progress.retiring)
        elif endpoint.deployment.revision > endpoint.progress.tried:
            await self._deploy(endpoint, tasks)
        elif endpoint.is_to_scale and self._active is not None:
            await self._scale(endpoint, self._active)
        else:
            return False
        return True

    async def _adopt(self, endpoint: Endpoint, tasks: TaskGroup) -> None:
        """Take up what the row says that runs."""
        active = endpoint.progress.active
        if active is None or active.revision not in endpoint.progress.fleets:
            return
        record = endpoint.progress.fleets[active.revision]
        self._active = self._fleet(endpoint, active, record, tasks)
        self._weights = {name: state.weight for name, state in endpoint.progress.variants.items()}
        self._make_serverless(self._active)
        await self._active.discard_strays()
        for variant in active.variants:
            if variant.serverless_config is None:
                count = endpoint.progress.variants[variant.variant_name].instance_count
                await self._active.start(variant, range(1, count + 1))
        self._publish()

    def _fleet(
        self, endpoint: Endpoint, deployment: Deployment, record: FleetRecord, tasks: TaskGroup
    ) -> Fleet:
        return Fleet(endpoint, deployment, record, self._parts, tasks, self._publish)

    async def _deploy(self, endpoint: Endpoint, tasks: TaskGroup) -> None:
        """Blue/green: what runs goes on until the new fleet is healthy."""
        deployment = endpoint.deployment
        status = S.CREATING if endpoint.progress.active is None else S.UPDATING
        endpoint = await self._save(endpoint, status=status)
        with anyio.CancelScope() as self._under_way:
            try:
                fleet = await self._bring_up(endpoint, deployment, tasks)
            except JobFailure as failure:
                await self._give_up(endpoint, deployment, failure.reason)
            except Exception as fault:
                log.exception("Endpoint %s met a fault of the emulator's surroundings.", self.key.name)
                await self._try_again(endpoint, deployment, fault)
            else:
                await self._switch(fleet.endpoint, fleet)
                self._faults = 0

    async def _try_again(self, endpoint: Endpoint, deployment: Deployment, fault: Exception) -> None:
        """What runs goes on meanwhile."""
        self._faults += 1
        if self._faults < ATTEMPTS:
            await anyio.sleep(RETRY_PERIOD * self._faults * self._parts.time_scale)
            return
        self._faults = 0
        reason = internal_error(f"{type(fault).__name__}; see the emulator's log").reason
        await self._give_up(await self._reread(endpoint), deployment, reason)

    async def _reread(self, endpoint: Endpoint) -> Endpoint:
        return await self._parts.endpoints.get(self.key) or endpoint

    async def _bring_up(self, endpoint: Endpoint, deployment: Deployment, tasks: TaskGroup) -> Fleet:
        """Raises JobFailure where it does not become healthy."""
        if deployment.revision not in endpoint.progress.fleets:
            async with preparing(endpoint, deployment, self._parts):
                endpoint = await self._make_ready(endpoint, deployment)
        record = endpoint.progress.fleets[deployment.revision]
        fleet = self._fleet(endpoint, deployment, record, tasks)
        try:
            provisioned = [variant for variant in deployment.variants if variant.serverless_config is None]
            for variant in provisioned:
                await fleet.start(variant, range(1, deployment.initial_count(variant) + 1))
            for variant in provisioned:
                await fleet.await_health(variant)
        except BaseException:
            await fleet.abandon()
            raise
        return fleet

    async def _make_ready(self, endpoint: Endpoint, deployment: Deployment) -> Endpoint:
        """Room on the machine, models' files and images, noted on the row."""
        placement = await place_deployment(endpoint, deployment, self._parts)
        hold(endpoint, deployment, placement, self._parts)
        try:
            async with self._parts.model_data.using():
                record = await stage_deployment(endpoint, deployment, placement, self._parts)
                fleets = {**endpoint.progress.fleets, deployment.revision: record}
                return await self._save(endpoint, fleets=fleets)
        except BaseException:
            release(endpoint, deployment, self._parts)
            raise

    async def _switch(self, endpoint: Endpoint, fleet: Fleet) -> None:
        """Traffic moves at once; the old fleet is retired after that."""
        old, self._active = self._active, fleet
        self._retiring = old
        deployment = fleet.deployment
        states = first_states(deployment, fleet.record, self._parts.clock.now())
        self._weights = {name: state.weight for name, state in states.items()}
        self._make_serverless(fleet)
        self._publish()
        if old is not None:
            old.close()
        facts: dict[str, Any] = {
            "status": S.IN_SERVICE if old is None else S.UPDATING,
            "active": deployment,
            "retiring": None if old is None else old.deployment,
            "tried": deployment.revision,
            "variants": states,
            "failure_reason": None,
        }
        await self._save(endpoint, **facts)

    async def _retire(self, endpoint: Endpoint, retiring: Deployment) -> None:
        """A fleet answers what it has begun, and goes. A fault of the Engine harms nothing else; it is tried again."""
        with anyio.CancelScope() as self._under_way:
            try:
                if self._retiring is not None:
                    await self._retiring.drain(self._retiring.routes())
                    await self._retiring.retire()
                await destroy_clusters(endpoint, retiring, self._parts)
            except Exception:
                log.exception("An old fleet of the endpoint %s is removed at the next try.", self.key.name)
                await anyio.sleep(RETRY_PERIOD * self._parts.time_scale)
                return
            self._retiring = None
            release(endpoint, retiring, self._parts)
            fleets = {r: f for r, f in endpoint.progress.fleets.items() if r != retiring.revision}
            status = S.FAILED if endpoint.progress.active is None else S.IN_SERVICE
            await self._save(endpoint, status=status, retiring=None, fleets=fleets)

    async def _give_up(self, endpoint: Endpoint, deployment: Deployment, reason: str) -> None:
        """The old fleet, if there is one, never stopped answering.

        What was wished for it before is no open wish: an endpoint that is to scale takes no update.
        """
        facts: dict[str, Any] = {"tried": deployment.revision, "retiring": deployment}
        await self._save(endpoint, failure_reason=reason, given_up=endpoint.modified_at, **facts)

    async def _scale(self, endpoint: Endpoint, fleet: Fleet) -> None:
        endpoint = await self._save(endpoint, status=S.UPDATING)
        reason = None
        facts: dict[str, Any] = {"given_up": None}
        states = dict(endpoint.progress.variants)
        for variant in fleet.deployment.variants:
            try:
                states[variant.variant_name] = await scale_variant(endpoint, fleet, variant)
            except JobFailure as failure:
                reason = failure.reason
                facts["given_up"] = endpoint.modified_at
            except Exception as fault:
                log.exception("Endpoint %s could not be scaled.", self.key.name)
                reason = internal_error(f"{type(fault).__name__}; see the emulator's log").reason
                facts["given_up"] = endpoint.modified_at
        self._weights = {name: state.weight for name, state in states.items()}
        self._publish()
        facts |= {"variants": states, "failure_reason": reason}
        facts["fleets"] = {fleet.deployment.revision: fleet.record}
        await self._save(endpoint, status=S.IN_SERVICE, **facts)

    async def _delete(self, endpoint: Endpoint) -> None:
        fleets = [fleet for fleet in (self._active, self._retiring) if fleet is not None]
        self._active = self._retiring = None
        self._make_serverless(None)
        await self._parts.routes.delete_endpoint(self.key)
        for fleet in fleets:
            await fleet.retire()
        for deployment in endpoint.deployments:
            await destroy_clusters(endpoint, deployment, self._parts)
            release(endpoint, deployment, self._parts)
        await self._parts.endpoints.remove(endpoint)
        self._is_to_go = False

    def _make_serverless(self, fleet: Fleet | None) -> None:
        """In place of those that there were."""
        for each in self._serverless.values():
            each.close()
        self._serverless = {
            variant.variant_name: Serverless(fleet, variant, self._parts)
            for variant in (fleet.deployment.variants if fleet else ())
            if fleet and variant.serverless_config is not None
        }

    def _publish(self) -> None:
        """Tell the request path what is in service now."""
        if self._active is not None and not self._is_to_go:
            route = route_to(self._active, self._weights, self._serverless)
            self._parts.routes.set_endpoint(self.key, route)

    async def _save(self, endpoint: Endpoint, **facts: Any) -> Endpoint:
        endpoint = endpoint.advance(last_modified_time=self._parts.clock.now(), **facts)
        await self._parts.endpoints.save_progress(endpoint)
        return endpoint
