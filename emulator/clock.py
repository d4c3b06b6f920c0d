"""The only source of time and randomness; passed in, so that tests can hold both still."""

from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware and in UTC."""

    def new_id(self) -> str:
        """A fresh identifier: 32 lower-case hexadecimal digits."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def new_id(self) -> str:
        return uuid4().hex
