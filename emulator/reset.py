"""POST /_emulator/reset: back to an emulator that nobody has used yet, in whole or for one account or Region."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from emulator.domain.reset_scope import ResetScope
from emulator.embedded_s3.server import EmbeddedS3
from emulator.hosting.hosting_plane import HostingPlane
from emulator.logs.log_store import LogStore
from emulator.metrics.metric_store import MetricStore
from emulator.objects.pass_through import PassThrough
from emulator.store.algorithms import AlgorithmStore
from emulator.store.hosting_stores import HostingStores
from emulator.training.scheduler import Scheduler

Report = dict[str, Any]


class ResetRequest(BaseModel):
    """The request's body; what it does not name is everything."""

    model_config = ConfigDict(extra="forbid")

    account_id: str | None = Field(default=None, pattern=r"^\d{12}$")
    region: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,32}$")

    def scope(self) -> ResetScope:
        return ResetScope(self.account_id, self.region)


async def reset(
    scope: ResetScope,
    scheduler: Scheduler,
    hosting: HostingPlane,
    stores: tuple[LogStore, MetricStore, AlgorithmStore, HostingStores],
    s3: EmbeddedS3 | PassThrough,
) -> Report:
    """Delete jobs with their containers, algorithms, tags, logs, metrics and buckets; answers when done.

    No job of the scope that began before writes anything afterwards: each has ended before its row is deleted, and
    none begins before the buckets are gone. An external S3 keeps its objects, which are not ours.
    """
    async with scheduler.resetting(scope) as deleted, hosting.resetting(scope) as hosted:
        for store in stores:
            await store.delete_all(scope)
        buckets = await _clear_s3(s3, scope)
    return {
        "account_id": scope.account_id,
        "region": scope.region,
        "training_jobs": {"deleted": deleted.training_jobs, "of_them_unfinished": deleted.unfinished},
        **{kind: {"deleted": count} for kind, count in hosted.items()},
        "containers_left": deleted.left,
        "s3": buckets,
    }


async def _clear_s3(s3: EmbeddedS3 | PassThrough, scope: ResetScope) -> Report:
    if isinstance(s3, EmbeddedS3):
        return {"status": "cleared", "buckets": await s3.clear(scope)}
    return {"status": "untouched", "reason": "The external S3 keeps its objects; delete them there."}
