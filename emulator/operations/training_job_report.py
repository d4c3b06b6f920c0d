"""What the AWS API has no place for: the answer of GET /_emulator/training-jobs/NAME."""

from dataclasses import asdict
from typing import Any

from emulator.domain.arn import TrainingJobKey
from emulator.domain.instance_type import catalogue
from emulator.domain.progress import Placement
from emulator.domain.resource_config import Host
from emulator.domain.status import SecondaryStatus
from emulator.domain.training_job import TrainingJob
from emulator.operations.registry import Parts

Report = dict[str, Any]


async def report_training_job(parts: Parts, account_id: str, region: str, name: str) -> Report | None:
    """None for an unknown job."""
    job = await parts.training_jobs.get(TrainingJobKey(account_id, region, name))
    if job is None:
        return None
    return {
        "training_job_name": job.key.name,
        "training_job_arn": job.arn,
        "status": job.status,
        "secondary_status": job.secondary_status,
        "image": _image(job),
        "waits_for": _waits_for(job, parts),
        "run": job.progress.run_number,
        "former_runs": [run.model_dump(mode="json") for run in job.progress.former_runs],
        "fast_file": job.progress.fast_file,
        "fast_file_fault": job.progress.fast_file_fault,
        "channel_bytes": dict(job.progress.channel_bytes),
        "hosts": [_host(job, host) for host in job.request.resource_config.hosts()],
    }


def _waits_for(job: TrainingJob, parts: Parts) -> Report:
    """ARN -> bytes of memory of whatever holds the machine while the job waits for room."""
    return parts.occupancy.holders if job.secondary_status is SecondaryStatus.PENDING else {}


def _image(job: TrainingJob) -> Report | None:
    """None until the image is there."""
    return asdict(job.progress.image) if job.progress.image is not None else None


def _host(job: TrainingJob, host: Host) -> Report:
    counts = job.progress.object_counts
    return {
        "host": host.name,
        "instance_type": host.instance_type,
        "instance_group": host.group,
        "nominal_memory_bytes": catalogue()[host.instance_type].memory_bytes,
        **_limits(job.progress.placement, host.name),
        "objects": {
            channel: by_host[host.name] for channel, by_host in counts.items() if host.name in by_host
        },
    }


def _limits(placement: Placement | None, host: str) -> Report:
    """Empty while the job waits for capacity."""
    if placement is None:
        return {}
    limits = placement.limits[host]
    return {
        "memory_limit_bytes": limits.memory_bytes,
        "vcpus": limits.cpus,
        "shm_bytes": limits.shm_bytes,
        "gpu_ids": list(limits.gpu_ids),
        "notices": list(placement.notices.get(host, ())),
    }
