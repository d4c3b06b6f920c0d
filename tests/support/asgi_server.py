"""A real HTTP server for an ASGI application, on a free port, in a thread of its own."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn
from anyio.from_thread import BlockingPortal, start_blocking_portal


class RunningServer(NamedTuple):
    url: str
    portal: BlockingPortal
    """Runs coroutines in the server's event loop."""


@contextmanager
def serving(app: Any, http: Any = "auto", **loop: Any) -> Iterator[RunningServer]:
    # Named as TCP, because asyncio sets TCP_NODELAY only then; without it every answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(100)
    server = uvicorn.Server(
        uvicorn.Config(app, http=http, log_level="warning", lifespan="off", timeout_graceful_shutdown=5)
    )
    with start_blocking_portal("asyncio", loop) as portal:
        finished = portal.start_task_soon(server.serve, [listener])
        try:
            yield RunningServer(f"http://127.0.0.1:{listener.getsockname()[1]}", portal)
        finally:
            server.should_exit = True
            finished.result()
