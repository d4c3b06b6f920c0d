"""What the containers of a deployment are made from: models' files and images, brought here once, and networks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from emulator.domain.ecr import EcrRegistry
from emulator.domain.endpoint import Deployment, Endpoint
from emulator.domain.endpoint import Fleet as FleetRecord
from emulator.domain.image_source import ResolvedImage
from emulator.domain.progress import Placement
from emulator.exception_groups import innermost
from emulator.hosting.parts import HostingParts
from emulator.hosting.plan import planned_cluster


async def stage_deployment(
    endpoint: Endpoint, deployment: Deployment, placement: Placement, parts: HostingParts
) -> FleetRecord:
    """Inside of `model_data.using`, until the record is on the row. Raises JobFailure."""
    images = await _images(endpoint, deployment, parts)
    artifacts = await _artifacts(deployment, parts)
    return FleetRecord(placement=placement, artifacts=artifacts, images=images)


@asynccontextmanager
async def preparing(endpoint: Endpoint, deployment: Deployment, parts: HostingParts) -> AsyncIterator[None]:
    """Around all that comes before a deployment's containers: their networks are made meanwhile."""
    try:
        async with anyio.create_task_group() as tasks:
            for variant in deployment.variants:
                if variant.serverless_config is None:
                    tasks.start_soon(parts.compute.prepare, planned_cluster(endpoint, deployment, variant))
            yield
    except ExceptionGroup as faults:
        raise innermost(faults) from faults


async def _images(
    endpoint: Endpoint, deployment: Deployment, parts: HostingParts
) -> dict[str, tuple[ResolvedImage, ...]]:
    caller = EcrRegistry(endpoint.key.account_id, endpoint.key.region)
    return {
        variant.variant_name: tuple(
            [
                await parts.compute.fetch_image(container.image, caller)
                for container in deployment.model(variant).pipeline
            ]
        )
        for variant in deployment.variants
    }


async def _artifacts(deployment: Deployment, parts: HostingParts) -> dict[str, tuple[str | None, ...]]:
    return {
        variant.variant_name: tuple(
            [
                await parts.model_data.stage(
                    container.data_source, variant.model_data_download_timeout_in_seconds
                )
                if container.data_source and not container.is_multi_model
                else None
                for container in deployment.model(variant).pipeline
            ]
        )
        for variant in deployment.variants
    }
