"""Where the output of an endpoint's containers goes (DG logging-cloudwatch)."""

from hashlib import sha256

from emulator.domain.endpoint import Deployment, Endpoint
from emulator.domain.endpoint_config import ProductionVariant
from emulator.logs.log_event import LogGroupKey, LogStreamKey


def log_group(endpoint_name: str) -> str:
    return f"/aws/sagemaker/Endpoints/{endpoint_name}"


def endpoint_stream(
    endpoint: Endpoint, deployment: Deployment, variant: ProductionVariant, instance: str, position: int
) -> LogStreamKey:
    """`<variant>/<instance id>`, and in a pipeline `/<container>` after it, which is at `position`.

    The instances of another deployment are others.
    """
    salt = f"{endpoint.arn}{endpoint.creation_time.isoformat()}"
    digest = sha256(f"{salt}/{deployment.revision}/{instance}".encode()).hexdigest()
    model = deployment.model(variant)
    container = "" if len(model.pipeline) == 1 else f"/{model.container_name(position)}"
    group = LogGroupKey(endpoint.key.account_id, endpoint.key.region, log_group(endpoint.key.name))
    return LogStreamKey(group, f"{variant.variant_name}/i-{digest[:17]}{container}")
