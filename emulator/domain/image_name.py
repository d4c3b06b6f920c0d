"""Names of container images, as Docker reads them."""

import re
from dataclasses import dataclass

_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")


@dataclass(frozen=True)
class ImageName:
    """`registry/repository:tag@digest`; what the name does not have is empty."""

    registry: str
    """`host` or `host:port`; empty for Docker Hub and for images that only have a local name."""
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> "ImageName":
        """Never fails: what is no name of an image is one that nobody has."""
        name, _, digest = text.partition("@")
        head, colon, tag = name.rpartition(":")
        if not colon or not _TAG.fullmatch(tag):
            head, tag = name, ""
        registry, slash, repository = head.partition("/")
        if slash and ("." in registry or ":" in registry or registry == "localhost"):
            return cls(registry, repository, tag, digest)
        return cls("", head, tag, digest)

    @property
    def reference(self) -> str:
        """Digest or tag. A name without either means the tag `latest`."""
        return self.digest or self.tag or "latest"

    @staticmethod
    def is_reference(text: str) -> bool:
        """Whether the text has the form of a tag or a digest, so that it can stand in a path."""
        return _TAG.fullmatch(text) is not None or _DIGEST.fullmatch(text) is not None

    @staticmethod
    def is_path(text: str) -> bool:
        """Whether a name stays below the path that it is put behind: it has no segment such as `..`."""
        return all(segment not in ("", ".", "..") for segment in text.split("/"))

    @property
    def in_repository(self) -> str:
        """The name without its registry: `repository:tag` or `repository@digest`."""
        return f"{self.repository}{'@' if self.digest else ':'}{self.reference}"

    def __str__(self) -> str:
        return f"{self.registry}/{self.in_repository}" if self.registry else self.in_repository
