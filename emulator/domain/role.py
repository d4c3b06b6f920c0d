"""IAM roles, as far as SageMaker looks at them, and who may assume them."""

import json
import re
from base64 import b32encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple, Self

SAGEMAKER = "sagemaker.amazonaws.com"
DEFAULT_ROLE = "SageMakerRole"
"""The role that callers with permanent keys are told to have assumed."""

_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role(/(?:[!-~]*/)?)([\w+=,.@-]{1,64})", re.ASCII)
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class RoleName(NamedTuple):
    """What names a role: names are unique within an account, whatever the path."""

    account_id: str
    path: str
    name: str

    @classmethod
    def parse(cls, arn: str) -> Self | None:
        match = _ARN.fullmatch(arn)
        return cls(*match.groups()) if match else None

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account_id}:role{self.path}{self.name}"

    @property
    def generated_id(self) -> str:
        """An id of the form that IAM gives, always the same for the same role."""
        return "AROA" + b32encode(sha256(self.arn.encode()).digest())[:17].decode()


@dataclass(frozen=True)
class Role:
    name: RoleName
    id: str
    creation_time: datetime
    trust_policy: str
    """The AssumeRolePolicyDocument, as JSON text."""
    description: str | None = None
    max_session_duration: int = 3600
    tags: Mapping[str, str] | None = None
    permissions_boundary: str | None = None

    def trusts(self, service: str) -> bool:
        """Whether the trust policy lets the service principal assume the role; conditions are not looked at."""
        try:
            statements = _items(json.loads(self.trust_policy)["Statement"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return False
        effects = {s.get("Effect") for s in statements if isinstance(s, dict) and _is_about(s, service)}
        return effects == {"Allow"}


def plausible_role(account_id: str, name: str) -> Role:
    """A role that nobody created, as a SageMaker execution role would look."""
    path = "/service-role/" if name.startswith("AmazonSageMaker-ExecutionRole-") else "/"
    statement = {"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole"}
    trust_policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    full_name = RoleName(account_id, path, name)
    return Role(full_name, full_name.generated_id, _LONG_AGO, trust_policy)


def _is_about(statement: dict[str, Any], service: str) -> bool:
    principal = statement.get("Principal")
    services = _items(principal.get("Service", [])) if isinstance(principal, dict) else _items(principal)
    actions = {action.lower() for action in _items(statement.get("Action", [])) if isinstance(action, str)}
    return bool(actions & {"sts:assumerole", "sts:*", "*"}) and any(p in (service, "*") for p in services)


def _items(value: Any) -> list[Any]:
    """Policies have one item or a list of them."""
    return list(_flatten(value))


def _flatten(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else [value]
