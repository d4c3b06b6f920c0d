"""sts: who calls, and temporary keys. What is not here, moto answers."""

from datetime import timedelta
from secrets import token_urlsafe

from emulator.domain import errors
from emulator.domain.access_key import account_of, temporary_key
from emulator.domain.role import DEFAULT_ROLE, RoleName
from emulator.domain.role_session import RoleSession
from emulator.operations.registry import Call, Params, Result, operation

_HOUR = 3600


@operation("sts", "GetCallerIdentity")
async def get_caller_identity(call: Call, params: Params) -> Result:
    """The assumed role of temporary keys. Who has permanent keys is told to have assumed `SageMakerRole`.

    SDK v2's get_execution_role() and v3's ModelTrainer take the role of a training job from here, and refuse
    identities that are no role.
    """
    account = call.caller.account_id
    session = RoleSession.of_token(call.caller.session_token)
    if session is None or session.role.account_id != account:
        session = RoleSession(RoleName(account, "/", DEFAULT_ROLE), "emulator")
    return {"UserId": await _user_id(call, session), "Account": account, "Arn": session.arn}


@operation("sts", "AssumeRole")
@operation("sts", "AssumeRoleWithWebIdentity")
async def assume_role(call: Call, params: Params) -> Result:
    """Any role by default. Keys never expire, and whom the role trusts is not looked at."""
    role = RoleName.parse(params["RoleArn"])
    if role is None:
        raise errors.invalid_role_arn(params["RoleArn"])
    if await call.parts.roles.find(role.account_id, role.name) is None:
        caller = await get_caller_identity(call, {})
        raise errors.not_authorized_to_assume(caller["Arn"], role.arn)
    session = RoleSession(role, params["RoleSessionName"])
    user = {"AssumedRoleId": await _user_id(call, session), "Arn": session.arn}
    credentials = _credentials(call, role.account_id, params.get("DurationSeconds", _HOUR), session.token)
    return {"Credentials": credentials, "AssumedRoleUser": user}


@operation("sts", "GetSessionToken")
async def get_session_token(call: Call, params: Params) -> Result:
    duration = params.get("DurationSeconds", 12 * _HOUR)
    token = call.caller.session_token or token_urlsafe(64)
    return {"Credentials": _credentials(call, call.caller.account_id, duration, token)}


@operation("sts", "GetAccessKeyInfo")
async def get_access_key_info(call: Call, params: Params) -> Result:
    return {"Account": account_of(params["AccessKeyId"], call.caller.account_id)}


def _credentials(call: Call, account_id: str, seconds: int, token: str) -> Result:
    new_id = call.parts.clock.new_id()
    return {
        "AccessKeyId": temporary_key(account_id, int(new_id, 16)),
        "SecretAccessKey": token_urlsafe(30),
        "SessionToken": token,
        "Expiration": call.now() + timedelta(seconds=seconds),
    }


async def _user_id(call: Call, session: RoleSession) -> str:
    role = await call.parts.roles.find(session.role.account_id, session.role.name)
    return f"{role.id if role else session.role.generated_id}:{session.session_name}"
