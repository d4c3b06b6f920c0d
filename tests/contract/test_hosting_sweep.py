"""What is left on the disk of multi-model containers after a reset, and after a start."""

from pathlib import Path

import anyio

from emulator.compute.fake import FakeBackend
from emulator.domain.endpoint import Deployment
from emulator.domain.reset_scope import ResetScope
from tests.support.hosting_house import House, S, deployment, play

pytest_plugins = ["tests.support.hosting_fixtures"]


def multi_model() -> Deployment:
    container = {"Image": "model:1", "Mode": "MultiModel", "ModelDataUrl": "s3://models/mm/"}
    models = {"m": {"ModelName": "m", "PrimaryContainer": container}}
    return deployment(1).model_copy(update={"models": models})


def test_a_reset_leaves_no_files_of_multi_model_endpoints(tmp_path: Path, backend: FakeBackend) -> None:
    root = tmp_path / "hosting" / "multi-model"

    async def story(house: House) -> None:
        await house.create(multi_model())
        await house.status(S.IN_SERVICE)
        [directory] = root.iterdir()
        (directory / "Main-1" / "weights").write_bytes(b"1")
        async with house.plane.resetting(ResetScope()) as gone:
            assert gone == {"endpoints": 1, "transform_jobs": 0}
            assert list(root.iterdir()) == []

    play(tmp_path, backend, story)


def test_a_start_removes_files_of_multi_model_endpoints_that_nobody_knows(
    tmp_path: Path, backend: FakeBackend
) -> None:
    root = tmp_path / "hosting" / "multi-model"

    async def first(house: House) -> None:
        await house.create(multi_model())
        await house.status(S.IN_SERVICE)

    async def second(house: House) -> None:
        with anyio.fail_after(60):
            while (root / "endpoint-gone").exists():
                await anyio.sleep(0.01)
        assert len(list(root.iterdir())) == 1

    play(tmp_path, backend, first)
    (root / "endpoint-gone" / "Main-1" / "x").mkdir(parents=True)
    play(tmp_path, backend, second)
