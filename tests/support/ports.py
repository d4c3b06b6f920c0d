"""Ports for servers that cannot be told to take any."""

import random
import socket

PORTS = range(20_000, 32_000)
"""Below those that Linux gives to whoever takes any, connections included: nobody else gets one before it is used."""


def free_port() -> int:
    while True:
        port = random.choice(PORTS)
        try:
            socket.create_server(("", port)).close()
        except OSError:
            continue
        return port
