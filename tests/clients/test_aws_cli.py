"""The AWS CLI, versions 1 and 2."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.clients.client_program import HERE, LIMIT_SECONDS, Client, environment_of

pytestmark = pytest.mark.timeout(3 * LIMIT_SECONDS)

KNOWS_AWS_ENDPOINT_URL = (2, 13)


def path_of(version: str, directory: Path) -> str:
    """A PATH on which `aws` is of the version. Releases before 2.13 need --endpoint-url with every command."""
    if version == "aws_cli":
        return f"{environment_of('aws_cli')}/bin:{os.environ['PATH']}"
    aws = environment_of("aws_cli_v2")
    said = subprocess.run([aws, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.match(r"aws-cli/(\d+)\.(\d+)", said)
    assert found, said
    option = (
        ""
        if (int(found[1]), int(found[2])) >= KNOWS_AWS_ENDPOINT_URL
        else '--endpoint-url "$AWS_ENDPOINT_URL"'
    )
    wrapper = directory / "bin" / "aws"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {aws} {option} "$@"\n')
    wrapper.chmod(0o755)
    return f"{wrapper.parent}:{os.environ['PATH']}"


@pytest.mark.parametrize("version", ["aws_cli", "aws_cli_v2"])
def test_aws_cli_trains_waits_pages_and_copies(client: Client, version: str) -> None:
    path = path_of(version, client.directory)

    output = client.run("bash", str(HERE / "aws_cli" / "train.sh"), PATH=path)

    lines = output.splitlines()
    assert "Completed" in lines
    assert {f"{host} of 2 hosts read 100 rows" in output for host in ("algo-1", "algo-2")} == {True}
    assert any(re.fullmatch(r"cli-\d+\tCompleted", line) for line in lines)
    assert (client.directory / "model.tar.gz").stat().st_size > 0


def test_aws_cli_v2_tails_the_log_of_all_hosts(client: Client) -> None:
    path = path_of("aws_cli_v2", client.directory)
    client.run("bash", str(HERE / "aws_cli" / "train.sh"), PATH=path)

    output = client.run("bash", str(HERE / "aws_cli" / "tail.sh"), PATH=path)

    for host in ("algo-1", "algo-2"):
        assert re.search(rf"^20\S+ {host} of 2 hosts read 100 rows", output, re.MULTILINE)


@pytest.mark.parametrize("version", ["aws_cli", "aws_cli_v2"])
def test_aws_cli_deploys_predicts_and_deletes(client: Client, version: str) -> None:
    path = path_of(version, client.directory)
    client.run("bash", str(HERE / "aws_cli" / "train.sh"), PATH=path)

    output = client.run("bash", str(HERE / "aws_cli" / "deploy.sh"), PATH=path)

    assert "InService" in output.splitlines()
    assert "InvokedProductionVariant" in output
    assert re.search(r"^0\.\d+,[01]$", output, re.MULTILINE)
    assert (client.directory / "prediction.csv").read_text() in output
