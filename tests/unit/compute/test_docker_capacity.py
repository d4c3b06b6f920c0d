from typing import Any

import pytest

from emulator.compute.docker_capacity import capacity_from_info
from emulator.domain.cluster import Capacity

INFO = {"NCPU": 8, "MemTotal": 2**34, "Runtimes": {"runc": {}}}
NVIDIA: dict[str, Any] = {"Runtimes": {"runc": {}, "nvidia": {}}}
CDI = {
    "DiscoveredDevices": [
        {"Source": "cdi", "ID": "nvidia.com/gpu=0"},
        {"Source": "cdi", "ID": "nvidia.com/gpu=1"},
        {"Source": "cdi", "ID": "nvidia.com/gpu=all"},
        {"Source": "cdi", "ID": "nvidia.com/gpu=GPU-1a2b"},
        {"Source": "cdi", "ID": "amd.com/gpu=0"},
        {"Source": "cdi"},
    ]
}


def test_capacity_has_the_engine_s_cpus_and_memory() -> None:
    assert capacity_from_info(INFO, None) == Capacity(cpus=8, memory_bytes=2**34, gpu_ids=())


@pytest.mark.parametrize(
    ("more", "setting", "gpus"),
    [
        (NVIDIA, None, ()),
        (NVIDIA, ("0", "GPU-1a2b"), ("0", "GPU-1a2b")),
        (CDI, None, ("0", "1")),
        (CDI, ("1",), ("1",)),
        (CDI, (), ()),
        ({}, ("0",), ()),
        ({"DiscoveredDevices": None, "Runtimes": None}, None, ()),
    ],
)
def test_capacity_has_gpus_where_the_engine_can_give_them(
    more: dict[str, Any], setting: tuple[str, ...] | None, gpus: tuple[str, ...]
) -> None:
    assert capacity_from_info({**INFO, **more}, setting).gpu_ids == gpus
