"""ECR: repositories, and the token for `docker login`."""

import json
from datetime import timedelta

from emulator.domain import ecr_errors
from emulator.domain.ecr import EcrRegistry, Repository, RepositoryKey
from emulator.operations.ecr_pages import next_token, page_start
from emulator.operations.registry import Call, Params, Result, operation
from emulator.registry.login_token import make_authorization_token
from emulator.registry.pass_through import LIFETIME
from emulator.store.ecr_repositories import DEFAULT_SETTINGS

SETTINGS = (*DEFAULT_SETTINGS, "imageTagMutabilityExclusionFilters")
MAX_TAGS = 50


@operation("ecr", "GetAuthorizationToken")
async def get_authorization_token(call: Call, params: Params) -> Result:
    await call.parts.ecr.registry.require()
    accounts = params.get("registryIds") or [call.caller.account_id]
    expiry = call.now() + timedelta(seconds=LIFETIME)
    return {
        "authorizationData": [_authorization(call, account) | {"expiresAt": expiry} for account in accounts]
    }


def _authorization(call: Call, account_id: str) -> Result:
    """`proxyEndpoint` is where to log in: the emulator, since AWS's host would lead to AWS."""
    token = make_authorization_token(EcrRegistry(account_id, call.caller.region))
    return {"authorizationToken": token, "proxyEndpoint": f"http://{call.parts.ecr.address}"}


@operation("ecr", "CreateRepository")
async def create_repository(call: Call, params: Params) -> Result:
    await call.parts.ecr.registry.require()
    settings = {name: params.get(name, DEFAULT_SETTINGS.get(name)) for name in SETTINGS}
    given = {name: value for name, value in settings.items() if value is not None}
    repository = Repository(repository_key(call, params), call.now(), given)
    tags = {tag["Key"]: tag.get("Value", "") for tag in params.get("tags") or []}
    if len(tags) > MAX_TAGS:
        raise ecr_errors.too_many_tags(MAX_TAGS)
    if not await call.parts.ecr.repositories.create(repository, tags):
        raise ecr_errors.repository_exists(repository.key)
    return {"repository": describe(call, repository)}


@operation("ecr", "DescribeRepositories")
async def describe_repositories(call: Call, params: Params) -> Result:
    if "repositoryNames" in params:
        keys = [
            repository_key(call, {**params, "repositoryName": name}) for name in params["repositoryNames"]
        ]
        return {"repositories": [describe(call, await find_repository_of(call, key)) for key in keys]}
    limit = params.get("maxResults", 100)
    registry = EcrRegistry(own_registry_id(call, params), call.caller.region)
    found = await call.parts.ecr.repositories.page(registry, page_start(params), limit + 1)
    told = [describe(call, repository) for repository in found[:limit]]
    return {"repositories": told, **next_token([one.key.name for one in found], limit)}


@operation("ecr", "DeleteRepository")
async def delete_repository(call: Call, params: Params) -> Result:
    repository = await find_repository(call, params)
    key, client = repository.key, call.parts.ecr.registry
    tagged = {await client.digest(key.path, tag) for tag in await client.tags(key.path)}
    known = tagged | (await call.parts.ecr.repositories.pushes(key)).keys()
    present = [digest for digest in known if digest and await client.digest(key.path, digest)]
    if present and not params.get("force", False):
        raise ecr_errors.repository_not_empty(key)
    for digest in present:
        await client.delete(key.path, digest)
    await call.parts.ecr.repositories.delete(key)
    return {"repository": describe(call, repository)}


@operation("ecr", "PutImageTagMutability")
async def put_image_tag_mutability(call: Call, params: Params) -> Result:
    return await _change_settings(call, params, ("imageTagMutability", "imageTagMutabilityExclusionFilters"))


@operation("ecr", "PutImageScanningConfiguration")
async def put_image_scanning_configuration(call: Call, params: Params) -> Result:
    return await _change_settings(call, params, ("imageScanningConfiguration",))


async def _change_settings(call: Call, params: Params, names: tuple[str, ...]) -> Result:
    repository = await find_repository(call, params)
    kept = {name: value for name, value in repository.settings.items() if name not in names}
    changed = {name: params[name] for name in names if name in params}
    await call.parts.ecr.repositories.set(repository.key, "settings", json.dumps(kept | changed))
    return {**name_members(repository.key), **changed}


def repository_key(call: Call, params: Params) -> RepositoryKey:
    """Raises AccessDeniedException."""
    return RepositoryKey(own_registry_id(call, params), call.caller.region, params["repositoryName"])


def own_registry_id(call: Call, params: Params) -> str:
    """The account that the request names, which must be the caller's: policies, which could give others a right, are
    not evaluated. Raises AccessDeniedException.
    """
    account_id: str = params.get("registryId", call.caller.account_id)
    if account_id != call.caller.account_id:
        raise ecr_errors.registry_of_another(call.caller.account_id, account_id)
    return account_id


async def find_repository(call: Call, params: Params) -> Repository:
    """Raises RepositoryNotFoundException, AccessDeniedException."""
    return await find_repository_of(call, repository_key(call, params))


async def find_repository_of(call: Call, key: RepositoryKey) -> Repository:
    repository = await call.parts.ecr.repositories.get(key)
    if repository is None:
        raise ecr_errors.repository_not_found(key)
    return repository


def name_members(key: RepositoryKey) -> Result:
    return {"registryId": key.account_id, "repositoryName": key.name}


def describe(call: Call, repository: Repository) -> Result:
    """`repositoryUri` is a name under which Docker can push to us, and which a TrainingImage may have."""
    return {
        "repositoryArn": repository.key.arn,
        **name_members(repository.key),
        "repositoryUri": f"{call.parts.ecr.address}/{repository.key.name}",
        "createdAt": repository.created_at,
        **repository.settings,
    }
