"""Pure: what `docker info` tells of the Engine's machine."""

from typing import Any

from emulator.domain.cluster import Capacity


def capacity_from_info(info: dict[str, Any], gpu_ids: tuple[str, ...] | None) -> Capacity:
    """`gpu_ids` overrides what the Engine tells; only Engines with CDI name their devices."""
    found = gpu_ids if gpu_ids is not None else _discovered_gpus(info)
    has_runtime = "nvidia" in (info.get("Runtimes") or {}) or bool(_discovered_gpus(info))
    return Capacity(cpus=info["NCPU"], memory_bytes=info["MemTotal"], gpu_ids=found if has_runtime else ())


def _discovered_gpus(info: dict[str, Any]) -> tuple[str, ...]:
    """Docker Engine API, SystemInfo "DiscoveredDevices": `nvidia.com/gpu=0`."""
    names = [str(device.get("ID", "")) for device in info.get("DiscoveredDevices") or []]
    ids = [name.removeprefix("nvidia.com/gpu=") for name in names if name.startswith("nvidia.com/gpu=")]
    return tuple(gpu for gpu in ids if gpu.isdigit())
