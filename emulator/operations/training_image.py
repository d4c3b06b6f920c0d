"""The look for the image of a training job or a model when it is created. Nothing is pulled yet."""

import logging

from emulator.domain import ecr_errors
from emulator.domain.ecr import EcrRegistry, RepositoryKey
from emulator.operations.registry import Call

log = logging.getLogger(__name__)


async def require_image(call: Call, image: str, role: str, use: str = "training image") -> None:
    """Raise AWS's ValidationException for an image that is nowhere. `use` is what our own words call it.

    Without a Docker Engine nobody knows, so the request is taken, and what it makes waits for one.
    """
    caller = EcrRegistry(call.caller.account_id, call.caller.region)
    try:
        found = await call.parts.find_image(image, caller)
    except ConnectionError as error:
        log.warning("Cannot look for the %s %s: %s", use, image, error)
        return
    if found is not None:
        return
    key = call.parts.ecr.search.repository(image, caller)
    if key is None:
        raise ecr_errors.other_image_not_found(image, use)
    raise await _refusal(call, image, key, role)


async def _refusal(call: Call, image: str, key: RepositoryKey, role: str) -> Exception:
    if await call.parts.ecr.repositories.get(key) is not None:
        return ecr_errors.training_image_not_found(image)
    if key.account_id != call.caller.account_id:
        return ecr_errors.training_repository_denied(key, role)
    return ecr_errors.training_repository_not_found(key, role)
