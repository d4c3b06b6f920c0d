"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta
from itertools import count

START = datetime(2024, 5, 6, 7, 8, 9, 123_456, UTC)


class HandClock:
    """Ids are numbered, so that they are the same in every run."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._ids = count(1)

    def now(self) -> datetime:
        return self._now

    def new_id(self) -> str:
        return f"{next(self._ids):032x}"

    def advance(self, seconds: float) -> datetime:
        """Move on and return the new time."""
        self._now += timedelta(seconds=seconds)
        return self._now
