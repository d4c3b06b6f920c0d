"""A way into containers of isolated networks, which have no address that this machine could reach.

A socket belongs to the network namespace in which it was made, whoever uses it afterwards. So one that is connected
within the container's namespace, to its loopback, is all that is needed: bytes are passed on through it.
"""

import ctypes
import os
import socket
import threading
from contextlib import suppress
from typing import Protocol

from emulator.domain.cluster import Address

CLONE_NEWNET = 0x40000000
CHUNK = 64 * 1024
CONNECT_LIMIT = 5.0
"""Seconds."""


class Door(Protocol):
    """Makes connections inside of one container's network namespace. Called from one thread alone."""

    def connect(self) -> socket.socket:
        """A new one to the container's port. Raises OSError where nobody listens there."""

    def close(self) -> None:
        """Once, after the last connection was made; those that are open go on."""


class NamespaceDoor:
    """Takes the calling thread into the namespace for good, which needs root on the Engine's machine."""

    def __init__(self, pid: int, port: int) -> None:
        """`pid`: the container's first process, as this machine counts. Raises OSError."""
        self._namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        self._port = port
        self._is_inside = False

    def connect(self) -> socket.socket:
        if not self._is_inside:
            error = enter_namespace(self._namespace)
            if error:
                raise OSError(error, os.strerror(error))
            self._is_inside = True
        return socket.create_connection(("127.0.0.1", self._port), CONNECT_LIMIT)

    def close(self) -> None:
        os.close(self._namespace)


class IsolatedGate:
    """Listens on this machine's loopback, and passes every connection on into one container."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = Address(*self._listener.getsockname()[:2])
        threading.Thread(target=self._accept, name=f"isolated-gate-{self.address.port}", daemon=True).start()

    def close(self) -> None:
        """No more connections; those that are open go on until their container ends."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                break
            try:
                far = self._door.connect()
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=(source, target), daemon=True).start()
        self._door.close()


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
