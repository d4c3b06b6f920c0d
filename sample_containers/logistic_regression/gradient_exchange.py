"""Adds vectors up over all hosts of a training job, over plain TCP.

A star: the first host listens, the others connect to it by its name in resourceconfig.json. In every round
each host sends its numbers to the first one, which sends everybody's back.
"""

from __future__ import annotations

import socket
import struct
import time
from array import array

PORT = 7777
PEER_LIMIT_SECONDS = 120.0
RETRY_SECONDS = 0.5


class PeerLostError(Exception):
    """Another host did not appear in time, or went away."""


class GradientExchange:
    def __init__(
        self, host: str, hosts: list[str], port: int = PORT, limit_seconds: float = PEER_LIMIT_SECONDS
    ) -> None:
        self.hosts = hosts
        self.leads = host == hosts[0]
        self.peers: list[socket.socket] = []
        if self.leads:
            self.peers = accept_peers(len(hosts) - 1, port, limit_seconds)
        else:
            self.peers = [connect(hosts[0], port, limit_seconds)]

    def __enter__(self) -> GradientExchange:
        return self

    def __exit__(self, *_error: object) -> None:
        for peer in self.peers:
            peer.close()

    def gather(self, numbers: list[float]) -> list[float]:
        """The numbers of all hosts one after the other, the same list on every host."""
        try:
            if not self.leads:
                send(self.peers[0], numbers)
                return receive(self.peers[0])
            gathered = [number for part in [numbers, *map(receive, self.peers)] for number in part]
            for peer in self.peers:
                send(peer, gathered)
        except OSError as error:
            raise PeerLostError(f"Lost a peer during training: {error}") from error
        return gathered

    def sum_over_hosts(self, numbers: list[float]) -> list[float]:
        gathered = self.gather(numbers)
        return [sum(gathered[place :: len(numbers)]) for place in range(len(numbers))]


def accept_peers(count: int, port: int, limit_seconds: float) -> list[socket.socket]:
    peers: list[socket.socket] = []
    if count == 0:
        return peers
    with socket.create_server(("", port), backlog=count) as server:
        server.settimeout(limit_seconds)
        try:
            while len(peers) < count:
                peer, _address = server.accept()
                peer.settimeout(None)
                peers.append(peer)
        except TimeoutError as error:
            raise PeerLostError(
                f"{len(peers)} of {count} peers connected within {limit_seconds:g} s"
            ) from error
    return peers


def connect(host: str, port: int, limit_seconds: float) -> socket.socket:
    """The name may not resolve yet and nobody may listen yet: containers don't start together."""
    deadline = time.monotonic() + limit_seconds
    while True:
        try:
            peer = socket.create_connection((host, port), timeout=RETRY_SECONDS * 10)
        except OSError as error:
            if time.monotonic() > deadline:
                raise PeerLostError(
                    f"{host} could not be reached within {limit_seconds:g} s: {error}"
                ) from error
            time.sleep(RETRY_SECONDS)
        else:
            peer.settimeout(None)
            return peer


def send(peer: socket.socket, numbers: list[float]) -> None:
    body = array("d", numbers).tobytes()
    peer.sendall(struct.pack("!I", len(body)) + body)


def receive(peer: socket.socket) -> list[float]:
    (size,) = struct.unpack("!I", receive_exactly(peer, 4))
    return array("d", receive_exactly(peer, size)).tolist()


def receive_exactly(peer: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        chunk = peer.recv(size - len(received))
        if not chunk:
            raise ConnectionError("the other host closed the connection")
        received += chunk
    return bytes(received)
