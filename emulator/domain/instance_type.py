"""The catalogue of ml.* instance types."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class InstanceType:
    name: str
    vcpus: int
    memory_bytes: int
    """Nominal: what the type's description says, before any reservation."""
    gpus: int
    local_storage_bytes: int
    """NVMe disks of the instance itself; 0 where it gets a volume of VolumeSizeInGB (DG model-train-storage)."""


@cache
def catalogue() -> Mapping[str, InstanceType]:
    """All types by name, read from instance_types.csv beside this module."""
    text = files("emulator.domain").joinpath("instance_types.csv").read_text(encoding="utf-8")
    return {row["instance_type"]: _from_row(row) for row in csv.DictReader(text.splitlines())}


def _from_row(row: Mapping[str, str]) -> InstanceType:
    return InstanceType(
        name=row["instance_type"],
        vcpus=int(row["vcpu"]),
        memory_bytes=int(float(row["memory_gib"]) * 2**30),
        gpus=int(row["gpu_count"] or 0),
        local_storage_bytes=int(row["local_nvme_gb"] or 0) * 10**9,
    )
