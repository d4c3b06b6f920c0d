"""What an endpoint asks of its models' files."""

from pathlib import Path

from emulator.compute.fake import FakeBackend
from emulator.domain.failure_reason import JobFailure
from emulator.domain.model import S3ModelDataSource
from tests.support.hosting_house import House, S, deployment, play, variant

pytest_plugins = ["tests.support.hosting_fixtures"]


def test_a_variant_s_time_for_its_model_counts(tmp_path: Path, backend: FakeBackend) -> None:
    container = {"Image": "model:1", "ModelDataUrl": "s3://models/model.tar.gz"}
    models = {"m": {"ModelName": "m", "PrimaryContainer": container}}
    wanted = deployment(1, variant(ModelDataDownloadTimeoutInSeconds=70))

    async def stage(_: S3ModelDataSource, limit: float) -> str:
        raise JobFailure(f"more than {limit:g} s")

    async def story(house: House) -> None:
        house.parts.model_data.stage = stage  # type: ignore[method-assign, assignment]
        await house.create(wanted.model_copy(update={"models": models}))
        endpoint = await house.status(S.FAILED)
        assert endpoint.progress.failure_reason == "more than 70 s"

    play(tmp_path, backend, story)
