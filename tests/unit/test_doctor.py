"""The check-up without an Engine: one line for each thing, and exit code 1 because training cannot work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.doctor import check_fast_file
from emulator.fast_file import FastFileError, availability
from emulator.settings import Settings

NOWHERE = "http://127.0.0.1:1"


def doctor(tmp_path: Path, data_dir: Path, **environment: str) -> tuple[int, dict[str, str]]:
    """The exit code, and the lines by their subject. A process of its own, for the sockets that docker leaves."""
    settings = {f"SAGEMAKER_EMULATOR_{name}": value for name, value in environment.items()}
    variables = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/no.sock", **settings}
    command = [sys.executable, "-m", "emulator", "doctor", "--data-dir", str(data_dir)]
    run = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert run.stderr == ""
    return run.returncode, {line[6:].partition(":")[0]: line for line in run.stdout.splitlines()}


def test_doctor_without_an_engine_says_so_and_what_to_do(tmp_path: Path) -> None:
    code, lines = doctor(tmp_path, tmp_path)
    assert code == 1
    assert lines["docker"].startswith("FAULT docker: no Engine answers")
    assert lines["docker"].endswith("Start Docker, or set DOCKER_HOST.")
    assert lines["disk"].startswith(("ok ", "note "))
    assert lines["s3"] == "ok    s3: embedded."


def test_doctor_says_whether_fast_file_is_lazy(tmp_path: Path) -> None:
    _, lines = doctor(tmp_path, tmp_path)
    reason = availability(tmp_path)
    if reason is None:
        expected = "ok    fast file: lazy: bytes are fetched at the first read (tried with a mount)."
    else:
        expected = (
            "note  fast file: copied: FastFile channels are downloaded before training, as in File mode. "
            f"For the lazy view: {reason}"
        )
    assert lines["fast file"] == expected


def test_fast_file_is_copied_where_it_cannot_be_mounted(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_mount: object) -> None:
        raise FastFileError("libfuse can't mount there.")

    monkeypatch.setattr("emulator.doctor.availability", lambda _directory: None)
    monkeypatch.setattr("emulator.doctor.FastFileMount.mount", refuse)
    finding = check_fast_file(Settings())
    assert not finding.is_fault
    assert finding.text.startswith("copied")
    assert finding.advice == "For the lazy view: libfuse can't mount there."


def test_doctor_names_an_s3_and_a_registry_that_do_not_answer(tmp_path: Path) -> None:
    _, lines = doctor(tmp_path, tmp_path, S3_ENDPOINT_URL=NOWHERE, REGISTRY="127.0.0.1:1")
    assert lines["s3"].startswith(f"FAULT s3: {NOWHERE} does not answer")
    assert lines["registry"].startswith("note  registry: http://127.0.0.1:1/v2/ does not answer")


def test_doctor_names_a_data_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, lines = doctor(tmp_path, tmp_path / "file" / "data")
    assert code == 1
    assert lines["disk"].startswith("FAULT disk:")
    assert lines["disk"].endswith("Choose another --data-dir.")
