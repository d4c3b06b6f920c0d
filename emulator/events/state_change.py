"""Pure: "SageMaker Training Job State Change" events, in EventBridge's shape.

Source: DG automating-sagemaker-with-eventbridge. Times in the detail are texts of milliseconds since the epoch.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from emulator.domain.status import SecondaryStatus
from emulator.domain.training_job import TrainingJob
from emulator.operations.training_job_description import describe

Event = dict[str, Any]


def state_change(job: TrainingJob, tags: Mapping[str, str], index: int) -> Event:
    """The event of the job's transition `index`. The same transition always gives the same `id`."""
    entered = job.progress.transitions[index].start_time
    name = f"{job.arn} {job.creation_time.isoformat()} {index}"
    return {
        "version": "0",
        "id": str(uuid5(NAMESPACE_URL, name)),
        "detail-type": "SageMaker Training Job State Change",
        "source": "aws.sagemaker",
        "account": job.key.account_id,
        "time": entered.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": job.key.region,
        "resources": [job.arn],
        "detail": {**_json_value(describe(as_of(job, index))), "Tags": dict(tags)},
    }


def as_of(job: TrainingJob, index: int) -> TrainingJob:
    """The job as it was when it entered the transition `index`, whatever came later."""
    *earlier, last = job.progress.transitions[: index + 1]
    was_stopping = any(each.status is SecondaryStatus.STOPPING for each in (*earlier, last))
    started = job.progress.training_start_time
    has_started = started is not None and started <= last.start_time
    progress = job.progress.model_copy(
        update={
            "secondary_status": last.status,
            "transitions": (
                *earlier,
                last if last.status.is_final else last.model_copy(update={"end_time": None}),
            ),
            "last_modified_time": last.start_time,
            "training_start_time": started if has_started else None,
            "training_end_time": job.progress.training_end_time if last.status.is_final else None,
            "stop_reason": job.progress.stop_reason if was_stopping or last.status.is_final else None,
        }
    )
    return replace(job, progress=progress, stop_requested_at=None, updated_at=None)


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return str(int(value.timestamp() * 1000))
    if isinstance(value, Mapping):
        return {name: _json_value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    return value
