"""Tasks that outlive the request that began them."""

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
from anyio.abc import TaskGroup


class Background:
    """Ends with the process: what it does need not survive it."""

    def __init__(self) -> None:
        self._tasks: TaskGroup | None = None

    async def run(self) -> None:
        """Until cancelled."""
        async with anyio.create_task_group() as self._tasks:
            await anyio.sleep_forever()

    def start(self, work: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        """`work` takes care of its own exceptions: one that leaves it ends the emulator."""
        assert self._tasks is not None, "Background.run has not begun"
        self._tasks.start_soon(work, *args)
