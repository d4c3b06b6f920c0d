"""UpdateEndpointWeightsAndCapacities: more or fewer instances of what runs."""

from collections.abc import Mapping

from emulator.domain.cluster import Limits
from emulator.domain.endpoint import Endpoint, VariantState
from emulator.domain.endpoint_config import ProductionVariant
from emulator.hosting.fleet import Fleet
from emulator.hosting.placement import await_room, hold, hosts_of
from emulator.hosting.plan import instance_name


async def scale_variant(endpoint: Endpoint, fleet: Fleet, variant: ProductionVariant) -> VariantState:
    """The variant's new state. Raises JobFailure where there is no room, or new instances stay unhealthy."""
    state = endpoint.progress.variants[variant.variant_name]
    state = state.model_copy(update={"weight": endpoint.desired_weight(variant)})
    wanted = endpoint.desired_count(variant)
    if variant.serverless_config is not None or wanted == state.instance_count:
        return state
    if wanted > state.instance_count:
        await _add(endpoint, fleet, variant, range(state.instance_count + 1, wanted + 1))
    else:
        await _remove(endpoint, fleet, variant, range(wanted + 1, state.instance_count + 1))
    return state.model_copy(update={"instance_count": wanted})


async def _add(endpoint: Endpoint, fleet: Fleet, variant: ProductionVariant, numbers: range) -> None:
    more = await await_room(endpoint, hosts_of(variant, numbers), fleet.parts, replaces=False)
    limits = {**fleet.record.placement.limits, **more.limits}
    _place(endpoint, fleet, limits)
    try:
        await fleet.start(variant, numbers)
        await fleet.await_health(variant)
    except Exception:
        await _remove(endpoint, fleet, variant, numbers)
        raise


async def _remove(endpoint: Endpoint, fleet: Fleet, variant: ProductionVariant, numbers: range) -> None:
    names = [instance_name(variant.variant_name, number) for number in numbers]
    leaving = [each.route for each in fleet.of(variant) if each.name in names and each.route is not None]
    await fleet.drain(leaving)
    await fleet.stop([name for name in names if name in fleet.instances])
    fleet.on_change()
    limits = {host: limit for host, limit in fleet.record.placement.limits.items() if host not in names}
    _place(endpoint, fleet, limits)


def _place(endpoint: Endpoint, fleet: Fleet, limits: Mapping[str, Limits]) -> None:
    placement = fleet.record.placement.model_copy(update={"limits": limits})
    fleet.record = fleet.record.model_copy(update={"placement": placement})
    hold(endpoint, fleet.deployment, placement, fleet.parts)
