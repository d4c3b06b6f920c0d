"""The emulator's own registry, with launchers that start nothing."""

from pathlib import Path

import anyio
import pytest

from emulator.domain.ecr import RegistryAddress, RegistryUnavailableError
from emulator.registry.local_registry import OwnRegistry

pytestmark = pytest.mark.anyio

ADDRESS = RegistryAddress("127.0.0.1:5", "http://127.0.0.1:5")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Launcher:
    """Starts at once, or with `hangs` never, or with `refusal` not at all."""

    def __init__(self, refusal: str = "", hangs: bool = False) -> None:
        self.refusal = refusal
        self.hangs = hangs
        self.runs = False

    async def start(self) -> RegistryAddress:
        if self.refusal:
            raise RegistryUnavailableError(self.refusal)
        self.runs = True
        if self.hangs:
            await anyio.sleep_forever()
        return ADDRESS

    async def is_running(self) -> bool:
        return self.runs

    async def stop(self) -> None:
        self.runs = False


async def test_second_launcher_is_used_where_the_first_cannot(tmp_path: Path) -> None:
    launcher = Launcher()
    registry = OwnRegistry([Launcher("no program"), launcher], tmp_path, "Install it.")
    assert await registry.report() == {"status": "none", "address": None}
    assert await registry.start() == ADDRESS
    assert await registry.report() == {"status": "ok", "address": ADDRESS.engine}
    await registry.stop()
    assert not launcher.runs


async def test_every_reason_is_told_where_none_can(tmp_path: Path) -> None:
    registry = OwnRegistry([Launcher("no program"), Launcher("no Engine")], tmp_path, "Install it.")
    with pytest.raises(RegistryUnavailableError, match=r"Install it. \(no program; no Engine\)"):
        await registry.start()
    assert await registry.find() is None


async def test_start_that_is_cancelled_leaves_nothing_running(tmp_path: Path) -> None:
    launcher = Launcher(hangs=True)
    registry = OwnRegistry([launcher], tmp_path, "Install it.")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(registry.start)
        await anyio.wait_all_tasks_blocked()
        assert launcher.runs
        tasks.cancel_scope.cancel()
    assert not launcher.runs


async def test_registry_that_has_ended_by_itself_is_started_again(tmp_path: Path) -> None:
    launcher = Launcher()
    registry = OwnRegistry([launcher], tmp_path, "Install it.")
    await registry.start()
    launcher.runs = False
    assert (await registry.report())["status"] == "none"
    await registry.start()
    assert launcher.runs
