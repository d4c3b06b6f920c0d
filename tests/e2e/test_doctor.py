"""The check-up on a machine where everything is there."""

from pathlib import Path

import docker
import pytest

from emulator.cli import main

pytestmark = pytest.mark.ordinary_user


def test_doctor_tries_memory_limits_with_a_real_container(
    engine: docker.DockerClient, algorithm_image: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert engine.images.get(algorithm_image)
    before = probes(engine)
    code = main(["doctor", "--data-dir", str(tmp_path)])
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert "GiB of it for training jobs" in printed
    assert "enforced (tried with a container of 64 MiB)" in printed
    assert probes(engine) <= before


def probes(engine: docker.DockerClient) -> set[str]:
    """Ids of the containers that run its command: others come and go."""
    return {one["Id"] for one in engine.api.containers(all=True) if one["Command"] == "sleep 30"}
