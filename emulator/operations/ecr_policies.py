"""ECR: repository and lifecycle policies. They are kept and told again; nobody is refused and nothing expires."""

import json

from emulator.domain import ecr_errors
from emulator.operations.ecr_repositories import find_repository, name_members
from emulator.operations.registry import Call, Params, Result, operation


@operation("ecr", "SetRepositoryPolicy")
async def set_repository_policy(call: Call, params: Params) -> Result:
    key = (await find_repository(call, params)).key
    text = _json_text(params["policyText"], "policyText")
    await call.parts.ecr.repositories.set(key, "policy", text)
    return {**name_members(key), "policyText": text}


@operation("ecr", "GetRepositoryPolicy")
async def get_repository_policy(call: Call, params: Params) -> Result:
    repository = await find_repository(call, params)
    if repository.policy is None:
        raise ecr_errors.policy_not_found(repository.key)
    return {**name_members(repository.key), "policyText": repository.policy}


@operation("ecr", "DeleteRepositoryPolicy")
async def delete_repository_policy(call: Call, params: Params) -> Result:
    told = await get_repository_policy(call, params)
    await call.parts.ecr.repositories.set((await find_repository(call, params)).key, "policy", None)
    return told


@operation("ecr", "PutLifecyclePolicy")
async def put_lifecycle_policy(call: Call, params: Params) -> Result:
    key = (await find_repository(call, params)).key
    text = _json_text(params["lifecyclePolicyText"], "LifecyclePolicyText")
    await call.parts.ecr.repositories.set(key, "lifecycle_policy", text)
    return {**name_members(key), "lifecyclePolicyText": text}


@operation("ecr", "GetLifecyclePolicy")
async def get_lifecycle_policy(call: Call, params: Params) -> Result:
    repository = await find_repository(call, params)
    if repository.lifecycle_policy is None:
        raise ecr_errors.lifecycle_policy_not_found(repository.key)
    return {**name_members(repository.key), "lifecyclePolicyText": repository.lifecycle_policy}


@operation("ecr", "DeleteLifecyclePolicy")
async def delete_lifecycle_policy(call: Call, params: Params) -> Result:
    told = await get_lifecycle_policy(call, params)
    await call.parts.ecr.repositories.set((await find_repository(call, params)).key, "lifecycle_policy", None)
    return told


def _json_text(text: str, parameter: str) -> str:
    """The text unchanged. Raises InvalidParameterException where it is no JSON object."""
    try:
        is_object = isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        raise ecr_errors.invalid_parameter(parameter, "Invalid repository policy provided")
    return text
