"""Everything that serves models: the endpoints, and at the start the removal of what nobody owns."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from emulator.domain.cluster import HOSTING_MARK
from emulator.domain.reset_scope import ResetScope
from emulator.hosting.endpoint_plane import EndpointPlane, clusters_of
from emulator.hosting.parts import HostingParts
from emulator.store.changes import Changes

log = logging.getLogger(__name__)

RETRY_PERIOD = 5.0
"""Seconds until the next try where no Engine answers at the start."""


class HostingPlane:
    def __init__(self, parts: HostingParts, changes: Changes) -> None:
        self._parts = parts
        self._endpoints = EndpointPlane(parts, changes)

    async def note_holdings(self) -> None:
        """After a restart: what the rows hold of this machine, noted before anybody is admitted."""
        await self._endpoints.note_holdings()

    async def run(self) -> None:
        """Until cancelled, which leaves all containers as they are."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._endpoints.run)
            tasks.start_soon(self._sweep_patiently)

    async def _sweep_patiently(self) -> None:
        while True:
            try:
                await self.sweep()
            except Exception as error:
                log.warning("What is left of former endpoints is removed later: %s", error)
                await anyio.sleep(RETRY_PERIOD)
            else:
                return

    async def sweep(self) -> None:
        """Remove the clusters and the models' files that no row owns."""
        found = {instance.cluster for instance in await self._parts.compute.find()}
        ours = {cluster for cluster in found if HOSTING_MARK in cluster}
        for cluster in ours - clusters_of(await self._parts.endpoints.all()):
            log.info("Removing what is left of %s.", cluster)
            await self._parts.compute.destroy(cluster)
        await self._endpoints.keep_models()

    @asynccontextmanager
    async def resetting(self, scope: ResetScope) -> AsyncIterator[int]:
        """The scope's endpoints are gone in the block, with their containers; yields how many there were."""
        async with self._endpoints.resetting(scope) as count:
            yield count

    async def destroy_all(self) -> None:
        """For an emulator that is not to come back."""
        await self._endpoints.destroy_all()
