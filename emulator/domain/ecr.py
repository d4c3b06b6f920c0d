"""Amazon ECR's words: a registry is one account's in one Region, and has repositories."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from emulator.domain.image_name import ImageName

_HOST = re.compile(
    r"(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|c2s\.ic\.gov|sc2s\.sgov\.gov)"
)
IMMUTABLE = "IMMUTABLE"


class EcrRegistry(NamedTuple):
    """Whose repositories, and where."""

    account_id: str
    region: str

    @property
    def host(self) -> str:
        suffix = ".cn" if self.region.startswith("cn-") else ""
        return f"{self.account_id}.dkr.ecr.{self.region}.amazonaws.com{suffix}"


class RepositoryKey(NamedTuple):
    account_id: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        return f"arn:aws:ecr:{self.region}:{self.account_id}:repository/{self.name}"

    @property
    def path(self) -> str:
        """The repository's name in the local registry, which keeps those of all accounts and Regions."""
        return f"{self.account_id}/{self.region}/{self.name}"


@dataclass(frozen=True)
class Repository:
    key: RepositoryKey
    created_at: datetime
    settings: Mapping[str, Any]
    """Members of CreateRepository that DescribeRepositories tells again, in wire casing."""
    policy: str | None = None
    lifecycle_policy: str | None = None

    @property
    def is_immutable(self) -> bool:
        return bool(self.settings.get("imageTagMutability") == IMMUTABLE)


class RegistryAddress(NamedTuple):
    """Where the local registry answers."""

    engine: str
    """`host:port` as the Docker Engine reaches it."""
    url: str
    """As the emulator reaches it."""


class RegistryUnavailableError(Exception):
    """No local registry can be had; the text says why."""


def ecr_registry(host: str) -> EcrRegistry | None:
    """The registry that a host such as `123456789012.dkr.ecr.us-east-1.amazonaws.com` names."""
    match = _HOST.fullmatch(host)
    return EcrRegistry(*match.groups()) if match else None


def ecr_repository(image: ImageName) -> RepositoryKey | None:
    """None for an image outside of ECR."""
    registry = ecr_registry(image.registry)
    return RepositoryKey(*registry, image.repository) if registry else None
