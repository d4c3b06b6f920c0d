import os
import socket
import threading
from pathlib import Path

import pytest

from emulator.compute.sidecar import SOCKET, ask_for_connection, serve
from tests.support.emulator_server import wait_until


@pytest.fixture
def directory(tmp_path: Path) -> int:
    """Of a sidecar that listens, with a path too long for the address of a socket."""
    path = tmp_path / ("deep" * 30)
    path.mkdir()
    (path / SOCKET).touch()  # as a former process leaves it
    descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY)
    threading.Thread(target=serve, args=(Path(f"/proc/self/fd/{descriptor}"),), daemon=True).start()
    wait_until((path / SOCKET).is_socket)
    return descriptor


def test_asking_gives_a_connected_socket(directory: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        for _ in range(2):
            with ask_for_connection(directory, server.getsockname()[1]) as near:
                far, _ = server.accept()
                near.settimeout(60)
                far.sendall(b"hello")
                assert near.recv(5) == b"hello"
                far.close()
                assert near.recv(1) == b""


def test_asking_for_a_port_where_nobody_listens_is_refused(directory: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError, match=f"port {port}"):
        ask_for_connection(directory, port)


def test_asking_where_there_is_no_sidecar_is_an_error(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    with pytest.raises(FileNotFoundError):
        ask_for_connection(descriptor, 8080)
    os.close(descriptor)
