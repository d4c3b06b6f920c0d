import pytest

from emulator.domain.resource_config import Host, ResourceConfig
from tests.support.builders import instance_groups, instances


def test_resource_config_of_one_type_is_the_group_homogeneous_cluster() -> None:
    config = ResourceConfig.model_validate(instances(2, "ml.c5.xlarge"))

    assert config.hosts() == (
        Host("algo-1", "homogeneousCluster", "ml.c5.xlarge"),
        Host("algo-2", "homogeneousCluster", "ml.c5.xlarge"),
    )


def test_resource_config_numbers_hosts_through_all_groups() -> None:
    config = ResourceConfig.model_validate(
        instance_groups(("gpu", "ml.g5.xlarge", 1), ("cpu", "ml.m5.large", 2))
    )

    assert config.hosts() == (
        Host("algo-1", "gpu", "ml.g5.xlarge"),
        Host("algo-2", "cpu", "ml.m5.large"),
        Host("algo-3", "cpu", "ml.m5.large"),
    )


@pytest.mark.parametrize("count", [1, 9, 10, 11, 100])
def test_resource_config_has_as_many_hosts_as_instances_in_numeric_order(count: int) -> None:
    hosts = ResourceConfig.model_validate(instances(count)).hosts()

    assert [host.name for host in hosts] == [f"algo-{n + 1}" for n in range(count)]
