"""Where the output of an endpoint's containers goes (DG logging-cloudwatch)."""

from hashlib import sha256

from emulator.domain.endpoint import Endpoint
from emulator.domain.model import ModelRequest
from emulator.logs.log_event import LogGroupKey, LogStreamKey


def log_group(endpoint_name: str) -> str:
    return f"/aws/sagemaker/Endpoints/{endpoint_name}"


def endpoint_stream(
    endpoint: Endpoint, variant: str, model: ModelRequest, instance: str, position: int
) -> LogStreamKey:
    """`<variant>/<instance id>`, and in a pipeline `/<container>` after it, which is at `position`."""
    digest = sha256(f"{endpoint.arn}{endpoint.creation_time.isoformat()}/{instance}".encode()).hexdigest()
    container = "" if len(model.pipeline) == 1 else f"/{model.container_name(position)}"
    group = LogGroupKey(endpoint.key.account_id, endpoint.key.region, log_group(endpoint.key.name))
    return LogStreamKey(group, f"{variant}/i-{digest[:17]}{container}")
