"""A real HTTP server that takes events."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Webhook:
    """`answer` gets the number of the call, from 0, and gives the status; 0 breaks the connection."""

    def __init__(self, answer: Callable[[int], int]) -> None:
        self.answer = answer
        self.calls = 0
        self.taken: list[dict[str, Any]] = []
        self.lock: Any = threading.Lock()
        self.url = ""

    def take(self, body: bytes) -> int:
        with self.lock:
            status = self.answer(self.calls)
            self.calls += 1
            if 200 <= status < 300:
                self.taken.append(json.loads(body))
        return status

    def statuses(self, name: str) -> list[str]:
        with self.lock:
            details = [event["detail"] for event in self.taken]
        return [detail["SecondaryStatus"] for detail in details if detail["TrainingJobName"] == name]


@contextmanager
def webhook(answer: Callable[[int], int] = lambda call: 200) -> Iterator[Webhook]:
    hook = Webhook(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status = hook.take(self.rfile.read(int(self.headers["content-length"])))
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("location", "http://127.0.0.1:1/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hook.url = f"http://127.0.0.1:{server.server_address[1]}/hook?secret=word"
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
