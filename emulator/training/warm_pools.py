"""What a warm pool keeps between jobs, and until when (DG train-warm-pools).

Kept are the room on the machine, the network, the staged objects and the persistent cache; containers are always fresh.
"""

import os
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from anyio import CapacityLimiter

from emulator.blocking import blocking
from emulator.domain.failure_reason import CAPACITY, INTERNAL
from emulator.domain.progress import Placement
from emulator.domain.s3_object import S3Object
from emulator.domain.status import Message
from emulator.domain.training_job import TrainingJob
from emulator.domain.warm_pool import WarmPool, match_key
from emulator.objects.object_store import ObjectStore
from emulator.training.input_data import Download
from emulator.training.parts import TrainingParts
from emulator.training.plan import cluster_name


def begin_pool(job: TrainingJob, placement: Placement) -> TrainingJob:
    """The job with its place on the machine, and with a pool of its own where it asks for one."""
    wants_pool = job.keep_alive_period_in_seconds > 0
    pool = {"pool": f"pool-{cluster_name(job)}", "warm_pool": WarmPool()} if wants_pool else {}
    return job.advance(job.progress.model_copy(update={"placement": placement, **pool}))


def find_pool(job: TrainingJob, pools: Sequence[TrainingJob]) -> TrainingJob | None:
    """The first of the finished jobs whose instances `job` may take over; spot instances are always new ones."""
    if job.request.enable_managed_spot_training:
        return None
    return next((pool for pool in pools if _key(pool) == _key(job)), None)


def take_over(job: TrainingJob, pool: TrainingJob) -> TrainingJob:
    kept = pool.progress
    warm = WarmPool() if job.keep_alive_period_in_seconds > 0 else None
    facts = {"placement": kept.placement, "pool": kept.pool, "warm_pool": warm}
    return job.advance(job.progress.model_copy(update=facts))


def settle(job: TrainingJob, now: datetime) -> TrainingJob:
    """The finished job, with its instances waiting or given up."""
    warm = job.progress.warm_pool
    if warm is None:
        return job
    if not _is_kept(job):
        return job.advance(job.progress.model_copy(update={"warm_pool": warm.end(now)}))
    return job.advance(job.progress.say(Message.RETAINED, now, warm_pool=warm.keep(now)))


def _is_kept(job: TrainingJob) -> bool:
    """Not after faults of the platform, nor where nothing was launched."""
    reason = job.progress.failure_reason or ""
    is_platform_s = reason.startswith((INTERNAL, CAPACITY))
    launched = job.progress.launched_at is not None
    return job.keep_alive_period_in_seconds > 0 and launched and not is_platform_s


def expiry(pool: TrainingJob, time_scale: float) -> datetime:
    """When its instances are given up, unless somebody takes them over before."""
    warm = pool.progress.warm_pool
    since = (warm.available_since if warm else None) or pool.progress.last_modified_time
    return since + timedelta(seconds=pool.keep_alive_period_in_seconds) * time_scale


def reused(pool: TrainingJob, job_name: str, now: datetime) -> TrainingJob:
    warm = (pool.progress.warm_pool or WarmPool()).end(now, job_name)
    return pool.advance(pool.progress.say(f"{Message.REUSED} {job_name}", now, warm_pool=warm))


def terminated(pool: TrainingJob, now: datetime) -> TrainingJob:
    warm = (pool.progress.warm_pool or WarmPool()).end(now)
    return pool.advance(pool.progress.model_copy(update={"warm_pool": warm, "last_modified_time": now}))


async def remove_pool(pool: str, parts: TrainingParts) -> None:
    await parts.compute.destroy(pool)
    await blocking(parts.disk, shutil.rmtree, parts.work_root / pool, ignore_errors=True)


def _link(kept: Path, target: Path) -> bool:
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(kept, target)
    except FileNotFoundError:
        return False
    return True


def _key(job: TrainingJob) -> tuple[object, ...]:
    return match_key(job.key.account_id, job.key.region, job.document)


def keep_downloads(objects: ObjectStore, directory: Path, disk: CapacityLimiter) -> Download:
    """Download into a directory of the pool, once for all jobs of the pool; targets are links to what is there."""

    async def download(source: S3Object, target: Path) -> None:
        kept = directory / sha256(repr(source).encode()).hexdigest()
        if not await blocking(disk, _link, kept, target):
            await objects.download(source, kept)
            await blocking(disk, os.link, kept, target)

    return download
