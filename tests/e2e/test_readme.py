"""The README's program, run as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import docker

from tests.e2e.training_client import TrainingClient
from tests.support.images import cannot_run

README = Path(__file__).parents[2] / "README.md"
IMAGE = "sagemaker-emulator-samples/logistic_regression"


def test_the_program_of_the_readme_trains_a_model(
    emulator: TrainingClient, engine: docker.DockerClient
) -> None:
    if not engine.images.list(IMAGE):
        cannot_run(f"the image {IMAGE} is missing; `make samples` builds it")
    (program,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    aws = {
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    run = subprocess.run(  # noqa: PLW1510 - the assertion below says more
        [sys.executable, "-c", program],
        env={**os.environ, **aws},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert "s3://my-bucket/output/my-first-job/output/model.tar.gz" in run.stdout
    assert emulator.s3.head_object(Bucket="my-bucket", Key="output/my-first-job/output/model.tar.gz")
