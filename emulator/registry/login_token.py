"""Pure: the password that GetAuthorizationToken gives, and what `docker login` makes of it.

It says whose repositories are meant and proves nothing: like signatures, it is not checked.
"""

import base64
import binascii
import json

from emulator.domain.ecr import EcrRegistry

USER = "AWS"


def make_password(registry: EcrRegistry) -> str:
    document = {"account_id": registry.account_id, "region": registry.region}
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode("ascii")


def make_authorization_token(registry: EcrRegistry) -> str:
    return base64.b64encode(f"{USER}:{make_password(registry)}".encode()).decode("ascii")


def read_authorization(header: str, default: EcrRegistry) -> EcrRegistry | None:
    """The registry that an Authorization header means, `default` for a password that we did not make.

    None where the header is missing or of another scheme.
    """
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() == "bearer":
        return read_password(credentials.strip()) or default
    if scheme.lower() != "basic":
        return None
    _, _, password = _decode(credentials.strip()).partition(":")
    return read_password(password) or default


def read_password(password: str) -> EcrRegistry | None:
    try:
        document = json.loads(_decode(password.replace("-", "+").replace("_", "/")))
        account_id, region = document["account_id"], document["region"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    is_one = isinstance(account_id, str) and isinstance(region, str) and _is_path_part(account_id, region)
    return EcrRegistry(account_id, region) if is_one else None


def _is_path_part(account_id: str, region: str) -> bool:
    is_account = len(account_id) == 12 and account_id.isascii() and account_id.isdigit()
    return is_account and region.isascii() and region.replace("-", "").isalnum() and region == region.lower()


def _decode(text: str) -> str:
    try:
        return base64.b64decode(text).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
