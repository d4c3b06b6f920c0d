"""Where a training image may come from, in the order of the search."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from emulator.domain.ecr import EcrRegistry, RepositoryKey, ecr_repository
from emulator.domain.image_alias import ImageAlias, find_aliases
from emulator.domain.image_name import ImageName


class ImageSource(StrEnum):
    ENGINE = "engine"
    """The Docker Engine has it under its full name."""
    ALIAS = "alias"
    REGISTRY = "registry"
    """The local registry, which stands in for ECR."""
    REMOTE = "remote"


@dataclass(frozen=True)
class ResolvedImage:
    """The image that a job runs."""

    name: str
    """What the Engine is told to run: an image id, or a name with a digest, so that it stays the same image."""
    digest: str | None
    """Of its manifest in a registry; the image id where it was never in one; None before it is pulled."""
    source: ImageSource


@dataclass(frozen=True)
class ImageCandidate:
    source: ImageSource
    name: str
    may_be_pulled: bool = True


@dataclass(frozen=True)
class ImageSearch:
    """How the names of this emulator's users are to be read."""

    own_addresses: frozenset[str] = frozenset()
    """`host:port` under which callers reach the emulator, whose `/v2/` is ECR's face."""
    aliases: tuple[ImageAlias, ...] = ()

    def repository(self, image: str, caller: EcrRegistry) -> RepositoryKey | None:
        """The repository in ECR that an image's full name, or its name under our own address, means."""
        name = ImageName.parse(image)
        if name.registry in self.own_addresses:
            return RepositoryKey(*caller, name.repository)
        return ecr_repository(name)

    def candidates(self, image: str, caller: EcrRegistry, registry: str | None) -> Iterator[ImageCandidate]:
        """Names by which the Engine may have or get it, best first. `registry`: the local one's `host:port`."""
        name = ImageName.parse(image)
        yield ImageCandidate(ImageSource.ENGINE, image)
        for alias in find_aliases(name, self.aliases):
            yield ImageCandidate(ImageSource.ALIAS, alias.image, alias.may_be_pulled)
        key = self.repository(image, caller)
        if registry is not None:
            yield from (ImageCandidate(ImageSource.REGISTRY, n) for n in _in_registry(name, key, registry))
        if name.registry not in self.own_addresses | {registry}:
            yield ImageCandidate(ImageSource.REMOTE, image)


def _in_registry(name: ImageName, key: RepositoryKey | None, registry: str) -> Iterator[str]:
    """Also without account and Region: so does who pushes into the registry past the emulator."""
    if name.registry == registry:
        yield str(name)
    elif key is not None:
        yield str(ImageName(registry, key.path, name.tag, name.digest))
        yield str(ImageName(registry, key.name, name.tag, name.digest))
