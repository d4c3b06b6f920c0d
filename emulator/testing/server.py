"""An emulator in this process, behind a socket of its own, for as long as a test session needs it."""

import shutil
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
import uvicorn

from emulator.app import Emulator
from emulator.compute.fake import FakeBackend
from emulator.settings import Settings

START_LIMIT = 60.0
STOP_LIMIT = 60.0

TIME_SCALE = {"docker": 0.1, "fake": 0.01}
"""Of AWS's 120 s between SIGTERM and SIGKILL, 12 s are left to a container and 1.2 s to a script."""


@dataclass(frozen=True)
class SessionServer:
    endpoint: str
    region: str
    fake: FakeBackend | None
    """What runs the scripts; None where Docker runs containers."""
    boto3_session: boto3.Session = field(default_factory=boto3.Session)
    """Holds the service models, which take long to load."""

    def reset(self, account_id: str) -> None:
        """Remove all that the account has, its running containers included."""
        body = {"account_id": account_id}
        httpx.post(f"{self.endpoint}/_emulator/reset", json=body, timeout=STOP_LIMIT).raise_for_status()


@contextmanager
def serving(data_dir: Path, compute: str, settings: Mapping[str, Any]) -> Iterator[SessionServer]:
    """A server on a free port; in the end its containers and its data directory are gone.

    Raises RuntimeError where it does not start, or where no Docker Engine answers.
    """
    fake = FakeBackend() if compute == "fake" else None
    listener = socket.create_server(("127.0.0.1", 0))
    ours = {
        "host": "127.0.0.1",
        "port": listener.getsockname()[1],
        "data_dir": data_dir,
        "on_shutdown": "stop",
    }
    try:
        chosen = Settings(**{"time_scale": TIME_SCALE[compute], **settings, **ours})
        with _running(Emulator.build(chosen, fake), listener) as endpoint:
            _require_engine(endpoint)
            yield SessionServer(endpoint, chosen.region, fake)
    finally:
        listener.close()
        shutil.rmtree(data_dir, ignore_errors=True)


@contextmanager
def _running(emulator: Emulator, listener: socket.socket) -> Iterator[str]:
    config = uvicorn.Config(
        emulator.app(),
        http=emulator.protocol(),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, name="sagemaker-emulator", daemon=True
    )
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(STOP_LIMIT)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    tick = threading.Event()
    for _ in range(int(START_LIMIT / 0.01)):
        if server.started:
            return
        if not thread.is_alive():
            break
        tick.wait(0.01)
    raise RuntimeError("The SageMaker emulator did not start; its log says why.")


def _require_engine(endpoint: str) -> None:
    part = httpx.get(f"{endpoint}/_emulator/health", timeout=START_LIMIT).json()["parts"]["docker"]
    if part["status"] != "ok":
        hint = 'Tests that need no containers can use compute="fake".'
        raise RuntimeError(f"{part['reason']} {hint}")
