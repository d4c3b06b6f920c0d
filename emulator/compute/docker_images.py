"""Training images on the Engine: there already, or pulled."""

import re

from docker import APIClient
from docker.errors import APIError, ImageNotFound, NotFound

from emulator.domain.failure_reason import image_not_found

_ECR = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/(.+)")


def image_candidates(image: str, registry: str | None) -> list[str]:
    """Names under which the Engine may know or find `image`, best first.

    An ECR image is looked for in the local registry too, which stands in for ECR.
    """
    match = _ECR.fullmatch(image)
    if match is None or registry is None:
        return [image]
    return [image, f"{registry}/{match[1]}"]


def ensure_image(api: APIClient, image: str, registry: str | None, offline: bool) -> str:
    """The name of a local image that stands for `image`, pulled where needed. Raises JobFailure."""
    candidates = image_candidates(image, registry)
    for name in candidates:
        if _is_local(api, name):
            return name
    if offline:
        raise image_not_found(image, "it is not on the Docker Engine, and pulling is off (OFFLINE).")
    refusals = []
    for name in reversed(candidates):
        refusal = _pull(api, name)
        if refusal is None:
            return name
        refusals.append(refusal)
    raise image_not_found(image, " ".join(refusals))


def _is_local(api: APIClient, name: str) -> bool:
    try:
        api.inspect_image(name)  # type: ignore[no-untyped-call]
    except ImageNotFound:
        return False
    return True


def _pull(api: APIClient, name: str) -> str | None:
    """None after success, else the Engine's own words."""
    try:
        for event in api.pull(name, stream=True, decode=True):
            if "error" in event:
                return str(event["error"]).rstrip(".") + "."
    except (NotFound, APIError) as error:
        return str(error.explanation or error).rstrip(".") + "."
    return None
