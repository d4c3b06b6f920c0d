"""A way into containers of isolated networks, which have no address that this machine could reach.

A socket belongs to the network namespace in which it was made. So a thread goes into the container's namespace,
connects there to its loopback, and passes bytes on. That takes root on the Engine's machine.
"""

import ctypes
import os
import socket
import threading
from contextlib import suppress

from emulator.domain.cluster import Address

CLONE_NEWNET = 0x40000000
CHUNK = 64 * 1024
CONNECT_LIMIT = 5.0
"""Seconds."""


class IsolatedGate:
    """Listens on this machine's loopback, and passes every connection on into one container."""

    def __init__(self, pid: int, port: int) -> None:
        """`pid`: the container's first process, as this machine counts. Raises OSError."""
        self._namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = Address(*self._listener.getsockname()[:2])
        threading.Thread(target=self._accept, name=f"isolated-gate-{pid}", daemon=True).start()

    def close(self) -> None:
        """No more connections; those that are open go on until their container ends."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        if enter_namespace(self._namespace) != 0:
            self.close()
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                break
            try:
                far = socket.create_connection(("127.0.0.1", self._port), CONNECT_LIMIT)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, target), daemon=True).start()
        os.close(self._namespace)


def enter_namespace(descriptor: int) -> int:
    """Move the calling thread, and no other, into the network namespace. 0, or the error's number."""
    libc = ctypes.CDLL(None, use_errno=True)
    return 0 if libc.setns(descriptor, CLONE_NEWNET) == 0 else ctypes.get_errno()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
        return
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
