"""The pings of an instance in service: containers that fail them again and again are replaced.

AWS pings periodically too; its period and its patience are not established.
"""

import anyio
import httpx

from emulator.hosting.routing import InstanceRoute
from emulator.hosting.serving_container import Ping, ping

PING_PERIOD = 30
"""Seconds between two pings of an instance in service."""

THRESHOLD = 4
"""Failed pings, one after the other, until the instance counts as unhealthy."""


async def until_unhealthy(client: httpx.AsyncClient, instance: InstanceRoute, period: float) -> None:
    """Return when the instance is to be replaced; `period` in seconds."""
    failures = 0
    while failures < THRESHOLD:
        await anyio.sleep(period)
        failures = failures + 1 if await _is_failing(client, instance) else 0


async def _is_failing(client: httpx.AsyncClient, instance: InstanceRoute) -> bool:
    """A server that is busy with invocations may be silent, because many do one thing at a time."""
    turn = instance.turn
    found = [await ping(client, url) for url in instance.urls]
    was_busy = instance.outstanding > 0 or instance.turn != turn
    return Ping.FAILED in found or (Ping.SILENT in found and not was_busy)
