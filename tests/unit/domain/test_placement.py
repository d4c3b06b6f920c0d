import pytest

from emulator.domain.cluster import Capacity
from emulator.domain.failure_reason import CAPACITY, JobFailure
from emulator.domain.instance_type import catalogue
from emulator.domain.misfit import Misfit
from emulator.domain.placement import PlacementPolicy, gpu_demand, memory_demand, place
from emulator.domain.resource_config import Host

GIB = 2**30
MIB = 2**20
M5_LARGE = int(8 * GIB * 0.93) - 512 * MIB


def a_policy(
    budget: int = 10_000 * GIB,
    memory: Misfit = Misfit.SCALE,
    gpu: Misfit = Misfit.SCALE,
    reserved: int = 512 * MIB,
) -> PlacementPolicy:
    return PlacementPolicy(lambda _: budget, reserved, 0.07, memory, gpu)


def a_machine(cpus: int = 64, gpus: int = 0) -> Capacity:
    return Capacity(cpus=cpus, memory_bytes=10_000 * GIB, gpu_ids=tuple(str(n) for n in range(gpus)))


def some_hosts(*types: str) -> list[Host]:
    return [Host(f"algo-{n}", "g", instance_type) for n, instance_type in enumerate(types, start=1)]


@pytest.mark.parametrize(("instance_type", "nominal"), [("ml.m5.large", 8), ("ml.c4.xlarge", 7.5)])
def test_full_limit_is_nominal_less_seven_percent_less_512_mib(instance_type: str, nominal: float) -> None:
    limit = a_policy().full_limit(catalogue()[instance_type])

    assert limit == int(nominal * GIB * 0.93) - 512 * MIB


