"""The one crossing from the event loop to threads.

Only calls that end by themselves (SQLite, S3, tar) may use `blocking`: its threads keep the process from
exiting. The limiter is always named: the default one is shared with the web framework. What can wait for ever
has a daemon thread of its own: `abandonable`, or compute/docker_watch.py for a stream.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, ParamSpec, TypeVar

import anyio.from_thread
import anyio.to_thread
from anyio import CapacityLimiter

P = ParamSpec("P")
T = TypeVar("T")


async def blocking(limiter: CapacityLimiter, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `fn` in a worker thread and wait for it, also when this task is cancelled meanwhile."""
    return await anyio.to_thread.run_sync(partial(fn, *args, **kwargs), limiter=limiter)


def on_loop(fn: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """For the threads of `blocking`: run a short coroutine to its end, also where the waiting task is cancelled.

    `anyio.from_thread.run` never comes back from it where the task was cancelled before: the coroutine waits for a
    cancellation that has been delivered already (anyio 4.16).
    """
    loop = anyio.from_thread.run_sync(asyncio.get_running_loop)
    return asyncio.run_coroutine_threadsafe(fn(*args, **kwargs), loop).result()


async def abandonable(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `fn`, which may take for ever, in a daemon thread of its own; cancelling leaves it to itself."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(set_it: Callable[[], None]) -> None:
        if not outcome.done():
            set_it()

    def work() -> None:
        try:
            set_it = partial(outcome.set_result, fn(*args, **kwargs))
        except Exception as error:
            set_it = partial(outcome.set_exception, error)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, set_it)

    threading.Thread(target=work, daemon=True).start()
    return await outcome
