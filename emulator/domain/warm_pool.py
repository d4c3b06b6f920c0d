"""Pure: instances that are kept for a next job (API WarmPoolStatus, DG train-warm-pools)."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class PoolStatus(StrEnum):
    IN_USE = "InUse"
    AVAILABLE = "Available"
    REUSED = "Reused"
    TERMINATED = "Terminated"


class WarmPool(BaseModel):
    """What became of the instances of a job with KeepAlivePeriodInSeconds."""

    model_config = ConfigDict(frozen=True)

    status: PoolStatus = PoolStatus.IN_USE
    available_since: datetime | None = None
    retained_seconds: int | None = None
    """How long they waited; None until that is over."""
    reused_by: str | None = None

    def keep(self, now: datetime) -> "WarmPool":
        return WarmPool(status=PoolStatus.AVAILABLE, available_since=now)

    def end(self, now: datetime, reused_by: str | None = None) -> "WarmPool":
        """Reused by the job of that name, else terminated."""
        since = self.available_since or now
        return WarmPool(
            status=PoolStatus.TERMINATED if reused_by is None else PoolStatus.REUSED,
            available_since=self.available_since,
            retained_seconds=max(0, int((now - since).total_seconds())),
            reused_by=reused_by,
        )


def may_have_pool(document: Mapping[str, Any]) -> bool:
    """Neither heterogeneous clusters nor spot instances are kept (DG train-warm-pools)."""
    return not document["ResourceConfig"].get("InstanceGroups") and not document.get(
        "EnableManagedSpotTraining"
    )


def match_key(account_id: str, region: str, document: Mapping[str, Any]) -> tuple[object, ...]:
    """Equal for jobs of which one may run on the other's instances.

    Source: DG train-warm-pools, "Matching training jobs".
    """
    resources, vpc = document["ResourceConfig"], document.get("VpcConfig", {})
    return (
        account_id,
        region,
        document["RoleArn"],
        resources.get("InstanceType"),
        resources.get("InstanceCount"),
        resources.get("VolumeSizeInGB"),
        resources.get("VolumeKmsKeyId", ""),
        tuple(sorted(vpc.get("SecurityGroupIds", ()))),
        tuple(sorted(vpc.get("Subnets", ()))),
        bool(document.get("EnableInterContainerTrafficEncryption")),
        bool(document.get("EnableNetworkIsolation")),
        bool(document.get("SessionChainingConfig", {}).get("EnableSessionTagChaining")),
    )
