"""sts GetCallerIdentity."""

from emulator.operations.registry import Call, Params, Result, operation


@operation("sts", "GetCallerIdentity")
async def get_caller_identity(call: Call, params: Params) -> Result:
    """The account of the credentials; the emulator has no users, so everybody is the account's root."""
    account = call.caller.account_id
    return {"UserId": account, "Account": account, "Arn": f"arn:aws:iam::{account}:root"}
