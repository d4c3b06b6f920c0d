"""The wish to end one running job, or only its present run, with its reason. The first reason counts."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from emulator.domain.stop_reason import RunEnd, StopReason


class StopSignal:
    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self.run_end: RunEnd | None = None
        self._event = anyio.Event()
        self._scopes: set[anyio.CancelScope] = set()

    @property
    def is_requested(self) -> bool:
        return self.reason is not None or self.run_end is not None

    def request(self, reason: StopReason) -> None:
        if self.reason is None:
            self.reason = reason
            self._tell()

    def request_run_end(self, reason: RunEnd) -> None:
        if not self.is_requested:
            self.run_end = reason
            self._tell()

    def begin_run(self) -> None:
        """What was wished for the former run is served."""
        self.run_end = None
        if self.reason is None:
            self._event = anyio.Event()

    async def wait(self) -> None:
        await self._event.wait()

    @contextmanager
    def interrupts(self) -> Iterator[None]:
        """Leave the block when an end is requested. For work that may be thrown away, such as downloads."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            if self.is_requested:
                scope.cancel()
            try:
                yield
            finally:
                self._scopes.discard(scope)

    def _tell(self) -> None:
        self._event.set()
        for scope in self._scopes:
            scope.cancel()
