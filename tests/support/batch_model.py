"""A model in a thread of this process, for the place where a scripted container of a transform job listens."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from emulator.domain.cluster import Address

Reply = tuple[int, bytes]


class Seen(NamedTuple):
    body: bytes
    headers: Mapping[str, str]
    """Names in lower case."""


@dataclass
class BatchModel:
    """`reply` may block; what it raises breaks the connection off."""

    address: Address
    reply: Callable[[bytes], Reply] = lambda body: (200, body.upper())
    content_type: str = "text/plain"
    ping_status: int = 200
    parameters: Any = None
    """Answer to GET /execution-parameters; None for 404."""
    seen: list[Seen] = field(default_factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def bodies(self) -> list[bytes]:
        return [seen.body for seen in self.seen]

    def get(self, path: str) -> Reply:
        if path == "/ping":
            return self.ping_status, b""
        if path == "/execution-parameters" and self.parameters is not None:
            return 200, json.dumps(self.parameters).encode()
        return 404, b""

    def post(self, seen: Seen) -> Reply:
        with self._lock:
            self.seen.append(seen)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return self.reply(seen.body)
        finally:
            with self._lock:
                self._at_once -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    model: BatchModel

    def handle_error(self, *_: Any) -> None:
        """A reply that raises, or a client that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._send(*self.server.model.get(self.path))

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(*self.server.model.post(Seen(self._body(headers), headers)))

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if "transfer-encoding" not in headers:
            return self.rfile.read(int(headers["content-length"]))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", self.server.model.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def running_model(**settings: Any) -> Iterator[BatchModel]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.model = BatchModel(Address("127.0.0.1", server.server_port), **settings)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server.model
        finally:
            server.shutdown()
