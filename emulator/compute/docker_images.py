"""Training images on the Engine: there already, or pulled."""

from collections.abc import Sequence

from docker import APIClient
from docker.errors import APIError, ImageNotFound, InvalidRepository

from emulator.domain.ecr import ecr_repository
from emulator.domain.failure_reason import image_not_found
from emulator.domain.image_name import ImageName
from emulator.domain.image_source import ImageCandidate, ImageSource, ResolvedImage

NOT_TO_BE_PULLED = "it is not on the Docker Engine, nor in the local registry, and pulling is off (OFFLINE)."
_ON_ENGINE = (ImageSource.ENGINE, ImageSource.ALIAS)


class ImageFinder:
    """Blocking; every method asks the Engine, which asks the registries."""

    def __init__(self, api: APIClient, offline: bool) -> None:
        """`offline`: whether registries other than the local one are out of reach."""
        self._api = api
        self._offline = offline

    def find_here(self, candidates: Sequence[ImageCandidate]) -> ResolvedImage | None:
        """On the Engine or in the local registry. Nothing is pulled."""
        for candidate in candidates:
            found = None
            if candidate.source in _ON_ENGINE:
                found = self._on_engine(candidate.name, candidate.source)
            elif candidate.source is ImageSource.REGISTRY:
                found = self._in_registry(candidate.name, candidate.source)
            if found is not None:
                return found
        return None

    def find_remote(self, candidates: Sequence[ImageCandidate]) -> ResolvedImage | None:
        """Where pulling may succeed. Only ECR is asked: it is AWS that refuses a job for a missing image there."""
        for candidate in self._remote(candidates):
            if ecr_repository(ImageName.parse(candidate.name)) is None:
                return ResolvedImage(candidate.name, None, candidate.source)
            found = self._in_registry(candidate.name, candidate.source)
            if found is not None:
                return found
        return None

    def fetch(self, image: str, candidates: Sequence[ImageCandidate]) -> ResolvedImage:
        """Find it and have it on the Engine. Raises JobFailure."""
        found = self.find_here(candidates)
        if found is not None:
            return found if found.source in _ON_ENGINE else self._have(image, found)
        refusals = [NOT_TO_BE_PULLED] if self._offline else []
        for candidate in self._remote(candidates):
            refusal = self._pull(candidate.name)
            pulled = self._on_engine(candidate.name, candidate.source)
            if refusal is None and pulled is not None:
                return pulled
            refusals.append(refusal or "it was removed as soon as it was pulled.")
        raise image_not_found(image, " ".join(refusals))

    def require(self, name: str) -> None:
        """Have an image that `fetch` found before: somebody may have removed it since. Raises JobFailure."""
        if self._on_engine(name, ImageSource.ENGINE) is None:
            refusal = self._pull(name)
            if refusal is not None:
                raise image_not_found(name, refusal)

    def _have(self, image: str, found: ResolvedImage) -> ResolvedImage:
        if self._on_engine(found.name, found.source) is None:
            refusal = self._pull(found.name)
            if refusal is not None:
                raise image_not_found(image, refusal)
        return found

    def _remote(self, candidates: Sequence[ImageCandidate]) -> list[ImageCandidate]:
        far = (ImageSource.ALIAS, ImageSource.REMOTE)
        return [c for c in candidates if c.source in far and c.may_be_pulled and not self._offline]

    def _on_engine(self, name: str, source: ImageSource) -> ResolvedImage | None:
        if not ImageName.is_path(name):
            return None
        try:
            inspected = self._api.inspect_image(name)  # type: ignore[no-untyped-call]
        except ImageNotFound:
            return None
        except APIError as error:
            if error.status_code == 400:  # no name of an image at all
                return None
            raise
        return ResolvedImage(inspected["Id"], _digest(name, inspected), source)

    def _in_registry(self, name: str, source: ImageSource) -> ResolvedImage | None:
        """The Engine asks for the manifest only. A registry that does not answer has nothing."""
        if not ImageName.is_path(name):
            return None
        try:
            told = self._api.inspect_distribution(name)  # type: ignore[no-untyped-call]
        except (APIError, InvalidRepository):
            return None
        digest = str(told["Descriptor"]["digest"])
        parsed = ImageName.parse(name)
        return ResolvedImage(str(ImageName(parsed.registry, parsed.repository, "", digest)), digest, source)

    def _pull(self, name: str) -> str | None:
        """None after success, else the Engine's own words."""
        parsed = ImageName.parse(name)
        repository = f"{parsed.registry}/{parsed.repository}" if parsed.registry else parsed.repository
        try:
            for event in self._api.pull(repository, tag=parsed.reference, stream=True, decode=True):
                if "error" in event:
                    return str(event["error"]).rstrip(".") + "."
        except APIError as error:
            return str(error.explanation or error).rstrip(".") + "."
        return None


def _digest(name: str, inspected: dict[str, object]) -> str:
    """Of the manifest in the repository that the name is of, or in any; else the image's own id."""
    known = [ImageName.parse(str(text)) for text in inspected.get("RepoDigests") or ()]  # type: ignore[attr-defined]
    asked = ImageName.parse(name)
    best = [one for one in known if (one.registry, one.repository) == (asked.registry, asked.repository)]
    return next((one.digest for one in [*best, *known]), str(inspected["Id"]))
