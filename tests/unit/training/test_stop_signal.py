import anyio
import anyio.lowlevel

from emulator.domain.stop_reason import StopReason
from emulator.training.stop_signal import StopSignal


def test_stop_signal_keeps_the_first_reason() -> None:
    async def main() -> StopReason | None:
        signal = StopSignal()
        signal.request(StopReason.MAX_RUNTIME)
        signal.request(StopReason.USER)
        await signal.wait()
        return signal.reason

    assert anyio.run(main) is StopReason.MAX_RUNTIME


def test_stop_signal_interrupts_what_waits() -> None:
    async def main() -> list[str]:
        signal, seen = StopSignal(), []
        async with anyio.create_task_group() as tasks:

            async def work() -> None:
                with signal.interrupts():
                    seen.append("begun")
                    await anyio.sleep_forever()
                seen.append("left")

            tasks.start_soon(work)
            await anyio.wait_all_tasks_blocked()
            signal.request(StopReason.USER)
        return seen

    assert anyio.run(main) == ["begun", "left"]


def test_stop_signal_interrupts_what_begins_after_it() -> None:
    async def main() -> list[str]:
        signal, seen = StopSignal(), []
        signal.request(StopReason.USER)
        with signal.interrupts():
            await anyio.sleep_forever()
            seen.append("never")
        seen.append("left")
        return seen

    assert anyio.run(main) == ["left"]


def test_stop_signal_leaves_alone_what_is_over() -> None:
    async def main() -> list[str]:
        signal, seen = StopSignal(), []
        with signal.interrupts():
            seen.append("work")
        signal.request(StopReason.USER)
        await anyio.lowlevel.checkpoint()
        return [*seen, "left"]

    assert anyio.run(main) == ["work", "left"]
