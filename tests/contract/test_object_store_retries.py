"""Downloads and readers of an external S3 whose connections break off."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio
import pytest

from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.objects.resuming_reader import ATTEMPTS
from emulator.objects.s3 import S3ObjectStore

CONTENT = bytes(range(256)) * 20_000
ETAG = "0" * 32
PART = S3Object("bucket", "part", len(CONTENT), ETAG)


class BreakingS3(ThreadingHTTPServer):
    """Sends some bytes of the object, then hangs up, as often as told; then the rest that is asked for."""

    daemon_threads = True

    def __init__(self, breaks: int, sends: int) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.breaks = breaks
        self.sends = sends
        self.etag = ETAG
        self.ranges: list[str | None] = []
        self.connections = 0

    def process_request(self, *args: object) -> None:
        self.connections += 1
        super().process_request(*args)  # type: ignore[arg-type]

    @property
    def store(self) -> S3ObjectStore:
        return S3ObjectStore(f"http://127.0.0.1:{self.server_port}", "key", "secret", "us-east-1")


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, BreakingS3)
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        first, _, last = (asked or "bytes=0-").removeprefix("bytes=").partition("-")
        rest = CONTENT[int(first) : int(last) + 1 if last else None]
        is_same = self.headers["If-Match"] == f'"{server.etag}"'
        self.send_response((206 if asked else 200) if is_same else 412)
        if not is_same:
            rest = b"<Error><Code>PreconditionFailed</Code><Message>changed</Message></Error>"
            self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if server.breaks > 0:
            server.breaks -= 1
            self.wfile.write(rest[: server.sends])
            self.close_connection = True
        else:
            self.wfile.write(rest)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def breaking() -> Iterator[Callable[[int, int], BreakingS3]]:
    """Starts a server that breaks so many connections after so many bytes."""
    started: list[tuple[BreakingS3, threading.Thread]] = []

    def start(breaks: int, sends: int) -> BreakingS3:
        server = BreakingS3(breaks, sends)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        started.append((server, thread))
        return server

    yield start
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def ending_with(code: str | None) -> Iterator[None]:
    if code is None:
        yield
        return
    with pytest.raises(S3Fault) as fault:
        yield
    assert fault.value.code == code


@pytest.mark.parametrize(
    ("breaks", "sends", "fault", "requests"),
    [
        (0, 0, None, 1),
        (2, 200_000, None, 3),
        (3 * ATTEMPTS, 200_000, None, 3 * ATTEMPTS + 1),
        (1000, 0, "IncompleteBody", ATTEMPTS),
    ],
)
def test_a_download_goes_on_where_it_broke_off(
    breaking: Callable[[int, int], BreakingS3],
    tmp_path: Path,
    breaks: int,
    sends: int,
    fault: str | None,
    requests: int,
) -> None:
    server = breaking(breaks, sends)
    target = tmp_path / "part"
    with ending_with(fault):
        anyio.run(server.store.download, PART, target)
    assert len(server.ranges) == requests
    if fault is None:
        assert target.read_bytes() == CONTENT
        starts = [asked and int(asked.removeprefix("bytes=").partition("-")[0]) for asked in server.ranges]
        assert starts == [None, *(sends * number for number in range(1, requests))]
    assert [path.name for path in tmp_path.iterdir()] == ([] if fault else ["part"])


def test_a_part_of_an_object_is_asked_for_and_goes_on_too(
    breaking: Callable[[int, int], BreakingS3],
) -> None:
    server = breaking(2, 1000)
    with server.store.reader(PART, 5, 10_000) as file:
        assert file.read() == CONTENT[5:10_005]
    assert server.ranges == ["bytes=5-10004", "bytes=1005-10004", "bytes=2005-10004"]


def test_an_object_that_changes_between_two_connections_is_refused(
    breaking: Callable[[int, int], BreakingS3],
) -> None:
    server = breaking(1, 200_000)
    with ending_with("PreconditionFailed"), server.store.reader(PART) as file:
        assert file.read(1000) == CONTENT[:1000]
        server.etag = "1" * 32
        file.read()
    assert len(server.ranges) == 2


def test_a_connection_is_kept_for_the_next_object(breaking: Callable[[int, int], BreakingS3]) -> None:
    server = breaking(0, 0)
    store = server.store
    for _ in range(3):
        with store.reader(PART) as file:
            assert file.read() == CONTENT
        with store.reader(PART, 10, 100) as file:
            assert file.read(100) == CONTENT[10:110]
    assert (len(server.ranges), server.connections) == (6, 1)
    with store.reader(PART) as file:
        file.read(10)
    with store.reader(PART) as file:
        assert file.read() == CONTENT
    assert server.connections == 2
