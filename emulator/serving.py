"""Running the server: a socket, an announcement, an orderly end."""

import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import uvicorn

from emulator.app import Emulator
from emulator.sdk import environment
from emulator.settings import Settings, process_environment

GRACE = 5
"""Seconds that open requests have to end after SIGTERM or Ctrl-C."""


class AnnouncingServer(uvicorn.Server):
    """Prints how to reach it once it is of use; the last line is what test containers wait for."""

    def __init__(
        self, config: uvicorn.Config, announcement: str, get_ready: Callable[[], Awaitable[None]]
    ) -> None:
        """`get_ready` may use the server; it is cancelled where the server is to end first."""
        super().__init__(config)
        self._announcement = announcement
        self._get_ready = get_ready

    async def main_loop(self) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._announce)
            await super().main_loop()
            tasks.cancel_scope.cancel()

    async def _announce(self) -> None:
        await self._get_ready()
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
        http=emulator.protocol(),
        log_config=None,
        server_header=False,
        proxy_headers=False,
        access_log=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=75,
    )
    variables = {**process_environment(), **client_environment(listener, settings)}
    get_ready = partial(emulator.init_dir.run_scripts, variables)
    server = AnnouncingServer(config, announce(listener, settings), get_ready)
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
    client = client_environment(listener, settings)
    endpoint = client["AWS_ENDPOINT_URL"]
    return "\n".join(
        [
            f"SageMaker training emulator at {endpoint}",
            f"export AWS_ENDPOINT_URL={endpoint}",
            "export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test",
            f"export AWS_DEFAULT_REGION={settings.region}",
            "Ready.",
        ]
    )


def client_environment(listener: socket.socket, settings: Settings) -> dict[str, str]:
    """What an AWS client on this machine needs in order to reach the server."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)  # noqa: S104
    return environment(f"http://{reachable}:{port}", settings.region)
