"""Heads of requests that are longer than any client sends."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from emulator.compute.fake import FakeBackend
from tests.support.emulator_server import RunningEmulator, running_emulator

HEALTH = b"GET /_emulator/health HTTP/1.1\r\nHost: localhost\r\n"
UPLOAD = b"PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
TOO_MUCH = 10 * 2**20


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    with running_emulator(tmp_path_factory.mktemp("heads"), FakeBackend()) as emulator:
        yield emulator


def exchange(running: RunningEmulator, *pieces: bytes) -> tuple[int, int]:
    """How many bytes the server let in, and the status of its answer; 0 where it closes the connection without."""
    url, sent, answer = urlsplit(running.endpoint), 0, b""
    with socket.create_connection((url.hostname, url.port), 60) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                sent += len(piece)
            answer = connection.recv(65536)
        except ConnectionError:
            pass
    return sent, int(answer.split()[1]) if answer else 0


@pytest.mark.parametrize(
    "begin",
    [
        b"GET /",
        HEALTH + b"X-Long: ",
        HEALTH + b"X-",
        UPLOAD + b"1\r\nx\r\n0\r\nX-Trailer: ",
        UPLOAD + b"1;extension=",
    ],
    ids=["target", "value", "name", "trailer", "extension"],
)
def test_what_never_ends_is_not_read_for_long(running: RunningEmulator, begin: bytes) -> None:
    sent, status = exchange(running, begin, *[b"a" * 65536] * (TOO_MUCH // 65536))
    assert sent < TOO_MUCH
    assert status in (0, 431, 404)


def test_many_headers_are_as_long_as_one(running: RunningEmulator) -> None:
    sent, status = exchange(running, HEALTH, *[b"X-Many: a\r\n" * 5000] * (TOO_MUCH // 50000))
    assert sent < TOO_MUCH
    assert status in (0, 431)


@pytest.mark.parametrize("path", [b"/_emulator/health", b"/bucket/key", b"/endpoints/e/invocations"])
def test_a_head_that_is_too_long_is_answered_431(running: RunningEmulator, path: bytes) -> None:
    head = b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nX-Long: %b\r\n\r\nx"
    assert exchange(running, head % (path, b"a" * 65536))[1] == 431
    assert exchange(running, head % (path + b"?" + b"a" * 65536, b"a"))[1] == 431


def test_a_head_of_60_kib_is_answered(running: RunningEmulator) -> None:
    assert exchange(running, HEALTH + b"X-Long: %b\r\n\r\n" % (b"a" * 60 * 1024))[1] == 200


def test_bodies_and_requests_that_follow_each_other_have_no_such_limit(running: RunningEmulator) -> None:
    running.client("s3").create_bucket(Bucket="bodies")
    head = b"PUT /bodies/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % 2**20
    assert exchange(running, head + b"a" * 2**20)[1] == 200
    url = urlsplit(running.endpoint)
    with socket.create_connection((url.hostname, url.port), 60) as connection:
        connection.sendall((HEALTH + b"\r\n") * 2000 + HEALTH + b"Connection: close\r\n\r\n")
        answers = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answers.count(b"HTTP/1.1 200 OK") == 2001
