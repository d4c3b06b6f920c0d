"""Everything that serves models: the endpoints, and at the start the removal of what nobody owns."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from emulator.domain.cluster import HOSTING_MARK
from emulator.domain.reset_scope import ResetScope
from emulator.hosting.endpoint_plane import EndpointPlane, clusters_of
from emulator.hosting.multi_model import clusters_with_models, remove_models
from emulator.hosting.parts import HostingParts
from emulator.hosting.transform_plane import TransformPlane
from emulator.store.hosting_stores import HostingStores

log = logging.getLogger(__name__)

TIDY_PERIOD, LEAST_PERIOD = 60.0, 1.0
"""Seconds; `time_scale` does not shorten it below the second."""

RETRY_PERIOD = 5.0
"""Seconds until the next try where no Engine answers at the start."""


class HostingPlane:
    def __init__(self, parts: HostingParts, stores: HostingStores) -> None:
        self._parts = parts
        self._endpoints = EndpointPlane(parts, stores.endpoint_changes)
        self._transforms = TransformPlane(parts, stores.transform_jobs, stores.transform_changes)

    async def note_holdings(self) -> None:
        """After a restart: what the rows hold of this machine, noted before anybody is admitted."""
        await self._endpoints.note_holdings()
        await self._transforms.note_holdings()

    async def run(self) -> None:
        """Until cancelled, which leaves all containers as they are."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._endpoints.run)
            tasks.start_soon(self._transforms.run)
            tasks.start_soon(self._tidy)

    async def _tidy(self) -> None:
        """Once what a former process left, and now and then the models' files that nobody uses any more."""
        is_swept = False
        while True:
            try:
                if not is_swept:
                    await self._sweep()
                    is_swept = True
                await self._parts.model_data.keep_only(self._artifacts)
            except Exception as error:
                log.warning("What nobody uses any more is removed later: %s", error)
            await anyio.sleep(
                max(LEAST_PERIOD, TIDY_PERIOD * self._parts.time_scale) if is_swept else RETRY_PERIOD
            )

    async def _sweep(self) -> None:
        """Remove the clusters that no row owns, and the files of multi-model containers that were in one."""
        # In this order, or else one that is made in between would seem to be nobody's.
        found = {instance.cluster for instance in await self._parts.compute.find()}
        with_models = await clusters_with_models(self._parts)
        owned = clusters_of(await self._parts.endpoints.all()) | await self._transforms.clusters()
        for cluster in {cluster for cluster in found if HOSTING_MARK in cluster} - owned:
            log.info("Removing what is left of %s.", cluster)
            await self._parts.compute.destroy(cluster)
        for cluster in with_models - owned:
            await remove_models(self._parts, cluster)

    async def _artifacts(self) -> set[str]:
        return await self._endpoints.artifacts() | self._transforms.artifacts

    @asynccontextmanager
    async def resetting(self, scope: ResetScope) -> AsyncIterator[dict[str, int]]:
        """Endpoints and transform jobs of the scope are gone in the block, with their containers.

        Yields how many there were of each.
        """
        async with (
            self._endpoints.resetting(scope) as endpoints,
            self._transforms.resetting(scope) as transform_jobs,
        ):
            yield {"endpoints": endpoints, "transform_jobs": transform_jobs}

    async def destroy_all(self) -> None:
        """For an emulator that goes down."""
        await self._endpoints.destroy_all()
        await self._transforms.destroy_all()
