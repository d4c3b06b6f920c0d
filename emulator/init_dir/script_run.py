"""One script of `ready.d/`, as a child process whose output goes to our log."""

import logging
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, STDOUT

import anyio
from anyio.abc import ByteReceiveStream, Process

log = logging.getLogger(__name__)

LONGEST_LINE = 2**16
"""Bytes after which a line is broken."""

LAST_WORDS = 1.0
"""Seconds for output that is still under way when the script has ended, or that a child of it holds open."""


async def run_script(path: Path, environment: Mapping[str, str]) -> int:
    """Its exit code, negative for a signal. Cancelling kills it with its children. Raises OSError."""
    process = await anyio.open_process(
        script_command(path),
        stdin=DEVNULL,
        stderr=STDOUT,
        cwd=path.parent,
        env=environment,
        start_new_session=True,
    )
    try:
        async with anyio.create_task_group() as reading:
            if process.stdout is not None:
                reading.start_soon(_log_lines, path.name, process.stdout)
            code = await process.wait()
            reading.cancel_scope.deadline = anyio.current_time() + LAST_WORDS
        return code
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


def script_command(path: Path) -> list[str]:
    """An executable script runs by itself; others by `sh`, or by the emulator's own Python, which has boto3."""
    if os.access(path, os.X_OK):
        return [str(path)]
    return [sys.executable if path.suffix == ".py" else "sh", str(path)]


async def _log_lines(name: str, output: ByteReceiveStream) -> None:
    rest = b""
    async for data in output:
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            _log_line(name, line)
    if rest:
        _log_line(name, rest)


def _log_line(name: str, line: bytes) -> None:
    log.info("%s: %s", name, line.decode("utf-8", "replace").rstrip("\r"))


async def _end(process: Process) -> None:
    """Also of one that is killed. What it has left in its session lives on only if it ended by itself."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    await process.aclose()
