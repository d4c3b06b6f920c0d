"""Pure: a training job and what it was given, compiled to the cluster that runs it."""

from collections.abc import Mapping
from hashlib import sha256

from emulator.domain.cluster import ClusterSpec, InstanceSpec, Mount
from emulator.domain.progress import Placement
from emulator.domain.resource_config import Host
from emulator.domain.training_job import AlgorithmSpecification, TrainingJob
from emulator.training.copied_trees import copied_trees
from emulator.training.environment import container_environment, endpoint_variables
from emulator.training.input_layers import DATA, has_pipes, host_mounts, host_views
from emulator.training.opt_ml import DIRECTORIES, config_files


def compile_cluster(
    job: TrainingJob, placement: Placement, shared: Mapping[str, Mount] | None = None
) -> ClusterSpec:
    """`shared` has the mounts of the channels that read from a file system."""
    request = job.request
    hosts = request.resource_config.hosts()
    return ClusterSpec(
        name=cluster_name(job),
        isolated=request.enable_network_isolation,
        pool=job.progress.pool,
        instances=tuple(_compile_instance(job, placement, host, shared or {}) for host in hosts),
    )


def cluster_name(job: TrainingJob) -> str:
    """Of the present run. The job's name, made unique by when and for whom it was created, and by the run."""
    return _run_cluster(job, job.progress.run_number)


def former_cluster_name(job: TrainingJob) -> str | None:
    """Of the run before; None in the first."""
    number = job.progress.run_number - 1
    return _run_cluster(job, number) if number else None


def clusters_of(job: TrainingJob) -> set[str]:
    """All that may exist on the backend: of the present run, of the one before, and what its pool keeps."""
    others = (former_cluster_name(job), job.progress.pool)
    return {cluster_name(job), *(name for name in others if name is not None)}


def _run_cluster(job: TrainingJob, run_number: int) -> str:
    salt = f"{job.key.account_id}{job.key.region}{job.creation_time.isoformat()}"
    run = "" if run_number == 1 else f"/{run_number}"
    return f"{job.key.name.lower()}-{fingerprint(salt + run)}"


def fingerprint(text: str) -> str:
    """Eight hexadecimal digits that stand for `text` in names."""
    return sha256(text.encode()).hexdigest()[:8]


def _compile_instance(
    job: TrainingJob, placement: Placement, host: Host, shared: Mapping[str, Mount]
) -> InstanceSpec:
    request = job.request
    algorithm = request.algorithm_specification
    limits = placement.limits[host.name]
    entrypoint, arguments = container_command(algorithm)
    return InstanceSpec(
        host=host.name,
        image=job.progress.image.name if job.progress.image else algorithm.training_image or "",
        entrypoint=entrypoint,
        arguments=arguments,
        environment=container_environment(job, has_gpus=bool(limits.gpu_ids)),
        endpoint_variables=endpoint_variables(job),
        directories=tuple(d for d in DIRECTORIES if d != DATA or not has_pipes(request, host.name)),
        files=config_files(request, host, job.progress.run_number),
        views=host_views(request, host.name, job.progress.fast_file),
        mounts=(*host_mounts(request, host.name, job.progress.fast_file), *shared.values()),
        trees=copied_trees(job, host.name),
        limits=limits,
        pool=job.progress.pool,
    )


def container_command(algorithm: AlgorithmSpecification) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """(entrypoint, arguments): `train` is the argument only where the request overrides neither.

    Source: DG your-algorithms-training-algo-dockerfile.
    """
    entrypoint = algorithm.container_entrypoint or None
    arguments = algorithm.container_arguments
    if entrypoint is None and not arguments:
        return None, ("train",)
    return entrypoint, arguments
