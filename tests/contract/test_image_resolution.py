"""Which image a training job runs: CreateTrainingJob's look for it, and what the job records."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.compute.fake import FakeBackend
from emulator.domain.ecr import EcrRegistry
from emulator.domain.image_source import ResolvedImage
from tests.support import web
from tests.support.emulator_server import (
    ROLE,
    RunningEmulator,
    job_request,
    running_emulator,
    wait_for_status,
)

ACCOUNT = "123456789012"
HOST = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
OTHER = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
PERMISSIONS = "ecr:BatchCheckLayerAvailability, ecr:BatchGetImage, ecr:GetDownloadUrlForLayer"


class NoEngine(FakeBackend):
    """Nobody can tell whether an image is there."""

    async def find_image(self, image: str, caller: EcrRegistry) -> ResolvedImage | None:
        raise ConnectionError("No Docker Engine answers.")


class Recording(FakeBackend):
    """Notes whose ECR was meant."""

    def __init__(self) -> None:
        super().__init__()
        self.callers: list[EcrRegistry] = []

    async def find_image(self, image: str, caller: EcrRegistry) -> ResolvedImage | None:
        self.callers.append(caller)
        return await super().find_image(image, caller)


def create(running: RunningEmulator, name: str, image: str) -> None:
    algorithm = {"TrainingImage": image, "TrainingInputMode": "File"}
    running.client("sagemaker").create_training_job(**job_request(name, AlgorithmSpecification=algorithm))


def refusal(running: RunningEmulator, image: str) -> str:
    with pytest.raises(ClientError) as caught:
        create(running, "refused", image)
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    return str(error["Message"])


def report(running: RunningEmulator, name: str) -> Any:
    return web.get(f"{running.endpoint}/_emulator/training-jobs/{name}").json()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            f"{HOST}/team/algorithm:1",
            f"Cannot find repository: team/algorithm in registry ID: {ACCOUNT} Please check if your ECR repository "
            f"exists and role {ROLE} has proper pull permissions for SageMaker: {PERMISSIONS}",
        ),
        (
            f"{OTHER}/pytorch-training:2.8.0",
            "Access denied for repository: pytorch-training in registry ID: 763104351884. Please check if your ECR "
            f"repository and image exist and role {ROLE} has proper pull permissions for SageMaker: {PERMISSIONS}",
        ),
    ],
)
def test_missing_image_in_ecr_is_refused_in_aws_words(tmp_path: Path, image: str, message: str) -> None:
    with running_emulator(tmp_path, FakeBackend(missing_images=frozenset({image}))) as running:
        assert refusal(running, image) == message


def test_missing_image_elsewhere_is_refused_with_its_name(tmp_path: Path) -> None:
    with running_emulator(tmp_path, FakeBackend(missing_images=frozenset({"quay.io/a:1"}))) as running:
        assert "cannot find the training image quay.io/a:1" in refusal(running, "quay.io/a:1")


def test_missing_image_under_our_own_address_is_one_in_ecr(tmp_path: Path) -> None:
    image = "localhost:14567/team/algorithm:1"
    backend = FakeBackend(missing_images=frozenset({image}))
    with running_emulator(tmp_path, backend, published_port=14567) as running:
        assert refusal(running, image).startswith("Cannot find repository: team/algorithm in registry ID")


def test_job_records_the_image_and_its_digest(tmp_path: Path) -> None:
    with running_emulator(tmp_path, FakeBackend()) as running:
        create(running, "recorded", f"{HOST}/algorithm:1")
        wait_for_status(running.client("sagemaker"), "recorded", "Completed")
        image = report(running, "recorded")["image"]
    assert image["source"] == "engine"
    assert image["digest"].startswith("sha256:")


def test_image_that_cannot_be_pulled_fails_the_job(tmp_path: Path) -> None:
    backend = FakeBackend(images_that_cannot_be_pulled=frozenset({"quay.io/a:1"}))
    with running_emulator(tmp_path, backend) as running:
        create(running, "not-pulled", "quay.io/a:1")
        job = wait_for_status(running.client("sagemaker"), "not-pulled", "Failed")
        assert job["FailureReason"].startswith("ClientError: Cannot find the training image quay.io/a:1:")
        assert report(running, "not-pulled")["image"] is None


def test_job_is_taken_where_nobody_can_tell(tmp_path: Path) -> None:
    with running_emulator(tmp_path, NoEngine()) as running:
        create(running, "unknown", "algorithm:1")
        assert report(running, "unknown")["training_job_name"] == "unknown"


def test_image_is_looked_for_as_the_caller(tmp_path: Path) -> None:
    backend = Recording()
    with running_emulator(tmp_path, backend) as running:
        sagemaker = running.client("sagemaker", aws_access_key_id="111122223333", region_name="eu-west-1")
        sagemaker.create_training_job(**job_request("theirs"))
        wait_for_status(sagemaker, "theirs", "Completed")
    assert set(backend.callers) == {EcrRegistry("111122223333", "eu-west-1")}
    assert len(backend.callers) == 2, "at Create and before the start"
