"""Who calls, and where: every resource belongs to one account and Region."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    account_id: str
    """12 digits."""
    region: str
    access_key: str
    request_id: str
    session_token: str = ""
    """Of temporary keys; see role_session.py."""
