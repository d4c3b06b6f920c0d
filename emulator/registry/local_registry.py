"""The local registry that stands in for ECR: one that the user named, or the emulator's own."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import anyio

from emulator.domain.ecr import RegistryAddress, RegistryUnavailableError

log = logging.getLogger(__name__)


class LocalRegistry(Protocol):
    async def start(self) -> RegistryAddress:
        """Where it answers, started if need be. Raises RegistryUnavailableError."""

    async def find(self) -> RegistryAddress | None:
        """The same for who only looks for an image: None where there is none and no images to find."""

    async def report(self) -> dict[str, Any]:
        """For the health page. Starts nothing."""

    async def stop(self) -> None: ...


class Launcher(Protocol):
    """A way to run a registry of our own. Its data outlives it."""

    async def start(self) -> RegistryAddress:
        """Raises RegistryUnavailableError."""

    async def is_running(self) -> bool: ...

    async def stop(self) -> None:
        """No error where it does not run."""


class NamedRegistry:
    """REGISTRY: somebody else runs it."""

    def __init__(self, address: RegistryAddress) -> None:
        self._address = address

    async def start(self) -> RegistryAddress:
        return self._address

    async def find(self) -> RegistryAddress | None:
        return self._address

    async def report(self) -> dict[str, Any]:
        return {"status": "configured", "address": self._address.engine}

    async def stop(self) -> None:
        """It is not ours to stop."""


class OwnRegistry:
    """Runs from the first need to the end of the emulator."""

    def __init__(self, launchers: Sequence[Launcher], root: Path, advice: str) -> None:
        """The first launcher that can is used. `advice`: what to do where none can."""
        self._launchers = launchers
        self._root = root
        self._advice = advice
        self._running: tuple[Launcher, RegistryAddress] | None = None
        self._lock = anyio.Lock()

    async def start(self) -> RegistryAddress:
        async with self._lock:
            if self._running is not None and await self._running[0].is_running():
                return self._running[1]
            self._running = await self._launch()
            return self._running[1]

    async def _launch(self) -> tuple[Launcher, RegistryAddress]:
        reasons = []
        for launcher in self._launchers:
            try:
                address = await launcher.start()
            except RegistryUnavailableError as error:
                reasons.append(str(error))
            except anyio.get_cancelled_exc_class():
                with anyio.CancelScope(shield=True):
                    await launcher.stop()
                raise
            else:
                log.info("The registry that stands in for ECR answers at %s", address.url)
                return launcher, address
        raise RegistryUnavailableError(" ".join([self._advice, f"({'; '.join(reasons)})" if reasons else ""]))

    async def find(self) -> RegistryAddress | None:
        if self._running is None and not self._root.exists():
            return None
        try:
            return await self.start()
        except RegistryUnavailableError as error:
            log.warning("Images in ECR cannot be found: %s", error)
            return None

    async def report(self) -> dict[str, Any]:
        """`none` until the first need, and where it has ended by itself."""
        running = self._running
        if running is None or not await running[0].is_running():
            return {"status": "none", "address": None}
        return {"status": "ok", "address": running[1].engine}

    async def stop(self) -> None:
        if self._running is not None:
            await self._running[0].stop()
            self._running = None
