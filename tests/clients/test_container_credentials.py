"""boto3 in a container that has no keys: it asks 169.254.170.2, where CREDENTIALS_ADDRESS lets the emulator answer."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import IMAGES
from tests.e2e.training_client import ACCOUNT, training_client
from tests.support.emulator_process import running_emulator
from tests.support.images import cannot_run

PROGRAM = "; ".join(
    [
        "import boto3, os",
        "session = boto3.Session()",
        "print('METHOD', session.get_credentials().method)",
        "print('ARN', session.client('sts', os.environ['AWS_REGION']).get_caller_identity()['Arn'])",
    ]
)


@pytest.mark.usefixtures("emulator")
def test_boto3_in_a_container_takes_the_role_of_the_job(tmp_path: Path) -> None:
    if os.getuid() != 0 or shutil.which("iptables") is None:
        cannot_run("only root can make rules, with iptables")
    settings = {"CREDENTIALS_ADDRESS": "true"}
    image = f"sagemaker-emulator-samples/{IMAGES[1]}"
    command: dict[str, Any] = {"ContainerEntrypoint": ["python3", "-c", PROGRAM]}
    with (
        running_emulator(tmp_path / "data", settings) as server,
        training_client(server.url, image) as client,
    ):
        job = client.train(algorithm=command)
        lines = client.lines(job["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Completed", (job.get("FailureReason"), lines)
    assert lines[0] == "METHOD container-role"
    assert lines[1].startswith(f"ARN arn:aws:sts::{ACCOUNT}:assumed-role/")
