"""The event loop goes on while one caller's or one container's work takes long."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from anyio import CapacityLimiter

from emulator.domain.cluster import FileState
from emulator.domain.sync_directory import sync_directories
from emulator.metrics.metric import MetricKey, Span
from emulator.metrics.time_series import PointBudget
from emulator.metrics.window import Window
from emulator.operations.metric_series import Measure, read_series
from emulator.operations.registry import Call
from emulator.training import host_sync
from emulator.training.host_sync import HostSync
from emulator.training.parts import TrainingParts
from tests.support.builders import a_training_job

KEY = MetricKey("1", "r", "N", "m", ())


async def longest_pause(work: Any) -> float:
    """The longest part of `work`, of 1, in which the loop did nothing else."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            began = anyio.current_time()
            await anyio.sleep(0.01)
            longest = max(longest, anyio.current_time() - began)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        await anyio.sleep(0.05)
        start = anyio.current_time()
        await work()
        await anyio.sleep(0)
        total = anyio.current_time() - start
        await anyio.sleep(0.05)
        tasks.cancel_scope.cancel()
    return longest / total


def test_percentiles_of_many_values() -> None:
    windows = []
    for start in range(200):
        window = Window(start, "None", minimum=0.0)
        window.counts = {float(number): 1.0 for number in range(20_000)}
        windows.append(window)

    async def read(*_: Any) -> list[Window]:
        return windows

    parts = SimpleNamespace(metrics=SimpleNamespace(windows=read), sums=CapacityLimiter(1))
    call = cast(Call, SimpleNamespace(parts=parts))

    async def work() -> None:
        series = await read_series(call, KEY, Span(0, 200), Measure("p90", 1), PointBudget())
        assert len(series.points) == 200

    assert anyio.run(longest_pause, work) < 0.5


def test_plan_of_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"checkpoint/{number}": FileState(1, 7) for number in range(500_000)}

    async def list_files(*_: Any) -> dict[str, FileState]:
        return files

    monkeypatch.setattr(host_sync, "read_batches", lambda *_: ())
    parts = SimpleNamespace(
        work_root=tmp_path,
        compute=SimpleNamespace(list_files=list_files),
        disk=CapacityLimiter(1),
    )
    config = {"CheckpointConfig": {"S3Uri": "s3://bucket/ckpt", "LocalPath": "/state"}}
    directory = sync_directories(a_training_job("job", **config).request)[0]
    sync = HostSync(directory, "cluster", "algo-1", 2**30, cast(TrainingParts, parts))

    async def work() -> None:
        assert await sync.look(is_final=True)

    assert anyio.run(longest_pause, work) < 0.5
