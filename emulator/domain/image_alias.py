"""Images of others, such as AWS's built-in algorithms, and what stands in for them here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from emulator.domain.ecr import ecr_repository
from emulator.domain.image_name import ImageName


@dataclass(frozen=True)
class ImageAlias:
    pattern: str
    """`*` and `?` stand for anything. Without a registry's host it means repositories in ECR, of any account and
    Region; without a tag it means every tag and digest."""
    image: str
    may_be_pulled: bool = True
    """Otherwise the alias counts only where its image is on the Engine already."""

    def matches(self, name: ImageName) -> bool:
        pattern = ImageName.parse(self.pattern)
        if pattern.registry:
            is_there = fnmatchcase(name.registry, pattern.registry)
        else:
            is_there = ecr_repository(name) is not None
        return is_there and _matches_below_host(pattern, name)


def _matches_below_host(pattern: ImageName, name: ImageName) -> bool:
    """`ImageName.parse` takes a tag with wildcards for a part of the repository."""
    text = pattern.repository if not pattern.tag else f"{pattern.repository}:{pattern.tag}"
    repository, colon, tag = text.rpartition(":")
    if not colon:
        return fnmatchcase(name.repository, text)
    return fnmatchcase(name.repository, repository) and fnmatchcase(name.reference, tag)


def find_aliases(name: ImageName, aliases: Iterable[ImageAlias]) -> Iterator[ImageAlias]:
    """Those that match, in their own order."""
    return (alias for alias in aliases if alias.matches(name))
