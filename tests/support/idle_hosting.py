"""An emulator whose hosting plane never looks at a row: tests do what it would have done."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from emulator.compute.backend import ComputeBackend
from emulator.hosting.hosting_plane import HostingPlane
from emulator.sqlite import Database
from emulator.store.hosting_stores import HostingStores
from tests.support.emulator_server import RunningEmulator, running_emulator


@contextmanager
def emulator_with_idle_hosting(
    data_dir: Path, compute: ComputeBackend, **settings: Any
) -> Iterator[RunningEmulator]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HostingPlane, "run", lambda _: anyio.sleep_forever())
        with running_emulator(data_dir, compute, **settings) as running:
            yield running


def with_stores(running: RunningEmulator, work: Callable[[HostingStores], Coroutine[Any, Any, None]]) -> None:
    """Run `work` on the rows, past the server's event loop."""
    database = Database(running.emulator.data_dir.path / "state.db", "emulator.store.migrations")
    try:
        anyio.run(work, HostingStores.of(database))
    finally:
        database.close()
