"""Room on the machine for the instances of a deployment, in the same budget as training jobs."""

import math
from collections.abc import Sequence
from dataclasses import replace

import anyio

from emulator.domain.cluster import Limits
from emulator.domain.endpoint import Deployment, Endpoint
from emulator.domain.endpoint_config import ProductionVariant
from emulator.domain.failure_reason import CAPACITY, JobFailure
from emulator.domain.misfit import Misfit
from emulator.domain.placement import PlacementPolicy, gpu_demand, memory_demand, place
from emulator.domain.progress import Placement
from emulator.domain.resource_config import Host
from emulator.domain.transform_job import TransformJob
from emulator.hosting.parts import HostingParts
from emulator.hosting.plan import instance_name
from emulator.occupancy import Holding

LOOK_PERIOD = 5.0
"""Seconds; backs up a release that nobody told of."""


def holder(endpoint: Endpoint, revision: int) -> str:
    """Each deployment holds its own part of the machine, so that both of an update count."""
    return f"{endpoint.arn}#{revision}"


def hosts_of(variant: ProductionVariant, numbers: range) -> list[Host]:
    return [
        Host(instance_name(variant.variant_name, number), variant.variant_name, variant.instance_type)
        for number in numbers
    ]


def serverless_limits(variant: ProductionVariant, cpus: int) -> Limits:
    """MemorySizeInMB is the limit; its room is kept also while no container runs."""
    assert variant.serverless_config is not None
    memory = variant.serverless_config.memory_size_in_mb * 2**20
    return Limits(memory_bytes=memory, cpus=cpus, shm_bytes=memory // 2)


async def await_room(
    owner: Endpoint | TransformJob, hosts: Sequence[Host], parts: HostingParts, replaces: bool = True
) -> Placement:
    """Limits for new instances of the owner, once there is room.

    Raises JobFailure where there can never be, and for an endpoint where there
    is none for long.

    `replaces`: what the owner holds goes when they are there. Under the policy `scale` they then get what they would
    get without it, and the machine carries both for that time; under `strict` they have to fit beside it. Instances
    that come on top of it are as large as their type says, or there are none.
    """
    own = parts.occupancy.held(owner.arn)
    policy = _policy(parts.policy, own, replaces)
    capacity = await parts.compute.capacity()
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
            freed = anyio.Event()
            used.on_next_release(freed.set)
            with anyio.move_on_after(LOOK_PERIOD):
                await freed.wait()
    holders = ", ".join(parts.occupancy.holders)
    raise JobFailure(f"{CAPACITY} (it waited for {holders})")


def _policy(policy: PlacementPolicy, own: Holding, replaces: bool) -> PlacementPolicy:
    if replaces and policy.memory is Misfit.SCALE:
        return policy
    left = replace(policy, memory_budget=lambda total: policy.memory_budget(total) - own.memory_bytes)
    return left if replaces else replace(left, memory=Misfit.STRICT, gpu=Misfit.STRICT)


async def place_deployment(endpoint: Endpoint, deployment: Deployment, parts: HostingParts) -> Placement:
    """For all variants of a deployment that is to come. Raises JobFailure."""
    capacity = await parts.compute.capacity()
    placement = Placement(limits={})
    hosts = [
        host
        for variant in deployment.variants
        if variant.serverless_config is None
        for host in hosts_of(variant, range(1, deployment.initial_count(variant) + 1))
    ]
    if hosts:
        placement = await await_room(endpoint, hosts, parts)
    serverless = {
        instance_name(variant.variant_name, 1): serverless_limits(variant, capacity.cpus)
        for variant in deployment.variants
        if variant.serverless_config is not None
    }
    return placement.model_copy(update={"limits": {**placement.limits, **serverless}})


def hold(endpoint: Endpoint, revision: int, placement: Placement, parts: HostingParts) -> None:
    parts.occupancy.hold(holder(endpoint, revision), Holding(placement.memory_bytes, placement.gpu_ids))
