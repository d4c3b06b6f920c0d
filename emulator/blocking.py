"""The one crossing from the event loop to threads.

Only calls that end by themselves (SQLite, S3, tar) may cross here; what can wait for ever has a daemon
thread of its own (see compute/docker_watch.py). The limiter is always named: the default one is shared
with the web framework.
"""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

P = ParamSpec("P")
T = TypeVar("T")


async def blocking(limiter: CapacityLimiter, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `fn` in a worker thread and wait for it, also when this task is cancelled meanwhile."""
    return await anyio.to_thread.run_sync(partial(fn, *args, **kwargs), limiter=limiter)
