"""The registry as a child process, with a program in its place."""

import sys
from pathlib import Path

import anyio
import pytest

from emulator.registry.process import RegistryProcess

SLOW_TO_END = f"""\
#!{sys.executable}
import json, signal, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

def end(*_):
    time.sleep(0.5)
    Path(sys.argv[2]).with_name("ended").touch()
    sys.exit()

signal.signal(signal.SIGTERM, end)
port = json.loads(Path(sys.argv[2]).read_text())["http"]["addr"].rpartition(":")[2]
HTTPServer(("127.0.0.1", int(port)), Handler).serve_forever()
"""


def test_stop_returns_when_the_registry_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.registry.process.STOP_LIMIT", 60)
    program = tmp_path / "registry-program"
    program.write_text(SLOW_TO_END)
    program.chmod(0o755)

    async def case() -> None:
        process = RegistryProcess(program, tmp_path / "registry")
        await process.start()
        await process.stop()
        assert (tmp_path / "ended").exists()

    anyio.run(case)
