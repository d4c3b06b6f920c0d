"""Work for a caller ends when the caller's connection closes."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import anyio

from emulator.hosting.invocation_body import CallerGone, InvocationBody, Receive

WATCH_AFTER = 0.02
"""Seconds until somebody looks whether the caller is still there: most invocations are over before."""


async def unless_gone(receive: Receive, body: InvocationBody, work: Coroutine[Any, Any, None]) -> None:
    """Cancel the work when the caller is gone, and then raise CallerGone. While a body is being read, reading it tells.

    An anyio scope cancels it, so that what is shielded, and what waits for a thread, comes to its end.
    """
    watch: list[asyncio.Task[None]] = []
    with anyio.CancelScope() as scope:

        async def wait_until_gone() -> None:
            if body.content is None:
                await body.ended.wait()
            while (await receive())["type"] != "http.disconnect":
                pass
            scope.cancel()

        loop = asyncio.get_running_loop()
        begin = loop.call_later(WATCH_AFTER, lambda: watch.append(loop.create_task(wait_until_gone())))
        try:
            await work
        finally:
            begin.cancel()
            for task in watch:
                task.cancel()
    if scope.cancelled_caught:
        raise CallerGone
