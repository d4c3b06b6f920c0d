"""The check-up on a machine where everything is there."""

from pathlib import Path

import docker
import pytest

from emulator.cli import main


def test_doctor_tries_memory_limits_with_a_real_container(
    engine: docker.DockerClient, algorithm_image: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert engine.images.get(algorithm_image)
    before = {container.id for container in engine.containers.list(all=True)}
    code = main(["doctor", "--data-dir", str(tmp_path)])
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert "GiB of it for training jobs" in printed
    assert "enforced (tried with a container of 64 MiB)" in printed
    assert {container.id for container in engine.containers.list(all=True)} <= before
