"""Rows of endpoints -> running tasks, one each; and at the start, what a former process left is found or removed."""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import TaskGroup

from emulator.domain.arn import ResourceKey
from emulator.domain.endpoint import Endpoint
from emulator.domain.reset_scope import ResetScope
from emulator.hosting.endpoint_task import EndpointTask
from emulator.hosting.fleet import destroy_clusters
from emulator.hosting.parts import HostingParts
from emulator.hosting.placement import hold, release
from emulator.hosting.plan import deployment_clusters
from emulator.hosting.variant_states import awaited_route
from emulator.store.changes import Changes

log = logging.getLogger(__name__)

LOOK_PERIOD = 5.0
"""Seconds; backs up a signal that was lost."""

RETRY_PERIOD = 2.0
"""Seconds until an endpoint is taken up again after a fault of the emulator's surroundings."""


class EndpointPlane:
    def __init__(self, parts: HostingParts, changes: Changes) -> None:
        self._parts = parts
        self._changes = changes
        self._tasks: dict[ResourceKey, EndpointTask] = {}
        self._looking = anyio.Lock()

    async def note_holdings(self) -> None:
        """After a restart: what the rows hold of this machine and who may be asked for, noted before anybody asks."""
        for endpoint in await self._parts.endpoints.all():
            self._parts.routes.set_endpoint(endpoint.key, awaited_route(endpoint, self._parts))
            for deployment in endpoint.deployments:
                fleet = endpoint.progress.fleets.get(deployment.revision)
                if fleet is not None:
                    hold(endpoint, deployment, fleet.placement, self._parts)

    async def run(self) -> None:
        """Until cancelled, which leaves all containers as they are."""
        async with anyio.create_task_group() as tasks:
            while True:
                try:
                    async with self._looking:
                        for endpoint in await self._parts.endpoints.all():
                            self._attend(endpoint, tasks)
                except Exception:
                    log.exception("Endpoints wait.")
                await self._changes.wait(LOOK_PERIOD)

    def _attend(self, endpoint: Endpoint, tasks: TaskGroup) -> None:
        task = self._tasks.get(endpoint.key)
        if task is None:
            task = self._tasks[endpoint.key] = EndpointTask(endpoint.key, self._parts)
            tasks.start_soon(self._run, task)
        task.notice(endpoint)

    async def _run(self, task: EndpointTask) -> None:
        try:
            with task.scope:
                await task.run()
        except Exception:
            log.exception("Endpoint %s met a fault of the emulator; it is taken up again.", task.key.name)
            await anyio.sleep(RETRY_PERIOD)
        finally:
            self._parts.routes.set_endpoint(task.key, None)
            self._tasks.pop(task.key, None)
            task.ended.set()
        self._changes.notify()

    @asynccontextmanager
    async def resetting(self, scope: ResetScope) -> AsyncIterator[int]:
        """The scope's endpoints are gone in the block, with their containers. Yields how many there were."""
        async with self._looking:
            abandoned = [task for task in self._tasks.values() if scope.holds(*task.key[:2])]
            for task in abandoned:
                task.scope.cancel()
            for task in abandoned:
                await task.ended.wait()
            endpoints = await self._parts.endpoints.delete_all(scope)
            for endpoint in endpoints:
                await self._parts.routes.delete_endpoint(endpoint.key)
                for deployment in endpoint.deployments:
                    await destroy_clusters(endpoint, deployment, self._parts)
                    release(endpoint, deployment, self._parts)
            yield len(endpoints)

    async def artifacts(self) -> set[str]:
        """Directories of models' files that endpoints use, below the work directory."""
        fleets = [f for e in await self._parts.endpoints.all() for f in e.progress.fleets.values()]
        used = {artifact for fleet in fleets for each in fleet.artifacts.values() for artifact in each}
        return {artifact for artifact in used if artifact is not None}

    async def destroy_all(self) -> None:
        """For an emulator that goes down; models' files stay, because a later one makes the containers anew."""
        for cluster in clusters_of(await self._parts.endpoints.all()):
            await self._parts.compute.destroy(cluster)


def clusters_of(endpoints: Iterable[Endpoint]) -> set[str]:
    """All that may exist on the backend for these endpoints."""
    found: set[str] = set()
    for endpoint in endpoints:
        for deployment in endpoint.deployments:
            found |= set(deployment_clusters(endpoint, deployment))
    return found
