"""Pure: whether a training job fits on the storage volumes of its instances (DG model-train-storage).

An instance has a volume of VolumeSizeInGB, or, where its type has NVMe disks of its own, those and no volume.
"""

from collections.abc import Iterable, Mapping

from emulator.domain.cluster import UsageSample
from emulator.domain.failure_reason import JobFailure, insufficient_disk_space, volume_outgrown
from emulator.domain.instance_type import catalogue
from emulator.domain.resource_config import ResourceConfig


class VolumeOutgrownError(JobFailure):
    """A host says that it has more than its storage volume."""


def volume_sizes(resources: ResourceConfig) -> dict[str, int]:
    """Bytes of storage by host."""
    types = catalogue()
    return {
        host.name: types[host.instance_type].local_storage_bytes or resources.volume_size_in_gb * 2**30
        for host in resources.hosts()
    }


def require_room(resources: ResourceConfig, input_bytes: Mapping[str, int]) -> None:
    """`input_bytes` of File mode channels by host. Raises JobFailure for the first host where they don't fit."""
    for host, volume in volume_sizes(resources).items():
        needed = input_bytes.get(host, 0)
        if needed > volume:
            raise insufficient_disk_space(host, needed, volume)


def outgrown(resources: ResourceConfig, input_bytes: Mapping[str, int], sample: UsageSample) -> str | None:
    """Why the job must fail, where input and what the container wrote are more than the host's volume; else None."""
    volume = volume_sizes(resources)[sample.host]
    used = input_bytes.get(sample.host, 0) + (sample.disk_bytes or 0)
    return volume_outgrown(sample.host, used, volume) if used > volume else None


def require_declared(host: str, sizes: Iterable[int], volume: int) -> None:
    """Before files of these sizes are read. Holes in files take nothing of a volume, but would be read as zeros.

    Raises VolumeOutgrownError.
    """
    declared = sum(sizes)
    if declared > volume:
        raise VolumeOutgrownError(volume_outgrown(host, declared, volume))
