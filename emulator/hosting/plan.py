"""Pure: one variant of a deployment, compiled to the cluster that serves it.

Source: DG your-algorithms-inference-code.
"""

from hashlib import sha256
from typing import NamedTuple

from emulator.domain.arn import ResourceKey
from emulator.domain.cluster import HOSTING_MARK, ClusterSpec, InstanceSpec, LayeredView, Limits, Mount
from emulator.domain.endpoint import Deployment, Endpoint, Fleet
from emulator.domain.endpoint_config import ProductionVariant
from emulator.domain.image_source import ImageSource, ResolvedImage
from emulator.domain.job_credentials import SECRET
from emulator.domain.model import ContainerDefinition, ModelRequest
from emulator.domain.progress import Placement

PORT = 8080
MODEL = "/opt/ml/model"
MULTI_MODEL = "/opt/ml/models"
MULTI_MODEL_DIRECTORY = "multi-model"
"""Below the hosting work directory: one for each cluster."""
CREDENTIALS_PATH = "/_emulator/credentials"


def variant_cluster(endpoint: Endpoint, revision: int, variant: str) -> str:
    salt = f"{endpoint.arn}{endpoint.creation_time.isoformat()}"
    digest = sha256(f"{salt}/{revision}/{variant}".encode()).hexdigest()[:8]
    return f"endpoint{HOSTING_MARK}{endpoint.key.name.lower()}-{revision}-{digest}"


def deployment_clusters(endpoint: Endpoint, deployment: Deployment) -> list[str]:
    revision, variants = deployment.revision, deployment.variants
    return [variant_cluster(endpoint, revision, variant.variant_name) for variant in variants]


def instance_name(variant: str, number: int) -> str:
    """Of the instance, counted from 1; its containers are `container_host`s."""
    return f"{variant}-{number}"


def container_host(instance: str, position: int, containers: int) -> str:
    return instance if containers == 1 else f"{instance}-c{position + 1}"


def compile_variant(
    endpoint: Endpoint, deployment: Deployment, variant: ProductionVariant, fleet: Fleet
) -> ClusterSpec:
    """All instances of the variant that have a place on the machine."""
    model = deployment.model(variant)
    prefix = f"{variant.variant_name}-"
    names = [name for name in fleet.placement.limits if _is_instance_of(name, prefix)]
    cluster = variant_cluster(endpoint, deployment.revision, variant.variant_name)
    return ClusterSpec(
        name=cluster,
        isolated=model.enable_network_isolation or deployment.request.enable_network_isolation,
        instances=tuple(
            spec
            for name in names
            for spec in instance_specs(
                endpoint.key, cluster, model, name, ingredients_of(fleet, variant.variant_name, name)
            )
        ),
    )


def planned_cluster(endpoint: Endpoint, deployment: Deployment, variant: ProductionVariant) -> ClusterSpec:
    """The variant's cluster before there is room, models or images for it: enough to prepare it."""
    names = [
        instance_name(variant.variant_name, number)
        for number in range(1, deployment.initial_count(variant) + 1)
    ]
    pipeline = deployment.model(variant).pipeline
    images = tuple(ResolvedImage(each.image, None, ImageSource.REMOTE) for each in pipeline)
    planned = Fleet(
        placement=Placement(limits=dict.fromkeys(names, Limits(memory_bytes=0, cpus=0, shm_bytes=0))),
        artifacts={variant.variant_name: (None,) * len(pipeline)},
        images={variant.variant_name: images},
    )
    return compile_variant(endpoint, deployment, variant, planned)


def _is_instance_of(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name.removeprefix(prefix).isdigit()


class Ingredients(NamedTuple):
    """What the containers of one instance are made from, in the pipeline's order."""

    limits: Limits
    images: tuple[str, ...]
    artifacts: tuple[str | None, ...]


def ingredients_of(fleet: Fleet, variant: str, instance: str) -> Ingredients:
    images = tuple(image.name for image in fleet.images[variant])
    return Ingredients(fleet.placement.limits[instance], images, fleet.artifacts[variant])


def instance_specs(
    key: ResourceKey, cluster: str, model: ModelRequest, instance: str, made_from: Ingredients
) -> list[InstanceSpec]:
    """One container, or those of a pipeline, which share the instance's memory in equal parts."""
    pipeline = model.pipeline
    return [
        container_spec(
            key=key,
            cluster=cluster,
            host=container_host(instance, position, len(pipeline)),
            container=container,
            image=made_from.images[position],
            artifact=made_from.artifacts[position],
            limits=share_of(made_from.limits, len(pipeline)),
            is_isolated=model.enable_network_isolation,
        )
        for position, container in enumerate(pipeline)
    ]


def container_spec(  # noqa: PLR0913 - an InstanceSpec has as many facts
    *,
    key: ResourceKey,
    cluster: str,
    host: str,
    container: ContainerDefinition,
    image: str,
    artifact: str | None,
    limits: Limits,
    is_isolated: bool,
) -> InstanceSpec:
    views = () if artifact is None or container.is_multi_model else (LayeredView(MODEL, (artifact,)),)
    models = multi_model_directory(cluster, host)
    mounts = (Mount(models, MULTI_MODEL, True),) if container.is_multi_model else ()
    return InstanceSpec(
        host=host,
        image=image,
        entrypoint=None,
        arguments=("serve",),
        environment={**_platform(key, container, bool(limits.gpu_ids), is_isolated), **container.environment},
        endpoint_variables={} if is_isolated else _endpoint_variables(key, container),
        directories=(),
        files={},
        views=views,
        mounts=mounts,
        limits=limits,
        hidden=(MODEL,),
        hostname=container.container_hostname,
    )


def multi_model_directory(cluster: str, host: str) -> str:
    """What a multi-model container sees as /opt/ml/models; below the hosting work directory."""
    return f"{MULTI_MODEL_DIRECTORY}/{cluster}/{host}"


def share_of(limits: Limits, containers: int) -> Limits:
    return Limits(
        memory_bytes=limits.memory_bytes // containers,
        cpus=limits.cpus,
        shm_bytes=limits.shm_bytes // containers,
        gpu_ids=limits.gpu_ids,
    )


def _platform(
    key: ResourceKey, container: ContainerDefinition, has_gpus: bool, is_isolated: bool
) -> dict[str, str]:
    variables = {"AWS_REGION": key.region, "SAGEMAKER_BIND_TO_PORT": str(PORT)}
    if container.is_multi_model:
        variables["SAGEMAKER_MULTI_MODEL"] = "true"
    if not has_gpus:
        variables["NVIDIA_VISIBLE_DEVICES"] = "void"
    if not is_isolated:
        secrets = {"AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": SECRET}
        variables |= {"AWS_ACCESS_KEY_ID": key.account_id, **secrets}
    return variables


def _endpoint_variables(key: ResourceKey, container: ContainerDefinition) -> dict[str, str]:
    paths = {
        "AWS_ENDPOINT_URL": "",
        "S3_ENDPOINT_URL": "",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{CREDENTIALS_PATH}/{key.account_id}",
    }
    return {name: path for name, path in paths.items() if name not in container.environment}
