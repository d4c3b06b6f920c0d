"""The README's programs, run as they stand there, one behind the other."""

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


def test_the_programs_of_the_readme_train_deploy_and_predict(
    emulator: TrainingClient, engine: docker.DockerClient
) -> None:
    if not engine.api.images(IMAGE):
        cannot_run(f"the image {IMAGE} is missing; `make samples` builds it")
    text = README.read_text(encoding="utf-8")
    programs = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    aws = {
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    run = subprocess.run(  # noqa: PLW1510 - the assertion below says more
        [sys.executable, "-c", "\n".join(programs)],
        env={**os.environ, **aws},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("s3://my-bucket/output/my-first-job/output/model.tar.gz\n")
    assert f"```console\n{run.stdout}```" in text
    assert emulator.s3.head_object(Bucket="my-bucket", Key="output/my-first-job/output/model.tar.gz")
