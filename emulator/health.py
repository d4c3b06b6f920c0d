"""The answer of GET /_emulator/health."""

from typing import Any

from emulator import __version__
from emulator.compute.backend import ComputeBackend
from emulator.embedded_s3.server import EmbeddedS3
from emulator.init_dir.init_dir import InitDir
from emulator.objects.pass_through import PassThrough
from emulator.registry.local_registry import LocalRegistry
from emulator.training.scheduler import Scheduler

Health = dict[str, Any]


async def report_health(
    compute: ComputeBackend,
    s3: EmbeddedS3 | PassThrough,
    scheduler: Scheduler,
    registry: LocalRegistry,
    init_dir: InitDir,
) -> Health:
    """`status` is `degraded` where a part has a fault, and the part says why."""
    parts = {
        "docker": await _docker(compute),
        "s3": await _s3(s3),
        "scheduler": _fault(scheduler.trouble) if scheduler.trouble else {"status": "ok"},
        "registry": await registry.report(),
        "init": init_dir.report(),
    }
    is_degraded = any(part["status"] == "error" for part in parts.values())
    return {"status": "degraded" if is_degraded else "ok", "version": __version__, "parts": parts}


async def _docker(compute: ComputeBackend) -> Health:
    try:
        capacity = await compute.capacity()
    except ConnectionError as error:
        return _fault(str(error))
    return {"status": "ok", "cpus": capacity.cpus, "memory_bytes": capacity.memory_bytes}


async def _s3(s3: EmbeddedS3 | PassThrough) -> Health:
    if isinstance(s3, EmbeddedS3):
        return {"status": "ok", "endpoint": "embedded"}
    endpoint = {"endpoint": s3.url}
    if await s3.is_answering():
        return {"status": "ok", **endpoint}
    return {**_fault("The external S3 does not answer."), **endpoint}


def _fault(reason: str) -> Health:
    return {"status": "error", "reason": reason}
