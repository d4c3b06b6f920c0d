"""ML compute instances of a training job (API ResourceConfig, InstanceGroup)."""

from typing import NamedTuple

from pydantic import Field

from emulator.domain.member import Member

HOMOGENEOUS = "homogeneousCluster"
"""The group name that real jobs without instance groups show in resourceconfig.json."""


class Host(NamedTuple):
    name: str
    group: str
    instance_type: str


class InstanceGroup(Member):
    instance_type: str
    instance_count: int
    instance_group_name: str


class ResourceConfig(Member):
    instance_type: str = ""
    instance_count: int = 0
    instance_groups: tuple[InstanceGroup, ...] = ()
    volume_size_in_gb: int = Field(default=1, alias="VolumeSizeInGB")
    """GiB for /opt/ml and /tmp of every instance."""
    keep_alive_period_in_seconds: int = 0
    """How long the instances wait for a matching next job; 0 for no warm pool."""

    @property
    def groups(self) -> tuple[InstanceGroup, ...]:
        if self.instance_groups:
            return self.instance_groups
        one = InstanceGroup(
            instance_type=self.instance_type,
            instance_count=self.instance_count,
            instance_group_name=HOMOGENEOUS,
        )
        return (one,)

    def hosts(self) -> tuple[Host, ...]:
        """`algo-1` ... `algo-N`, numbered group by group."""
        members = [group for group in self.groups for _ in range(group.instance_count)]
        return tuple(
            Host(f"algo-{number}", group.instance_group_name, group.instance_type)
            for number, group in enumerate(members, start=1)
        )
