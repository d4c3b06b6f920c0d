"""The program of a sidecar: a container that shares an isolated container's network namespace, and nothing else of it.

It listens on a Unix socket in a directory that only the emulator sees beside it. Who connects there and names a port
gets back a socket that is connected to it on the loopback of the shared namespace. Nobody in the isolated container
can see that socket, so it reaches no more than before.
"""

import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

SOCKET = "socket"
"""Its name in the directory."""

PORT_BYTES = 2
"""A port, as networks write it."""

CONNECT_LIMIT = 5.0
"""Seconds, of either side."""


def ask_for_connection(directory: int, port: int) -> socket.socket:
    """Of the sidecar that listens in the directory of this descriptor. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(CONNECT_LIMIT)
        # Through the descriptor, since addresses of Unix sockets have 107 bytes at most.
        asking.connect(f"/proc/self/fd/{directory}/{SOCKET}")
        asking.sendall(port.to_bytes(PORT_BYTES, "big"))
        _, descriptors, _, _ = socket.recv_fds(asking, 1, 1)
    if not descriptors:
        raise ConnectionRefusedError(f"nobody listens on port {port}")
    return socket.socket(fileno=descriptors[0])


def serve(directory: Path) -> None:
    """Until the process is ended."""
    path = directory / SOCKET
    partial = path.with_suffix(".partial")
    for old in (path, partial):
        old.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(partial))
        listener.listen(128)
        partial.rename(path)
        while True:
            asking, _ = listener.accept()
            with asking, suppress(OSError):
                asking.settimeout(CONNECT_LIMIT)
                answer(asking)


def answer(asking: socket.socket) -> None:
    """With a connected socket, or with none where nobody listens. Raises OSError where nobody asks any more."""
    port = int.from_bytes(asking.recv(PORT_BYTES, socket.MSG_WAITALL), "big")
    try:
        connected = socket.create_connection(("127.0.0.1", port), CONNECT_LIMIT)
    except OSError:
        asking.sendall(b"-")
        return
    with connected:
        socket.send_fds(asking, [b"+"], [connected.fileno()])


if __name__ == "__main__":
    # The kernel does not end the first process of a container by a signal that it does not handle.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    serve(Path(sys.argv[1]))
