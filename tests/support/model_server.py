"""Model servers as containers have them, in threads of this process, and scripted by the test."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from emulator.hosting.routing import InstanceRoute


class Seen(NamedTuple):
    """A request's head."""

    command: str
    path: str
    headers: Message


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer, in the hands of a `Script`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        server.model.seen.append(Seen(self.command, self.path, self.headers))
        self._content: bytes | None = None
        with suppress(ConnectionError):
            server.model.script(self)

    do_GET = do_DELETE = do_POST  # noqa: N815

    def body(self) -> bytes:
        if self._content is None:
            self._content = self._read()
        return self._content

    def _read(self) -> bytes:
        if "content-length" in self.headers:
            return self.rfile.read(int(self.headers["content-length"]))
        if "transfer-encoding" not in self.headers:
            return b""
        whole = bytearray()
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(whole)

    def answer(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.body()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def begin_chunks(self, **headers: str) -> None:
        self.body()
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))

    def break_off(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        pass


Script = Callable[[Exchange], None]


def echo(exchange: Exchange) -> None:
    exchange.answer(exchange.body(), Content_Type=exchange.headers.get("Content-Type", ""))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    model: "ModelServer"

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Exchange)
        self.connections: set[socket.socket] = set()
        self.model = ModelServer(script, f"http://127.0.0.1:{self.server_address[1]}")

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().finish_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def break_connections(self) -> None:
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: object) -> None:
        pass


@dataclass(eq=False)
class ModelServer:
    script: Script = echo
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    stop: Callable[[], None] = lambda: None
    """All connections end, and from then on they are refused."""

    def instance(self, host: str = "AllTraffic-1") -> InstanceRoute:
        return InstanceRoute(host, (self.url,))


@contextmanager
def model_server(script: Script = echo) -> Iterator[ModelServer]:
    server = _Server(script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.break_connections()
        server.server_close()
        thread.join()

    server.model.stop = stop
    try:
        yield server.model
    finally:
        if thread.is_alive():
            stop()
