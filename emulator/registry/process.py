"""The emulator's own registry as a child process, from the program `docker-registry` (CNCF distribution)."""

import json
import os
import secrets
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import anyio
import httpx
from anyio import CapacityLimiter

from emulator.blocking import blocking
from emulator.domain.ecr import RegistryAddress, RegistryUnavailableError

START_LIMIT = 30
"""Seconds."""
STOP_LIMIT = 5
"""Seconds from SIGTERM to SIGKILL."""
ATTEMPTS = 3
"""Somebody else may take the free port before the registry does."""

# Ends the registry when the emulator's end of the pipe closes, so also when the emulator is killed. SIGTERM, which both
# get, ends the shell's first wait only, so that the shell never ends before the registry.
_OUTLIVED_BY_NOBODY = (
    'exec 3<&0; trap : TERM; "$@" </dev/null & r=$!; (cat <&3 >/dev/null; kill $r) & wait $r; wait $r'
)


class RegistryProcess:
    """A launcher, see local_registry.py."""

    def __init__(self, program: Path, root: Path) -> None:
        """`root` holds the registry's data; the configuration and the log stand beside it."""
        self._program = program
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._limiter = CapacityLimiter(1)

    async def start(self) -> RegistryAddress:
        await self.stop()
        for _ in range(ATTEMPTS):
            address = await self._try_to_start()
            if address is not None:
                return address
            await self.stop()
        raise RegistryUnavailableError(f"{self._program} does not run; it said: {self._last_words()}")

    async def _try_to_start(self) -> RegistryAddress | None:
        port = _free_port()
        try:
            self._process = self._launch(port)
        except OSError as error:
            raise RegistryUnavailableError(f"{self._program} cannot be started: {error}") from error
        url = f"http://127.0.0.1:{port}"
        is_ready = await _is_ready(url, self._process)
        return RegistryAddress(f"127.0.0.1:{port}", url) if is_ready else None

    def _launch(self, port: int) -> "subprocess.Popen[bytes]":
        self._root.mkdir(parents=True, exist_ok=True)
        config = self._root.with_suffix(".yml")
        config.write_text(json.dumps(configuration(self._root, port)), encoding="utf-8")
        with self._log.open("wb") as log:
            return subprocess.Popen(
                ["/bin/sh", "-c", _OUTLIVED_BY_NOBODY, "sh", str(self._program), "serve", str(config)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                env={"PATH": os.defpath, "OTEL_TRACES_EXPORTER": "none"},
            )

    @property
    def _log(self) -> Path:
        return self._root.with_suffix(".log")

    def _last_words(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-500:].strip() or "nothing"

    async def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def stop(self) -> None:
        if self._process is not None:
            await blocking(self._limiter, _end, self._process)
            self._process = None


def configuration(root: Path, port: int) -> dict[str, object]:
    """JSON is YAML too, which the registry reads."""
    return {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(root)}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}", "relativeurls": True, "secret": secrets.token_hex(16)},
    }


def _end(process: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_LIMIT)
            break
    if process.stdin is not None:
        process.stdin.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def _is_ready(url: str, process: "subprocess.Popen[bytes]") -> bool:
    with anyio.move_on_after(START_LIMIT):
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            while process.poll() is None:
                with suppress(httpx.HTTPError):
                    if (await client.get(f"{url}/v2/")).status_code == 200:
                        return True
                await anyio.sleep(0.02)
    return False
