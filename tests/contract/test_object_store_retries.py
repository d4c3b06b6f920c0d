"""Downloads from an external S3 whose connections break off."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio
import pytest

from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.objects.s3 import ATTEMPTS, S3ObjectStore

CONTENT = bytes(range(256)) * 20_000
ETAG = "0" * 32


class BreakingS3(ThreadingHTTPServer):
    """Sends a part of the object, then hangs up, as often as told; then the rest that is asked for."""

    daemon_threads = True

    def __init__(self, breaks: int) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.breaks = breaks
        self.ranges: list[str | None] = []


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, BreakingS3)
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        rest = CONTENT[start:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.send_header("ETag", f'"{ETAG}"')
        self.end_headers()
        if server.breaks > 0:
            server.breaks -= 1
            self.wfile.write(rest[:200_000])
            self.close_connection = True
        else:
            self.wfile.write(rest)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(params=[0, 2, 1000])
def breaking(request: pytest.FixtureRequest) -> Iterator[BreakingS3]:
    server = BreakingS3(request.param)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_download_goes_on_where_it_broke_off(breaking: BreakingS3, tmp_path: Path) -> None:
    breaks = breaking.breaks
    store = S3ObjectStore(f"http://127.0.0.1:{breaking.server_port}", "key", "secret", "us-east-1")
    target = tmp_path / "part"

    async def download() -> None:
        await store.download(S3Object("bucket", "part", len(CONTENT), ETAG), target)

    if breaks < ATTEMPTS:
        anyio.run(download)
        assert target.read_bytes() == CONTENT
        assert breaking.ranges[0] is None
        assert all(asked is not None for asked in breaking.ranges[1:])
        assert len(breaking.ranges) == breaks + 1
    else:
        with pytest.raises(S3Fault, match="IncompleteBody"):
            anyio.run(download)
    assert [path.name for path in tmp_path.iterdir()] == (["part"] if breaks < ATTEMPTS else [])
