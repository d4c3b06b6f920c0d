import pytest

from emulator.edge import Gate

OPEN = Gate(is_private=False, allowed_hosts=("ml.lan", ".svc.cluster.local"))


@pytest.mark.parametrize(
    "host",
    [
        "192.0.2.7:4567",
        "[2001:db8::7]:4567",
        "localhost:4567",
        "bucket.localhost:4567",
        "emulator:4567",
        "host.docker.internal:4567",
        "bucket.s3.host.docker.internal",
        "ML.lan:4567",
        "emulator.tests.svc.cluster.local",
    ],
)
def test_an_open_server_answers_to_names_that_nobody_else_can_make(host: str) -> None:
    assert OPEN.admits(host, None)
    assert OPEN.admits(host, f"http://{host}")


@pytest.mark.parametrize("host", ["rebind.example:4567", "a.ml.lan", "svc.cluster.local", "ml.lan.example"])
def test_an_open_server_does_not_answer_to_a_name_that_a_page_can_point_at_it(host: str) -> None:
    assert not OPEN.admits(host, None)
    assert not OPEN.admits(host, f"http://{host}")


def test_pages_of_a_listed_host_may_ask_from_any_port() -> None:
    assert OPEN.admits("192.0.2.7:4567", "https://ml.lan:8888")
    assert not OPEN.admits("192.0.2.7:4567", "https://a.ml.lan")
    assert not OPEN.admits("emulator:4567", "http://other")


def test_a_private_server_answers_to_names_of_this_machine_and_listed_ones() -> None:
    private = Gate(allowed_hosts=("ml.lan",))
    assert private.admits("127.0.0.1:4567", None)
    assert private.admits("host.docker.internal:4567", None)
    assert private.admits("ml.lan", None)
    assert not private.admits("emulator:4567", None)
    assert not private.admits("rebind.example:4567", None)
