from sample_containers.show_contract.meeting import meet_peers
from tests.support.ports import free_port


def test_meet_peers_knows_its_own_address() -> None:
    assert meet_peers(["localhost"], free_port(), limit_seconds=20) == {"localhost": "127.0.0.1"}


def test_meet_peers_reports_a_host_that_cannot_be_found() -> None:
    met = meet_peers(["localhost", "nobody.invalid"], free_port(), limit_seconds=0)

    assert met == {"localhost": "127.0.0.1", "nobody.invalid": None}


def test_meet_peers_of_no_hosts_is_empty() -> None:
    assert meet_peers([], free_port(), limit_seconds=0) == {}
