"""Pure: a transform job, compiled to the cluster whose containers transform its input.

Source: DG your-algorithms-batch-code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from emulator.domain.cluster import HOSTING_MARK, ClusterSpec, InstanceSpec
from emulator.domain.progress import Placement
from emulator.domain.resource_config import HOMOGENEOUS, Host
from emulator.domain.transform_job import TransformJob, TransformJobRequest
from emulator.hosting.plan import Ingredients, instance_specs

STRATEGIES = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}
"""As the API has them -> as containers and logs have them."""


def cluster_name(job: TransformJob) -> str:
    digest = sha256(f"{job.arn}{job.creation_time.isoformat()}".encode()).hexdigest()[:8]
    return f"transform{HOSTING_MARK}{job.key.name.lower()}-{digest}"


def hosts_of(job: TransformJob) -> list[Host]:
    resources = job.request.transform_resources
    numbers = range(1, resources.instance_count + 1)
    return [Host(f"algo-{number}", HOMOGENEOUS, resources.instance_type) for number in numbers]


def compile_job(
    job: TransformJob, placement: Placement, images: Sequence[str], artifacts: Sequence[str | None]
) -> ClusterSpec:
    """`images` and `artifacts` are those of the model's containers, in the pipeline's order."""
    cluster = cluster_name(job)
    return ClusterSpec(
        name=cluster,
        isolated=job.model.enable_network_isolation,
        instances=tuple(
            _for_batch(spec, job.request)
            for host in hosts_of(job)
            for spec in instance_specs(
                job.key,
                cluster,
                job.model,
                host.name,
                Ingredients(placement.limits[host.name], tuple(images), tuple(artifacts)),
            )
        ),
    )


def _for_batch(spec: InstanceSpec, request: TransformJobRequest) -> InstanceSpec:
    paths = {name: path for name, path in spec.endpoint_variables.items() if name not in request.environment}
    variables = {**spec.environment, **batch_variables(request), **request.environment}
    return replace(spec, environment=variables, endpoint_variables=paths)


def batch_variables(request: TransformJobRequest) -> Mapping[str, str]:
    """Of what the request leaves open nothing is told, also where the container decides it later."""
    variables = {"SAGEMAKER_BATCH": "true"}
    if request.max_payload_in_mb is not None:
        variables["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = str(request.max_payload_in_mb)
    if request.batch_strategy is not None:
        variables["SAGEMAKER_BATCH_STRATEGY"] = STRATEGIES[request.batch_strategy]
    if request.max_concurrent_transforms:
        variables["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = str(request.max_concurrent_transforms)
    return variables
