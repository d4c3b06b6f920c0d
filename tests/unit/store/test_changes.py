import anyio

from emulator.store.changes import Changes


def test_changes_keep_a_signal_for_who_waits_later() -> None:
    async def main() -> None:
        changes = Changes()
        changes.notify()
        changes.notify()
        with anyio.fail_after(30):
            await changes.wait(60)

    anyio.run(main)


def test_changes_are_told_once() -> None:
    async def main() -> bool:
        changes = Changes()
        changes.notify()
        await changes.wait(60)
        with anyio.move_on_after(0) as scope:
            await changes.wait(60)
        return scope.cancelled_caught

    assert anyio.run(main)


def test_changes_end_the_wait_without_a_signal() -> None:
    async def main() -> None:
        with anyio.fail_after(30):
            await Changes().wait(0)

    anyio.run(main)
