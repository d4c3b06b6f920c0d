"""The asynchronous requests of one endpoint: those that wait, and as many under way as its instances take."""

from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from anyio import CancelScope, CapacityLimiter

from emulator.hosting.routing import EndpointRoute

CONCURRENT_DEFAULT = 4
"""Per instance; "SageMaker chooses an optimal value" (API AsyncInferenceClientConfig)."""


class AsyncQueue:
    def __init__(self) -> None:
        self.turns = CapacityLimiter(0)
        """Given in the order in which they were asked for, and none while no instance is in service."""
        self._places: set[CancelScope] = set()
        self._left = anyio.Event()
        self._is_closed = False

    def fit(self, route: EndpointRoute | None) -> None:
        """Give as many turns at a time as the instances in service take; what is under way goes on."""
        instances = sum(len(variant.instances) for variant in route.variants) if route else 0
        client = route.async_config.client_config if route and route.async_config else None
        each = (client and client.max_concurrent_invocations_per_instance) or CONCURRENT_DEFAULT
        self.turns.total_tokens = each * instances

    @property
    def is_served(self) -> bool:
        return self.turns.total_tokens > 0

    @property
    def waiting(self) -> int:
        """Requests that have a place and no turn."""
        return len(self._places) - self.turns.borrowed_tokens

    @contextmanager
    def place(self) -> Iterator[None]:
        """For a `with` around all that is done for one request.

        Closing the queue cancels the block, which ends without an exception; so does one that begins afterwards, at
        its first `await`.
        """
        with CancelScope() as scope:
            self._places.add(scope)
            if self._is_closed:
                scope.cancel()
            try:
                yield
            finally:
                self._places.discard(scope)
                self._left.set()

    async def close(self) -> None:
        """Returns when nothing is done for any request any more."""
        self._is_closed = True
        for scope in self._places:
            scope.cancel()
        while self._places:
            self._left = anyio.Event()
            await self._left.wait()
