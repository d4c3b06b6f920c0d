"""One invocation as its caller asked for it, and which of its headers a container sees."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.domain.arn import ResourceKey
from emulator.hosting.invocation_body import InvocationBody
from emulator.hosting.invocation_errors import (
    invalid_invocation,
    target_model_missing,
    target_model_not_supported,
)
from emulator.hosting.routing import EndpointRoute, VariantRoute

INVOCATION_LIMIT = 60.0
"""Seconds for the container's answer (API InvokeEndpoint)."""

_PREFIX = "X-Amzn-SageMaker-"
CUSTOM_ATTRIBUTES = f"{_PREFIX}Custom-Attributes"
NEW_SESSION_ID = f"{_PREFIX}New-Session-Id"
CLOSED_SESSION_ID = f"{_PREFIX}Closed-Session-Id"
NEW_SESSION = "NEW_SESSION"
"""SessionId of a request that opens one."""

CONTAINER_HEADERS = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": CUSTOM_ATTRIBUTES,
    "InferenceId": f"{_PREFIX}Inference-Id",
    "SessionId": f"{_PREFIX}Session-Id",
    "TargetModel": f"{_PREFIX}Target-Model",
}
"""All that a container sees of the caller's headers ("strips all POST headers except those supported by the API")."""


@dataclass(frozen=True)
class InvocationRequest:
    key: ResourceKey
    """The endpoint's."""
    members: Mapping[str, Any]
    """Of the operation's input, without Body; checked against its shape."""
    body: InvocationBody
    limit: float = INVOCATION_LIMIT
    """Seconds."""
    is_async: bool = False
    request_id: str = ""

    def text(self, member: str) -> str | None:
        value = self.members.get(member)
        return value if isinstance(value, str) else None

    def container_headers(self, is_last: bool, content_type: str | None = None) -> dict[str, str]:
        """Only the last container of a pipeline is asked for what the caller accepts; those before it answer what the
        next one takes. `content_type` is that of the answer before.
        """
        headers = {header: value for name, header in CONTAINER_HEADERS.items() if (value := self.text(name))}
        if content_type is not None:
            headers["Content-Type"] = content_type
        if not is_last:
            headers.pop("Accept", None)
        return headers


def require_emulated(request: InvocationRequest) -> None:
    """Raises ServiceError for members that mean what the emulator does not have."""
    refused = {"InferenceComponentName": "inference components", "EnableExplanations": "explainers"}
    for member, feature in refused.items():
        if request.members.get(member):
            raise invalid_invocation(f"The emulator does not support {feature}: remove {member}.")


def require_targets(request: InvocationRequest, route: EndpointRoute, variant: VariantRoute) -> None:
    """Raises ServiceError where TargetModel or TargetContainerHostname do not fit the endpoint."""
    name, has_models = request.key.name, any(each.model_files for each in variant.containers)
    if has_models and request.text("TargetModel") is None:
        raise target_model_missing(request.request_id)
    if not has_models and request.text("TargetModel") is not None:
        raise target_model_not_supported(name)
    if variant.is_direct and request.text("TargetContainerHostname") is None:
        raise invalid_invocation(
            f"Endpoint {name} invokes its containers directly: TargetContainerHostname is required."
        )
    if not variant.is_direct and request.text("TargetContainerHostname") is not None:
        raise invalid_invocation(
            f"Endpoint {name} does not invoke its containers directly: remove TargetContainerHostname."
        )
    if route.async_config is not None and not request.is_async:
        raise invalid_invocation(f"Endpoint {name} is asynchronous: use InvokeEndpointAsync.")
