"""Lines on their way from a container's thread to the event loop."""

import asyncio
import threading
from collections.abc import Callable

from emulator.compute.docker_watch import WAITING_BYTES, WAITING_LINES, AbandonedError, Handover
from emulator.domain.cluster import LogLine
from tests.support.emulator_server import wait_until

MOST_LINES = 10_000


def check_held_back(line: str, after: int) -> None:
    """A thread hands so many such lines over while nobody takes any, and no more."""
    loop = asyncio.new_event_loop()
    handover = Handover(loop)
    handed, is_held_back = 0, threading.Event()

    def follow() -> None:
        nonlocal handed
        try:
            for _ in range(MOST_LINES):
                handover.put(LogLine(1, line))
                handed += 1
        except AbandonedError:
            is_held_back.set()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    wait_until(lambda: handed >= after)
    thread.join(0.3)  # in which further ones would come
    handover.abandon()
    assert is_held_back.wait(20), f"all of {handed} lines were taken"
    loop.close()
    assert handed == after


def test_many_short_lines_hold_the_reader_back() -> None:
    check_held_back("x", WAITING_LINES)


def test_long_lines_hold_the_reader_back_by_the_memory_that_they_take() -> None:
    check_held_back("x" * 2**20, WAITING_BYTES // 2**20)
    check_held_back("\N{GRINNING FACE}" + "x" * 2**20, WAITING_BYTES // (4 * 2**20))


async def _taken(handover: Handover, put: Callable[[], None]) -> int:
    thread = threading.Thread(target=put, daemon=True)
    thread.start()
    count = 0
    while count < 100:
        lines, _, _ = await handover.take()
        count += len(lines)
    thread.join(5)
    return count


def test_a_reader_that_was_held_back_goes_on_when_lines_are_taken() -> None:
    async def run() -> int:
        handover = Handover(asyncio.get_running_loop())

        def put() -> None:
            for _ in range(100):
                handover.put(LogLine(1, "x" * 2**20))

        return await asyncio.wait_for(_taken(handover, put), 20)

    assert asyncio.run(run()) == 100
