"""Pure: what the variants of a deployment are when it goes into service, and the route to them."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from emulator.domain.endpoint import DeployedImage, Deployment, Endpoint, VariantState
from emulator.domain.endpoint import Fleet as FleetRecord
from emulator.domain.endpoint_config import ProductionVariant
from emulator.hosting.deployed_image import resolved_name
from emulator.hosting.fleet import Fleet, container_routes
from emulator.hosting.parts import HostingParts
from emulator.hosting.routing import EndpointRoute, VariantRoute
from emulator.hosting.serverless import Serverless


def first_states(deployment: Deployment, record: FleetRecord, now: datetime) -> dict[str, VariantState]:
    """By VariantName."""
    return {
        variant.variant_name: _first_state(deployment, variant, record, now)
        for variant in deployment.variants
    }


def _first_state(
    deployment: Deployment, variant: ProductionVariant, record: FleetRecord, now: datetime
) -> VariantState:
    retained = deployment.retained.get(variant.variant_name, {})
    pipeline = deployment.model(variant).pipeline
    return VariantState(
        instance_count=deployment.initial_count(variant) if variant.serverless_config is None else 0,
        weight=retained.get("DesiredWeight", variant.initial_variant_weight),
        images=tuple(
            DeployedImage(
                specified_image=container.image,
                resolved_image=resolved_name(container.image, image),
                resolution_time=now,
            )
            for container, image in zip(pipeline, record.images[variant.variant_name], strict=True)
        ),
    )


def route_to(
    fleet: Fleet, weights: Mapping[str, float], serverless: Mapping[str, Serverless]
) -> EndpointRoute:
    """What is in service now. Weights and serverless variants by VariantName."""
    routes = []
    for variant in fleet.deployment.variants:
        route = fleet.route(variant, weights.get(variant.variant_name, 1.0))
        asleep = serverless.get(variant.variant_name)
        routes.append(asleep.route(route) if asleep else route)
    return _endpoint_route(fleet.endpoint, fleet.deployment, routes)


def awaited_route(endpoint: Endpoint, parts: HostingParts) -> EndpointRoute | None:
    """After a restart, while what runs of the endpoint is looked for: it has no instance, but is to be found."""
    active = endpoint.progress.active
    if active is None or endpoint.delete_requested_at is not None:
        return None
    states = endpoint.progress.variants
    routes = [
        VariantRoute(
            name=variant.variant_name,
            weight=states[variant.variant_name].weight,
            containers=container_routes(parts, endpoint, active, variant),
            is_direct=active.model(variant).is_direct,
        )
        for variant in active.variants
    ]
    return _endpoint_route(endpoint, active, routes)


def _endpoint_route(
    endpoint: Endpoint, deployment: Deployment, routes: Iterable[VariantRoute]
) -> EndpointRoute:
    request = deployment.request
    return EndpointRoute(
        arn=endpoint.arn,
        variants=tuple(routes),
        async_config=request.async_inference_config,
        data_capture=request.data_capture_config,
    )
