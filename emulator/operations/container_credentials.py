"""The answer of GET /_emulator/credentials/ACCOUNT, as AWS's container credentials provider gives it."""

from datetime import UTC, datetime, timedelta

from emulator.domain.job_credentials import SECRET

LIFETIME = timedelta(hours=6)


async def container_credentials(account_id: str) -> dict[str, str]:
    """The account is in the key, as in every request here."""
    expiration = datetime.now(UTC) + LIFETIME
    return {
        "AccessKeyId": account_id,
        "SecretAccessKey": SECRET,
        "Token": SECRET,
        "Expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
