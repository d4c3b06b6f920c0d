"""A training job's cluster, as it is on this machine."""

from emulator.blocking import blocking
from emulator.domain.cluster import ClusterSpec, Mount
from emulator.domain.failure_reason import internal_error
from emulator.domain.training_job import TrainingJob
from emulator.training.file_system_channel import file_system_mount
from emulator.training.parts import TrainingParts
from emulator.training.plan import compile_cluster


async def job_cluster(job: TrainingJob, parts: TrainingParts) -> ClusterSpec:
    """Raises JobFailure, also where the directory of a file system is gone."""
    if job.progress.placement is None:
        raise internal_error("a training job without a placement was to run")
    shared = await blocking(parts.disk, _file_system_mounts, job, parts)
    return compile_cluster(job, job.progress.placement, shared)


def _file_system_mounts(job: TrainingJob, parts: TrainingParts) -> dict[str, Mount]:
    """By channel."""
    found = {c.channel_name: file_system_mount(c, parts.file_systems) for c in job.request.input_data_config}
    return {name: mount for name, mount in found.items() if mount is not None}
