"""What the containers of a deployment are made from: models' files and images, brought here once."""

from emulator.domain.ecr import EcrRegistry
from emulator.domain.endpoint import Deployment, Endpoint
from emulator.domain.endpoint import Fleet as FleetRecord
from emulator.domain.image_source import ResolvedImage
from emulator.domain.progress import Placement
from emulator.hosting.parts import HostingParts


async def stage_deployment(
    endpoint: Endpoint, deployment: Deployment, placement: Placement, parts: HostingParts
) -> FleetRecord:
    """Inside of `model_data.using`, until the record is on the row. Raises JobFailure."""
    artifacts: dict[str, tuple[str | None, ...]] = {}
    images: dict[str, tuple[ResolvedImage, ...]] = {}
    caller = EcrRegistry(endpoint.key.account_id, endpoint.key.region)
    for variant in deployment.variants:
        pipeline = deployment.model(variant).pipeline
        limit = variant.model_data_download_timeout_in_seconds
        artifacts[variant.variant_name] = tuple(
            [
                await parts.model_data.stage(container.data_source, limit)
                if container.data_source and not container.is_multi_model
                else None
                for container in pipeline
            ]
        )
        images[variant.variant_name] = tuple(
            [await parts.compute.fetch_image(container.image, caller) for container in pipeline]
        )
    return FleetRecord(placement=placement, artifacts=artifacts, images=images)
