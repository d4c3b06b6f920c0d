"""A request to an AWS service, and its answer, as they pass between the gateway and whoever answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class AwsRequest:
    account_id: str
    region: str
    service: str
    """The signing name of the service, such as `secretsmanager`, or `monitoring` for CloudWatch."""
    method: str
    target: str
    """Path and query, percent-encoded as they came."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(frozen=True)
class AwsAnswer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
