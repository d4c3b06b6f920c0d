"""Pure: how an instance is asked: what the request says, else the container's answer to `GET /execution-parameters`,
else AWS's defaults (API CreateTransformJob, DG your-algorithms-batch-code).
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from emulator.domain.transform_job import TransformJobRequest
from emulator.hosting.transform_plan import STRATEGIES

LARGEST_PRODUCT = 100
"""MB: MaxConcurrentTransforms * MaxPayloadInMB."""

DEFAULT_PAYLOAD = 6
"""MB."""


class TransformParameters(NamedTuple):
    max_concurrent_transforms: int = 1
    max_payload_in_mb: int = DEFAULT_PAYLOAD
    """0: no limit."""
    batch_strategy: str = "MultiRecord"

    def __str__(self) -> str:
        """As the first line of a real data log has them."""
        return (
            f"MaxConcurrentTransforms={self.max_concurrent_transforms}, MaxPayloadInMB={self.max_payload_in_mb}, "
            f"BatchStrategy={STRATEGIES[self.batch_strategy]}"
        )


class Told(NamedTuple):
    """The container's wishes."""

    values: Mapping[str, Any]
    """Valid ones by name, the strategy as the API spells it."""
    remarks: tuple[str, ...] = ()
    """One sentence for each wish that is not valid, and therefore not fulfilled."""


def is_decided(request: TransformJobRequest) -> bool:
    """Whether there is nothing to ask the container for."""
    return bool(
        request.max_concurrent_transforms and request.batch_strategy and request.max_payload_in_mb is not None
    )


def decide(request: TransformJobRequest, told: Mapping[str, Any]) -> TransformParameters:
    """Choice: MaxConcurrentTransforms of the container counts up to 100 MB of payload in flight."""
    payload = request.max_payload_in_mb
    if payload is None:
        payload = told.get("MaxPayloadInMB", DEFAULT_PAYLOAD)
    most = LARGEST_PRODUCT // max(1, payload)
    return TransformParameters(
        request.max_concurrent_transforms or min(most, told.get("MaxConcurrentTransforms", 1)),
        payload,
        request.batch_strategy or told.get("BatchStrategy", "MultiRecord"),
    )


def read_wishes(content: bytes) -> Told:
    """The body of the answer to `GET /execution-parameters`."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        return Told({}, ("The answer to GET /execution-parameters is not a JSON object, so it is ignored.",))
    values: dict[str, Any] = {}
    remarks = []
    spelt = {wire: name for name, wire in STRATEGIES.items()}
    for name in ("MaxConcurrentTransforms", "MaxPayloadInMB", "BatchStrategy"):
        value = answer.get(name)
        if name == "BatchStrategy" and isinstance(value, str) and value in spelt:
            values[name] = spelt[value]
        elif _is_number(value) and name in RANGES and value in RANGES[name]:
            values[name] = value
        elif value is not None:
            remarks.append(f"{name} {json.dumps(value)[:80]} of /execution-parameters is not valid: ignored.")
    return Told(values, tuple(remarks))


RANGES = {"MaxConcurrentTransforms": range(1, 10_001), "MaxPayloadInMB": range(LARGEST_PRODUCT + 1)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
