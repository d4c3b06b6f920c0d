"""The wish to stop one running job, with its reason. The first reason counts."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from emulator.domain.stop_reason import StopReason


class StopSignal:
    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self._event = anyio.Event()
        self._scopes: set[anyio.CancelScope] = set()

    def request(self, reason: StopReason) -> None:
        if self.reason is None:
            self.reason = reason
            self._event.set()
            for scope in self._scopes:
                scope.cancel()

    async def wait(self) -> None:
        await self._event.wait()

    @contextmanager
    def interrupts(self) -> Iterator[None]:
        """Leave the block when a stop is requested. For work that may be thrown away, such as downloads."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            if self.reason is not None:
                scope.cancel()
            try:
                yield
            finally:
                self._scopes.discard(scope)
