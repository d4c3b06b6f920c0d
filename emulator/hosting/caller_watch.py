"""Work for a caller ends when the caller's connection closes."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from emulator.hosting.invocation_body import CallerGone, InvocationBody, Receive

WATCH_AFTER = 0.02
"""Seconds until somebody looks whether the caller is still there: most invocations are over before."""


async def unless_gone(receive: Receive, body: InvocationBody, work: Coroutine[Any, Any, None]) -> None:
    """Raises CallerGone, and what the work raises."""
    worker = asyncio.current_task()
    assert worker is not None
    watch = _CallerWatch(receive, body, worker)
    try:
        await work
    except asyncio.CancelledError:
        if watch.is_gone and not worker.uncancel():
            raise CallerGone from None
        raise
    finally:
        watch.end()


class _CallerWatch:
    """Cancels the worker when its caller is gone. An anyio scope would do, but costs every invocation five times as
    much as all of this.
    """

    def __init__(self, receive: Receive, body: InvocationBody, worker: asyncio.Task[Any]) -> None:
        self._receive = receive
        self._body = body
        self._worker = worker
        self.is_gone = False
        self._watching: asyncio.Task[None] | None = None
        self._begin = asyncio.get_running_loop().call_later(WATCH_AFTER, self._watch)

    def _watch(self) -> None:
        self._watching = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        """While a body is being read, reading it tells."""
        if self._body.content is None:
            await self._body.ended.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.is_gone = True
        self._worker.cancel()

    def end(self) -> None:
        self._begin.cancel()
        if self._watching is not None:
            self._watching.cancel()
