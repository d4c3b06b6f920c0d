"""CreateTrainingJob's look for the training image. Nothing is pulled yet: that is the job's own work."""

import logging

from emulator.domain import ecr_errors
from emulator.domain.ecr import EcrRegistry, RepositoryKey
from emulator.domain.training_job import TrainingJobRequest
from emulator.operations.registry import Call

log = logging.getLogger(__name__)


async def require_image(call: Call, request: TrainingJobRequest) -> None:
    """Raise AWS's ValidationException for an image that is nowhere.

    Without a Docker Engine nobody knows, so the job is taken and waits for one.
    """
    image = request.algorithm_specification.training_image or ""
    caller = EcrRegistry(call.caller.account_id, call.caller.region)
    try:
        found = await call.parts.find_image(image, caller)
    except ConnectionError as error:
        log.warning("Cannot look for the training image %s: %s", image, error)
        return
    if found is not None:
        return
    key = call.parts.ecr.search.repository(image, caller)
    if key is None:
        raise ecr_errors.other_image_not_found(image)
    raise await _refusal(call, image, key, request.role_arn)


async def _refusal(call: Call, image: str, key: RepositoryKey, role: str) -> Exception:
    if await call.parts.ecr.repositories.get(key) is not None:
        return ecr_errors.training_image_not_found(image)
    if key.account_id != call.caller.account_id:
        return ecr_errors.training_repository_denied(key, role)
    return ecr_errors.training_repository_not_found(key, role)
