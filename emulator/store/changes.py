"""The signal between the planes: something changed, read the rows again."""

import anyio


class Changes:
    """Level-triggered: a lost or doubled signal is harmless, the rows say what there is to do."""

    def __init__(self) -> None:
        self._changed = anyio.Event()

    def notify(self) -> None:
        """Call it on the event loop, after the row is written."""
        self._changed.set()

    async def wait(self, longest: float) -> None:
        """Until the next signal, at most `longest` seconds."""
        with anyio.move_on_after(longest):
            await self._changed.wait()
        self._changed = anyio.Event()
