"""Fixtures for tests of the hosting plane: containers that serve, and who answers for them."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from emulator.compute.fake import FakeBackend
from emulator.domain.cluster import Address
from tests.support.hosting_house import SERVES


class Ping(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def healthy() -> Iterator[Address]:
    """A server that answers every ping."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Ping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Address("127.0.0.1", server.server_port)
        server.shutdown()


@pytest.fixture
def backend(healthy: Address) -> FakeBackend:
    hosts = [f"{name}-{number}" for name in ("Main", "Other") for number in range(1, 5)]
    compute = FakeBackend(dict.fromkeys(hosts, SERVES))
    compute.addresses = dict.fromkeys(hosts, healthy)
    return compute
