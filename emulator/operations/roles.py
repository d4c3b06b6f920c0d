"""iam operations on roles that are the emulator's own, and the role of a job or a model. The rest of IAM is moto's."""

import json
from collections.abc import Callable
from urllib.parse import quote

from emulator.domain import errors
from emulator.domain.errors import ServiceError
from emulator.domain.role import SAGEMAKER, Role, RoleName
from emulator.operations.registry import Call, Params, Result, operation

_PAGE = 100


@operation("iam", "GetRole")
async def get_role(call: Call, params: Params) -> Result:
    """Roles that nobody created exist too, unless roles are strict: clients check the role they were given."""
    role = await call.parts.roles.find(call.caller.account_id, params["RoleName"])
    if role is None:
        raise errors.no_such_role(params["RoleName"])
    return {"Role": describe_role(role)}


@operation("iam", "SimulatePrincipalPolicy")
async def simulate_principal_policy(call: Call, params: Params) -> Result:
    """Every action is allowed: the emulator has no access control."""
    source = RoleName.parse(params["PolicySourceArn"])
    if source is not None and await call.parts.roles.find(source.account_id, source.name) is None:
        raise errors.no_such_role(source.name)
    resources = params.get("ResourceArns", ["*"])
    results = [_allowed(action, resource) for action in params["ActionNames"] for resource in resources]
    start = _start_of_page(params.get("Marker", "0"))
    end = start + params.get("MaxItems", _PAGE)
    rest = {"Marker": str(end)} if end < len(results) else {}
    return {"EvaluationResults": results[start:end], "IsTruncated": bool(rest), **rest}


def _allowed(action: str, resource: str) -> Result:
    return {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": "allowed",
        "MatchedStatements": [],
        "MissingContextValues": [],
    }


def _start_of_page(marker: str) -> int:
    if not (marker.isascii() and marker.isdigit()):
        raise errors.invalid_marker(marker)
    return int(marker[:9])


def describe_role(role: Role) -> Result:
    document = json.dumps(json.loads(role.trust_policy)) if role.trust_policy else ""
    found = {
        "Path": role.name.path,
        "RoleName": role.name.name,
        "RoleId": role.id,
        "Arn": role.name.arn,
        "CreateDate": role.creation_time,
        # IAM answers policy documents percent-encoded; boto3 decodes them.
        "AssumeRolePolicyDocument": quote(document, safe=""),
        "Description": role.description,
        "MaxSessionDuration": role.max_session_duration,
        "RoleLastUsed": {},
    }
    if role.tags:
        found["Tags"] = [{"Key": key, "Value": value} for key, value in role.tags.items()]
    if role.permissions_boundary:
        found["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": role.permissions_boundary,
        }
    return found


async def require_role(
    call: Call, arn: str, refusal: Callable[[str], ServiceError] = errors.role_not_assumable
) -> None:
    """Where roles are strict, SageMaker must be able to assume the role. Raises AWS's error."""
    if not call.parts.roles.strict:
        return
    name = RoleName.parse(arn)
    if name is None or name.account_id != call.caller.account_id:
        raise refusal(arn)
    role = await call.parts.roles.find(name.account_id, name.name)
    if role is None or role.name.path != name.path or not role.trusts(SAGEMAKER):
        raise refusal(arn)
