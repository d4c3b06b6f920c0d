"""`sagemaker-emulator serve` as a process of its own, with settings of its own."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PREFIX = "SAGEMAKER_EMULATOR_"
START_LIMIT_SECONDS = 120.0
STOP_LIMIT_SECONDS = 120.0

DEFAULTS = {
    "MEMORY_BUDGET": "64GiB",
    "OFFLINE": "true",
    "ON_SHUTDOWN": "stop",
    "TIME_SCALE": "0.02",
}
"""No machine scales a job by itself, nothing is pulled, and 120 s between SIGTERM and SIGKILL are 2.4 s."""


@dataclass(frozen=True)
class EmulatorProcess:
    url: str
    data_dir: Path
    log: Path
    process: "subprocess.Popen[bytes]"

    @property
    def installation(self) -> str:
        """The value of the label that everything it makes on the Engine has."""
        return (self.data_dir / "installation").read_text(encoding="ascii")

    def stop(self) -> None:
        """SIGTERM, as a service manager does. Fails where the server does not end well."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"the server did not end within {STOP_LIMIT_SECONDS:g} s of SIGTERM\n{self.tail()}")
        assert code == 0, f"the server ended with {code}\n{self.tail()}"

    def kill(self) -> None:
        """SIGKILL: no chance to write anything more."""
        self.process.kill()
        self.process.wait()

    def tail(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-4000:]


def start_emulator(data_dir: Path, settings: Mapping[str, str]) -> EmulatorProcess:
    """Start it and wait until it says that it is ready. `settings` without the prefix, on top of DEFAULTS."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    ours = {PREFIX + name: value for name, value in {**DEFAULTS, **settings}.items()}
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    log = data_dir.with_name(data_dir.name + ".log")
    command = [sys.executable, "-m", "emulator", "serve", "--port", "0", "--data-dir", str(data_dir)]
    with log.open("ab") as output:
        start = output.tell()
        process = subprocess.Popen(
            command, env=others | ours, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    return EmulatorProcess(_wait_for_url(process, log, start), data_dir, log, process)


def _wait_for_url(process: "subprocess.Popen[bytes]", log: Path, start: int) -> str:
    tick = threading.Event()
    for _ in range(int(START_LIMIT_SECONDS / 0.05)):
        lines = log.read_bytes()[start:].decode().splitlines()
        if "Ready." in lines:
            (url,) = (line.split("=", 1)[1] for line in lines if line.startswith("export AWS_ENDPOINT_URL="))
            return url
        if process.poll() is not None:
            break
        tick.wait(0.05)
    process.kill()
    process.wait()
    pytest.fail(f"the server did not start:\n{log.read_text(errors='replace')[-4000:]}")


@contextmanager
def running_emulator(data_dir: Path, settings: Mapping[str, str]) -> Iterator[EmulatorProcess]:
    emulator = start_emulator(data_dir, settings)
    try:
        yield emulator
    finally:
        emulator.stop()
