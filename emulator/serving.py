"""Running the server: a socket, an announcement, an orderly end."""

import signal
import socket
import sys

import uvicorn

from emulator.app import Emulator
from emulator.settings import Settings

GRACE = 5
"""Seconds that open requests have to end after SIGTERM or Ctrl-C."""


class AnnouncingServer(uvicorn.Server):
    """Prints how to reach it once it accepts requests; the last line is what test containers wait for."""

    def __init__(self, config: uvicorn.Config, announcement: str) -> None:
        super().__init__(config)
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(self._announcement, flush=True)  # noqa: T201 - the contract of the command


def serve(settings: Settings) -> int:
    """Until SIGTERM or Ctrl-C. Returns the exit code."""
    try:
        listener = listen(settings.host, settings.port)
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        emulator = Emulator.build(settings)
    except (OSError, RuntimeError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - for the person at the terminal
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    config = uvicorn.Config(
        emulator.app(),
        log_config=None,
        server_header=False,
        access_log=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=75,
    )
    server = AnnouncingServer(config, announce(listener, settings))
    server.run(sockets=[listener])
    return 0 if server.started else 1


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError that names the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(
            f"Cannot listen on {host} port {port} ({error.strerror}); choose another with --port."
        ) from error
    return listener


def announce(listener: socket.socket, settings: Settings) -> str:
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)  # noqa: S104
    endpoint = f"http://{reachable}:{port}"
    return "\n".join(
        [
            f"SageMaker training emulator at {endpoint}",
            f"export AWS_ENDPOINT_URL={endpoint}",
            "export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test",
            f"export AWS_DEFAULT_REGION={settings.region}",
            "Ready.",
        ]
    )
