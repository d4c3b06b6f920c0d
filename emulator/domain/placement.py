"""Pure: what a job's instances may use of this machine, and what the user should know of it.

AWS reserves memory for its own processes and publishes no figure (DG how-it-works-training); ours is a setting.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from emulator.domain.cluster import Capacity, Limits
from emulator.domain.failure_reason import CAPACITY, JobFailure, gib
from emulator.domain.instance_type import InstanceType, catalogue
from emulator.domain.misfit import Misfit
from emulator.domain.progress import Placement
from emulator.domain.resource_config import Host

NOTICE = "[sagemaker-training-emulator]"
LEAST_MEMORY = 6 * 2**20
"""Bytes; the Engine refuses a smaller limit, and takes 0 for none at all."""


@dataclass(frozen=True)
class PlacementPolicy:
    memory_budget: Callable[[int], int]
    """Bytes of the Engine's machine -> bytes for all jobs together."""
    reserved_bytes: int
    reserved_fraction: float
    """Of the type's nominal memory, on top of `reserved_bytes`."""
    memory: Misfit
    gpu: Misfit

    def full_limit(self, instance_type: InstanceType) -> int:
        """Bytes a container gets on a real instance of the type."""
        nominal = instance_type.memory_bytes
        return max(LEAST_MEMORY, int(nominal * (1 - self.reserved_fraction)) - self.reserved_bytes)


def memory_demand(hosts: Sequence[Host], policy: PlacementPolicy, capacity: Capacity) -> int:
    """Bytes the job takes from the budget: what its instances have, or all of it where that is less.

    Raises JobFailure under the strict policy.
    """
    wanted = sum(policy.full_limit(catalogue()[host.instance_type]) for host in hosts)
    budget = policy.memory_budget(capacity.memory_bytes)
    if wanted > budget and policy.memory is Misfit.STRICT:
        raise JobFailure(CAPACITY)
    return min(wanted, budget)


def gpu_demand(hosts: Sequence[Host], policy: PlacementPolicy, capacity: Capacity) -> dict[str, int]:
    """GPUs for each host: the type's, or an equal share of what there is. Raises JobFailure under strict."""
    wanted = {host.name: catalogue()[host.instance_type].gpus for host in hosts}
    gpus = len(capacity.gpu_ids)
    if sum(wanted.values()) <= gpus:
        return wanted
    if policy.gpu is Misfit.STRICT:
        raise JobFailure(CAPACITY)
    share = gpus // sum(1 for count in wanted.values() if count)
    return {host: min(count, share) for host, count in wanted.items()}


def place(
    hosts: Sequence[Host], policy: PlacementPolicy, capacity: Capacity, free_gpus: Sequence[str]
) -> Placement:
    """Limits and notices of each host. The caller has seen that memory and GPUs are free."""
    types = {host.name: catalogue()[host.instance_type] for host in hosts}
    full = sum(policy.full_limit(instance_type) for instance_type in types.values())
    scale = min(1.0, memory_demand(hosts, policy, capacity) / full)
    counts = gpu_demand(hosts, policy, capacity)
    gpus = iter(free_gpus)
    limits, notices = {}, {}
    for name, instance_type in types.items():
        memory = max(LEAST_MEMORY, int(policy.full_limit(instance_type) * scale) // 2**20 * 2**20)
        limits[name] = Limits(
            memory_bytes=memory,
            cpus=min(instance_type.vcpus, capacity.cpus),
            shm_bytes=memory // 2,
            gpu_ids=tuple(islice(gpus, counts[name])),
        )
        notices[name] = (
            *_memory_notice(instance_type, memory, scale),
            *_gpu_notice(instance_type, counts[name]),
        )
    return Placement(limits=limits, notices=notices)


def _memory_notice(instance_type: InstanceType, memory: int, scale: float) -> tuple[str, ...]:
    if scale == 1.0:
        return ()
    return (
        f"{NOTICE} {instance_type.name} has {gib(instance_type.memory_bytes)} of memory; the job's instances do "
        f"not fit this machine's budget, so this container gets {gib(memory)}.",
    )


def _gpu_notice(instance_type: InstanceType, count: int) -> tuple[str, ...]:
    if count == instance_type.gpus:
        return ()
    return (
        f"{NOTICE} {instance_type.name} has {instance_type.gpus} GPU(s); "
        f"this container runs with {count or 'none'}, because the Docker Engine has no more.",
    )
