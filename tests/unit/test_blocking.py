import threading

import anyio
import pytest
from anyio import CapacityLimiter

from emulator.blocking import blocking, on_loop

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_on_loop_returns_what_the_coroutine_returns() -> None:
    async def double(number: int) -> int:
        await anyio.lowlevel.checkpoint()
        return 2 * number

    assert await blocking(CapacityLimiter(1), on_loop, double, 21) == 42


async def test_on_loop_runs_to_its_end_for_a_task_that_was_cancelled_before() -> None:
    """anyio's own way back waits for ever here."""
    in_thread, go_on, done = anyio.Event(), threading.Event(), []
    scope, rows = anyio.CancelScope(), CapacityLimiter(1)

    def work() -> None:
        on_loop(note_start)
        go_on.wait()
        on_loop(blocking, rows, done.append, "row")

    async def note_start() -> None:
        in_thread.set()

    async def run() -> None:
        with scope:
            await blocking(CapacityLimiter(1), work)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await in_thread.wait()
        scope.cancel()
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        go_on.set()
    assert done == ["row"]
