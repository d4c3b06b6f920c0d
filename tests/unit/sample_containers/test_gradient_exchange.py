import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from sample_containers.logistic_regression.gradient_exchange import (
    GradientExchange,
    PeerLostError,
    receive,
    send,
)
from tests.support import ports

# Loopback addresses stand for host names; the first one leads.
HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


@pytest.fixture(name="free_port")
def a_free_port() -> int:
    return ports.free_port()


def on_every_host(port: int, use: Callable[[GradientExchange, int], list[float]]) -> list[list[float]]:
    def run(place: int) -> list[float]:
        with GradientExchange(HOSTS[place], HOSTS, port, limit_seconds=20) as exchange:
            return use(exchange, place)

    with ThreadPoolExecutor(len(HOSTS)) as pool:
        return list(pool.map(run, range(len(HOSTS))))


def test_sum_over_hosts_is_the_same_everywhere(free_port: int) -> None:
    sums = on_every_host(free_port, lambda exchange, place: exchange.sum_over_hosts([1.0, 10.0**place]))

    assert sums == [[3.0, 111.0]] * 3


def test_sum_over_hosts_keeps_rounds_apart(free_port: int) -> None:
    def two_rounds(exchange: GradientExchange, place: int) -> list[float]:
        return exchange.sum_over_hosts([float(place)]) + exchange.sum_over_hosts([float(place * 10)])

    assert on_every_host(free_port, two_rounds) == [[3.0, 30.0]] * 3


def test_gather_of_hosts_with_nothing_to_say_is_empty(free_port: int) -> None:
    assert on_every_host(free_port, lambda exchange, _place: exchange.gather([])) == [[], [], []]


def test_single_host_needs_no_peer(free_port: int) -> None:
    with GradientExchange("algo-1", ["algo-1"], free_port) as exchange:
        assert exchange.sum_over_hosts([2.5]) == [2.5]


def test_connect_gives_up_on_a_host_that_never_listens(free_port: int) -> None:
    with pytest.raises(PeerLostError, match=r"127\.0\.0\.1 could not be reached"):
        GradientExchange(HOSTS[1], HOSTS, free_port, limit_seconds=0)


def test_leader_gives_up_on_peers_that_never_connect(free_port: int) -> None:
    with pytest.raises(PeerLostError, match="0 of 2 peers connected"):
        GradientExchange(HOSTS[0], HOSTS, free_port, limit_seconds=0.01)


def test_gather_reports_a_peer_that_went_away(free_port: int) -> None:
    def leave_or_wait(exchange: GradientExchange, place: int) -> list[float]:
        if place == 2:
            return []
        with pytest.raises(PeerLostError, match="Lost a peer"):
            exchange.gather([1.0])
        return [1.0]

    assert on_every_host(free_port, leave_or_wait) == [[1.0], [1.0], []]


def test_receive_joins_what_arrives_in_pieces() -> None:
    numbers = [float(number) for number in range(100_000)]
    left, right = socket.socketpair()
    with left, right:
        sender = threading.Thread(target=send, args=(left, numbers))
        sender.start()
        assert receive(right) == numbers
        sender.join()