def test_place_gives_every_host_its_type_in_whole_mebibytes() -> None:
    placement = place(some_hosts("ml.m5.large", "ml.m5.4xlarge"), a_policy(), a_machine(), [])

    small, large = placement.limits["algo-1"], placement.limits["algo-2"]
    assert small.memory_bytes == M5_LARGE // MIB * MIB
    assert large.memory_bytes == (int(64 * GIB * 0.93) - 512 * MIB) // MIB * MIB
    assert (small.cpus, large.cpus) == (2, 16)
    assert (small.shm_bytes, large.shm_bytes) == (small.memory_bytes // 2, large.memory_bytes // 2)
    assert (small.gpu_ids, large.gpu_ids) == ((), ())
    assert placement.notices == {"algo-1": (), "algo-2": ()}


def test_place_gives_no_more_cpus_than_there_are() -> None:
    assert place(some_hosts("ml.m5.4xlarge"), a_policy(), a_machine(cpus=3), []).limits["algo-1"].cpus == 3


def test_place_scales_all_hosts_alike_and_says_so() -> None:
    hosts = some_hosts("ml.m5.large", "ml.m5.4xlarge")
    policy = a_policy(budget=4 * GIB)

    placement = place(hosts, policy, a_machine(), [])

    small, large = (placement.limits[host.name].memory_bytes for host in hosts)
    full_small, full_large = (policy.full_limit(catalogue()[host.instance_type]) for host in hosts)
    assert 4 * GIB - 2 * MIB <= small + large <= 4 * GIB
    assert small % MIB == large % MIB == 0
    assert small / full_small == pytest.approx(large / full_large, rel=0.01)
    (notice,) = placement.notices["algo-2"]
    assert notice.startswith("[sagemaker-training-emulator] ml.m5.4xlarge has 64.00 GiB of memory;")
    assert f"{large / GIB:.2f} GiB" in notice
    assert len(placement.notices["algo-1"]) == 1


@pytest.mark.parametrize(("missing", "notices"), [(0, 0), (1, 1)])
def test_place_has_no_notice_where_the_budget_is_just_enough(missing: int, notices: int) -> None:
    placement = place(some_hosts("ml.m5.large"), a_policy(budget=M5_LARGE - missing), a_machine(), [])

    assert len(placement.notices["algo-1"]) == notices


def test_memory_demand_is_what_the_instances_have_or_the_whole_budget() -> None:
    hosts = some_hosts("ml.m5.large", "ml.m5.large")

    assert memory_demand(hosts, a_policy(), a_machine()) == 2 * M5_LARGE
    assert memory_demand(hosts, a_policy(budget=GIB), a_machine()) == GIB


@pytest.mark.parametrize("budget", [GIB, 2 * M5_LARGE - 1])
def test_memory_demand_under_strict_fails_as_sagemaker_does(budget: int) -> None:
    hosts = some_hosts("ml.m5.large", "ml.m5.large")

    with pytest.raises(JobFailure) as failure:
        memory_demand(hosts, a_policy(budget=budget, memory=Misfit.STRICT), a_machine())

    assert failure.value.reason == CAPACITY


def test_memory_demand_under_strict_takes_what_fits() -> None:
    policy = a_policy(budget=2 * M5_LARGE, memory=Misfit.STRICT)

    assert memory_demand(some_hosts("ml.m5.large", "ml.m5.large"), policy, a_machine()) == 2 * M5_LARGE


@pytest.mark.parametrize("count", [1, 200])
@pytest.mark.parametrize("budget", [1, MIB, 5 * MIB])
def test_place_never_leaves_a_host_without_a_limit(count: int, budget: int) -> None:
    """The Engine takes a memory limit of 0 for none at all, and refuses less than 6 MiB."""
    hosts = some_hosts(*["ml.m5.large"] * count)

    placement = place(hosts, a_policy(budget=budget), a_machine(), [])

    assert min(limits.memory_bytes for limits in placement.limits.values()) >= 6 * MIB


def test_place_never_leaves_a_host_without_a_limit_where_all_is_reserved() -> None:
    placement = place(some_hosts("ml.t3.medium"), a_policy(reserved=4 * GIB), a_machine(), [])

    assert 6 * MIB <= placement.limits["algo-1"].memory_bytes <= 4 * GIB


def test_gpu_demand_is_that_of_the_types_where_there_are_enough() -> None:
    hosts = some_hosts("ml.g4dn.12xlarge", "ml.m5.large", "ml.g4dn.xlarge")

    assert gpu_demand(hosts, a_policy(), a_machine(gpus=5)) == {"algo-1": 4, "algo-2": 0, "algo-3": 1}


@pytest.mark.parametrize(
    ("gpus", "shares"), [(4, (2, 2)), (3, (1, 1)), (2, (1, 1)), (1, (0, 0)), (0, (0, 0)), (7, (3, 3))]
)
def test_gpu_demand_shares_equally_what_there_is(gpus: int, shares: tuple[int, int]) -> None:
    hosts = some_hosts("ml.g4dn.12xlarge", "ml.m5.large", "ml.g4dn.12xlarge")

    demand = gpu_demand(hosts, a_policy(), a_machine(gpus=gpus))

    assert demand == {"algo-1": shares[0], "algo-2": 0, "algo-3": shares[1]}


def test_gpu_demand_gives_no_host_more_than_its_type_has() -> None:
    hosts = some_hosts("ml.g4dn.xlarge", "ml.p3.16xlarge")

    assert gpu_demand(hosts, a_policy(), a_machine(gpus=6)) == {"algo-1": 1, "algo-2": 3}


def test_gpu_demand_under_strict_fails_as_sagemaker_does() -> None:
    policy = a_policy(gpu=Misfit.STRICT)

    with pytest.raises(JobFailure) as failure:
        gpu_demand(some_hosts("ml.g4dn.12xlarge"), policy, a_machine(gpus=3))

    assert failure.value.reason == CAPACITY
    assert gpu_demand(some_hosts("ml.m5.large"), policy, a_machine()) == {"algo-1": 0}


def test_place_gives_every_gpu_to_one_host() -> None:
    hosts = some_hosts("ml.g4dn.12xlarge", "ml.m5.large", "ml.g4dn.12xlarge")

    placement = place(hosts, a_policy(), a_machine(gpus=8), ["5", "6", "7", "8", "0", "1", "2", "3"])

    assert placement.limits["algo-1"].gpu_ids == ("5", "6", "7", "8")
    assert placement.limits["algo-2"].gpu_ids == ()
    assert placement.limits["algo-3"].gpu_ids == ("0", "1", "2", "3")
    assert placement.notices == {"algo-1": (), "algo-2": (), "algo-3": ()}


@pytest.mark.parametrize(("gpus", "told"), [(0, "none"), (1, "1"), (3, "3")])
def test_place_tells_where_gpus_are_missing(gpus: int, told: str) -> None:
    machine = a_machine(gpus=gpus)

    placement = place(some_hosts("ml.g4dn.12xlarge"), a_policy(), machine, machine.gpu_ids)

    assert placement.limits["algo-1"].gpu_ids == machine.gpu_ids
    (notice,) = placement.notices["algo-1"]
    assert "ml.g4dn.12xlarge has 4 GPU(s)" in notice
    assert f"runs with {told}," in notice
