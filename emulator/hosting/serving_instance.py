"""One instance of a variant: its containers, replaced when one of them dies, for as long as it is wanted."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import httpx

from emulator.compute.backend import ComputeBackend
from emulator.domain.failure_reason import JobFailure
from emulator.exception_groups import innermost
from emulator.hosting.health_checks import PING_PERIOD, until_unhealthy
from emulator.hosting.parts import HostingParts
from emulator.hosting.routing import InstanceRoute
from emulator.hosting.serving_container import ServingContainer

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a container that died is made anew; twice as long each time."""

LONGEST_WATCH_PAUSE = 5.0
"""Seconds until a log that broke off is read on, at most; until then nobody sees its container end."""


@dataclass(eq=False)
class ServingInstance:
    """Nothing of it is needed after a restart: `run` adopts containers that run already."""

    name: str
    """`<variant>-<number>`."""
    containers: tuple[ServingContainer, ...]
    """In the pipeline's order."""
    health_seconds: float
    """How long all of them together may take until they are healthy."""
    parts: HostingParts
    on_change: Callable[[], None]
    """Called when it goes into service or out of it."""
    route: InstanceRoute | None = field(default=None, init=False)
    """While it is in service."""
    deaths: int = field(default=0, init=False)
    """How often they ended before all of them were healthy, or were not healthy in time, one after the other."""
    fault: str | None = field(default=None, init=False)
    """Why it cannot be brought up, in one sentence; None where nothing but the container's own end is known."""

    async def run(self) -> None:
        """Until cancelled, which leaves the containers as they are."""
        pause = FIRST_PAUSE
        async with self.parts.pings() as client:
            while True:
                self.fault = None
                is_over = await self._is_over(client)
                pause = FIRST_PAUSE if self.deaths == 0 else pause
                await anyio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                if is_over:
                    await self._discard()

    async def _is_over(self, client: httpx.AsyncClient) -> bool:
        """Serve as long as it goes; False where nothing but the emulator's surroundings kept it from going on, so that
        the containers may be well.
        """
        try:
            await self._serve(client)
        except JobFailure as failure:
            self.fault = str(failure)
        except ConnectionError as error:
            self.fault = str(error)
            return False
        except Exception:
            log.exception("The instance %s met a fault of the emulator.", self.name)
            return False
        return True

    async def _serve(self, client: httpx.AsyncClient) -> None:
        """From the start of the containers to the end of the first of them, or of their health."""
        compute = self.parts.compute
        try:
            for container in self.containers:
                await compute.create(container.cluster, container.spec, self.parts.work_root)
            for container in self.containers:
                await compute.start(container.cluster.name, container.spec.host)
            async with anyio.create_task_group() as life:
                for container in self.containers:
                    life.start_soon(self._await_end, container, life.cancel_scope)
                await self._answer(client)
                log.warning("The instance %s does not pass its health check; it is replaced.", self.name)
                life.cancel_scope.cancel()
        except ExceptionGroup as faults:
            raise innermost(faults) from faults
        finally:
            if self.route is None:
                self._note_death()
            else:
                self._go_out_of_service()

    async def _answer(self, client: httpx.AsyncClient) -> None:
        """Until the containers are not healthy in time, or not any more."""
        with anyio.move_on_after(self.health_seconds) as starting:
            urls = tuple([await container.await_health(client) for container in self.containers])
        if not starting.cancelled_caught:
            route = self._go_into_service(urls)
            await until_unhealthy(client, route, self.parts.ping_seconds(PING_PERIOD))

    async def _await_end(self, container: ServingContainer, life: anyio.CancelScope) -> None:
        """Raises JobFailure where the container is gone."""
        pause = FIRST_PAUSE
        while True:
            try:
                end = await container.watch()
                break
            except JobFailure:
                raise
            except Exception as fault:
                log.warning("The log of %s broke off; it is read on: %r", container.spec.host, fault)
                await anyio.sleep(pause)
                pause = min(2 * pause, LONGEST_WATCH_PAUSE)
        log.info("The container %s ended with exit code %s.", container.spec.host, end.exit_code)
        life.cancel()

    def _go_into_service(self, urls: tuple[str, ...]) -> InstanceRoute:
        self.deaths, self.fault = 0, None
        self.route = InstanceRoute(self.name, urls)
        self.on_change()
        return self.route

    def _go_out_of_service(self) -> None:
        assert self.route is not None
        self.route.is_in_service = False
        self.route = None
        self.on_change()

    def _note_death(self) -> None:
        self.deaths += 1
        self.on_change()

    async def _discard(self) -> None:
        try:
            for container in self.containers:
                await self.parts.compute.discard(container.cluster.name, container.spec.host)
        except Exception:
            log.exception("What is left of the instance %s is removed at the next try.", self.name)

    async def stop(self, grace: float) -> None:
        """After `run` was cancelled: SIGTERM, `grace` seconds, and the containers go, however long that takes."""
        async with anyio.create_task_group() as group:
            for container in self.containers:
                group.start_soon(_stop, self.parts.compute, container, grace)


async def _stop(compute: ComputeBackend, container: ServingContainer, grace: float) -> None:
    """A container that was told to be gone is gone: faults of the Engine are waited for."""
    name, host = container.cluster.name, container.spec.host
    try:
        await compute.signal(name, host, "SIGTERM")
        with anyio.move_on_after(grace):
            await container.await_end()
    except Exception:
        log.exception("The container %s is removed without its grace.", host)
    pause = FIRST_PAUSE
    while True:
        try:
            await compute.discard(name, host)
            return
        except Exception as fault:
            log.warning("The container %s is removed at the next try: %r", host, fault)
            await anyio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
