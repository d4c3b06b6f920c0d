"""The embedded S3 behind uvicorn: in a thread of this process, or as a process of its own."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from emulator.clock import SystemClock
from emulator.embedded_s3.server import EmbeddedS3

ACCOUNT = "000000000000"
REGION = "us-east-1"


def make_app(s3: EmbeddedS3) -> Any:
    """The S3 with the lifespan that the real app gives it."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await s3(scope, receive, send)
            return
        await receive()
        await s3.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        s3.close()
        await send({"type": "lifespan.shutdown.complete"})

    return app


def make_server(directory: Path) -> uvicorn.Server:
    s3 = EmbeddedS3(directory, SystemClock(), REGION, ACCOUNT)
    config = uvicorn.Config(
        make_app(s3), host="127.0.0.1", port=0, server_header=False, access_log=False, log_level="warning"
    )
    return uvicorn.Server(config)


@contextlib.contextmanager
def running_embedded_s3(directory: Path) -> Iterator[str]:
    """Its endpoint URL."""
    server = make_server(directory)
    thread = threading.Thread(target=server.run, name="embedded-s3")
    thread.start()
    try:
        yield f"http://127.0.0.1:{wait_for_port(server)}"
    finally:
        server.should_exit = True
        thread.join()


def wait_for_port(server: uvicorn.Server) -> int:
    tick = threading.Event()
    while not server.started:
        tick.wait(0.01)
    return int(server.servers[0].sockets[0].getsockname()[1])


def main() -> None:
    """`python -m tests.support.s3_server DIRECTORY` prints its port and serves until it is killed."""
    server = make_server(Path(sys.argv[1]))

    def tell() -> None:
        sys.stdout.write(f"{wait_for_port(server)}\n")
        sys.stdout.flush()

    threading.Thread(target=tell, daemon=True).start()
    server.run()


if __name__ == "__main__":
    main()
