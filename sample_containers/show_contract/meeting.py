"""Meets the other hosts of the job: resolves their names, connects to them, waits for their visits."""

from __future__ import annotations

import socket
import time

PORT = 7778
LIMIT_SECONDS = 30.0


def meet_peers(
    hosts: list[str], port: int = PORT, limit_seconds: float = LIMIT_SECONDS
) -> dict[str, str | None]:
    """The address of each host, this one included; None for a host that could not be reached in time.

    A name stops resolving when its container ends, so nobody may leave before all have met.
    """
    deadline = time.monotonic() + limit_seconds
    with socket.create_server(("", port), backlog=len(hosts)) as server:
        addresses = {host: reach(host, port, deadline) for host in hosts}
        await_visitors(server, len(hosts), deadline)
    return addresses


def reach(host: str, port: int, deadline: float) -> str | None:
    while True:
        try:
            with socket.create_connection((host, port), timeout=1) as connection:
                return connection.getpeername()[0]
        except OSError:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.2)


def await_visitors(server: socket.socket, count: int, deadline: float) -> None:
    for _visitor in range(count):
        server.settimeout(max(0.1, deadline - time.monotonic()))
        try:
            server.accept()[0].close()
        except TimeoutError:
            return
