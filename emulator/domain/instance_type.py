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
    )
