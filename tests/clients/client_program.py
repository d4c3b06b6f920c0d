"""A client's program, run by the client's own interpreter in a working directory of its own."""

import io
import os
import re
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.images import cannot_run

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
LIMIT_SECONDS = 240


def environment_of(client: str) -> Path:
    """What scripts/test_clients.sh has made for the client."""
    made = os.environ.get(f"CLIENT_{client.upper()}")
    if not made:
        cannot_run(f"no environment for {client}: run make test-clients, which says what is missing")
    return Path(made)


@dataclass(frozen=True)
class Client:
    directory: Path
    variables: Mapping[str, str]

    @property
    def endpoint(self) -> str:
        return self.variables["AWS_ENDPOINT_URL"]

    def run_python(self, client: str, program: str, *arguments: str, bridge: bool = False) -> str:
        """The output of tests/clients/CLIENT/PROGRAM. With `bridge` it can import emulator.sdk."""
        variables = {"PYTHONPATH": str(PROJECT)} if bridge else {}
        python = environment_of(client) / "bin" / "python"
        return self.run(str(python), str(HERE / client / program), *arguments, **variables)

    def run(self, *command: str, **variables: str) -> str:
        """Both outputs of the command, as they came. Fails where it does."""
        ran = subprocess.run(
            command,
            check=False,
            cwd=self.directory,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_SECONDS,
        )
        if ran.returncode != 0:
            pytest.fail(f"{command} ended with {ran.returncode}:\n{ran.stdout[-6000:]}")
        return ran.stdout

    def artifact_names(self, uri: str) -> set[str]:
        """Names of the files in an archive in S3, as everybody may read it who reaches the port."""
        with urlopen(f"{self.endpoint}/{uri.removeprefix('s3://')}") as answer:
            content = answer.read()
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            return {member.name.removeprefix("./") for member in archive if member.isfile()}


def told(output: str, label: str) -> str:
    """What the program printed after `label: ` on a line of its own."""
    found = re.search(rf"^{label}: (.*)$", output, re.MULTILINE)
    assert found, f"no {label!r} in:\n{output[-6000:]}"
    return found[1]
