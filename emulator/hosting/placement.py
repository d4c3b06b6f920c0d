"""Room on the machine for the instances of a deployment, in the same budget as training jobs."""

import math
from collections.abc import Sequence
from dataclasses import replace

import anyio

from emulator.domain.cluster import Capacity, Limits
from emulator.domain.endpoint import Deployment, Endpoint
from emulator.domain.endpoint_config import ProductionVariant
from emulator.domain.failure_reason import CAPACITY, JobFailure
from emulator.domain.misfit import Misfit
from emulator.domain.placement import LEAST_MEMORY, PlacementPolicy, gpu_demand, memory_demand, place
from emulator.domain.progress import Placement
from emulator.domain.resource_config import Host
from emulator.domain.transform_job import TransformJob
from emulator.hosting.parts import HostingParts
from emulator.hosting.plan import instance_name
from emulator.occupancy import Holding, Occupancy

LOOK_PERIOD = 5.0
"""Seconds; backs up a release that nobody told of."""

SERVERLESS_ROOM_LIMIT = 45
"""Seconds that a request waits for room for its container: less than the 60 that an invocation has."""


def holder(endpoint: Endpoint, revision: int) -> str:
    """Each deployment holds its own part of the machine, so that both of an update count."""
    return f"{endpoint.arn}#{revision}"


def serverless_holder(endpoint: Endpoint, revision: int, variant: ProductionVariant) -> str:
    """A serverless variant's memory is a part of its own, held while its container runs."""
    return f"{holder(endpoint, revision)}/{variant.variant_name}"


def hosts_of(variant: ProductionVariant, numbers: range) -> list[Host]:
    return [
        Host(instance_name(variant.variant_name, number), variant.variant_name, variant.instance_type)
        for number in numbers
    ]


def serverless_limits(variant: ProductionVariant, policy: PlacementPolicy, capacity: Capacity) -> Limits:
    """MemorySizeInMB, or what there is at all under the policy `scale`. Raises JobFailure under `strict`."""
    assert variant.serverless_config is not None
    wanted = variant.serverless_config.memory_size_in_mb * 2**20
    budget = policy.memory_budget(capacity.memory_bytes)
    if wanted > budget and policy.memory is Misfit.STRICT:
        raise JobFailure(CAPACITY)
    memory = max(LEAST_MEMORY, min(wanted, budget))
    return Limits(memory_bytes=memory, cpus=capacity.cpus, shm_bytes=memory // 2)


async def await_serverless_room(endpoint: Endpoint, memory_bytes: int, parts: HostingParts) -> None:
    """Return when so much is free. Raises JobFailure where it isn't while a caller has patience."""
    budget = parts.policy.memory_budget((await parts.compute.capacity()).memory_bytes)
    with (
        parts.occupancy.waiting(endpoint.arn),
        anyio.move_on_after(parts.ping_seconds(SERVERLESS_ROOM_LIMIT)),
    ):
        while memory_bytes > budget - parts.occupancy.memory_bytes:
            await _next_release(parts.occupancy)
        return
    raise _no_room(parts.occupancy)


async def _next_release(occupancy: Occupancy) -> None:
    freed = anyio.Event()
    occupancy.on_next_release(freed.set)
    with anyio.move_on_after(LOOK_PERIOD):
        await freed.wait()


def _no_room(occupancy: Occupancy) -> JobFailure:
    return JobFailure(f"{CAPACITY} (it waited for {', '.join(occupancy.holders)})")


async def await_room(
    owner: Endpoint | TransformJob,
    hosts: Sequence[Host],
    parts: HostingParts,
    replaces: bool = True,
    capacity: Capacity | None = None,
) -> Placement:
    """Limits for new instances of the owner, once there is room.

    Raises JobFailure where there can never be, and for an endpoint where there
    is none for long.

    `replaces`: what the owner holds goes when they are there. Under the policy `scale` they then get what they would
    get without it, and the machine carries both for that time; under `strict` they have to fit beside it. Instances
    that come on top of it are as large as their type says, or there are none. `capacity` is asked for where it is None.
    """
    own = parts.occupancy.held(owner.arn)
    policy = _policy(parts.policy, own, replaces)
    capacity = capacity or await parts.compute.capacity()
    memory = memory_demand(hosts, policy, capacity)
    gpus = sum(gpu_demand(hosts, policy, capacity).values())
    budget = policy.memory_budget(capacity.memory_bytes)
    shared_gpus = own.gpu_ids if replaces and policy.gpu is Misfit.SCALE else frozenset()
    limit = parts.provision_seconds if isinstance(owner, Endpoint) else math.inf
    with parts.occupancy.waiting(owner.arn), anyio.move_on_after(limit):
        while True:
            used = parts.occupancy
            free_gpus = [gpu for gpu in capacity.gpu_ids if gpu not in used.gpu_ids - shared_gpus]
            others = used.memory_bytes - own.memory_bytes
            if memory <= budget - others and gpus <= len(free_gpus):
                return place(hosts, policy, capacity, free_gpus)
            await _next_release(used)
    raise _no_room(parts.occupancy)


def _policy(policy: PlacementPolicy, own: Holding, replaces: bool) -> PlacementPolicy:
    if replaces and policy.memory is Misfit.SCALE:
        return policy
    left = replace(policy, memory_budget=lambda total: policy.memory_budget(total) - own.memory_bytes)
    return left if replaces else replace(left, memory=Misfit.STRICT, gpu=Misfit.STRICT)


async def place_deployment(endpoint: Endpoint, deployment: Deployment, parts: HostingParts) -> Placement:
    """For all variants of a deployment that is to come. Raises JobFailure."""
    capacity = await parts.compute.capacity()
    serverless = {
        instance_name(variant.variant_name, 1): serverless_limits(variant, parts.policy, capacity)
        for variant in deployment.variants
        if variant.serverless_config is not None
    }
    placement = Placement(limits={})
    hosts = [
        host
        for variant in deployment.variants
        if variant.serverless_config is None
        for host in hosts_of(variant, range(1, deployment.initial_count(variant) + 1))
    ]
    if hosts:
        placement = await await_room(endpoint, hosts, parts, capacity=capacity)
    return placement.model_copy(update={"limits": {**placement.limits, **serverless}})


def hold(endpoint: Endpoint, deployment: Deployment, placement: Placement, parts: HostingParts) -> None:
    """What its instances have; serverless variants hold theirs themselves."""
    serverless = {
        instance_name(variant.variant_name, 1)
        for variant in deployment.variants
        if variant.serverless_config is not None
    }
    limits = {host: limit for host, limit in placement.limits.items() if host not in serverless}
    held = Placement(limits=limits)
    parts.occupancy.hold(holder(endpoint, deployment.revision), Holding(held.memory_bytes, held.gpu_ids))


def release(endpoint: Endpoint, deployment: Deployment, parts: HostingParts) -> None:
    """All that the deployment holds."""
    for variant in deployment.variants:
        parts.occupancy.release(serverless_holder(endpoint, deployment.revision, variant))
    parts.occupancy.release(holder(endpoint, deployment.revision))
