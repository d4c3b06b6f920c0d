"""Who an assumed role is. The session token carries it, so it outlives a restart of the emulator."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Self

from emulator.domain.role import RoleName


@dataclass(frozen=True)
class RoleSession:
    role: RoleName
    session_name: str

    @property
    def arn(self) -> str:
        """Paths do not appear in it."""
        return f"arn:aws:sts::{self.role.account_id}:assumed-role/{self.role.name}/{self.session_name}"

    @property
    def token(self) -> str:
        text = json.dumps({"role": self.role.arn, "session": self.session_name})
        return urlsafe_b64encode(text.encode()).decode()

    @classmethod
    def of_token(cls, token: str) -> Self | None:
        """None for a token that is not the emulator's."""
        try:
            content = json.loads(urlsafe_b64decode(token.encode()))
            role, session_name = RoleName.parse(content["role"]), content["session"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return cls(role, session_name) if role and isinstance(session_name, str) else None
