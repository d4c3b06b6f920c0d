from ipaddress import IPv4Address
from typing import Any
from unittest.mock import Mock

import pytest
from docker import APIClient
from docker.errors import APIError, NotFound

from emulator.compute.own_container import OwnContainer, find_known

NETWORK = "sagemaker-job-1"
JOINED = APIError("endpoint with name emulator already exists in network")


def network(is_internal: bool = False) -> dict[str, Any]:
    config = {"Subnet": "10.213.0.64/26", "Gateway": "10.213.0.65"}
    return {"Id": "n", "Internal": is_internal, "IPAM": {"Config": [config]}}


def api(networks: list[dict[str, Any]], own: dict[str, str] | None = None) -> Mock:
    """`own`: names of networks and addresses in them."""
    known = {name: {"IPAddress": address} for name, address in (own or {}).items()}
    found = {"NetworkSettings": {"Networks": known}, "HostConfig": {"NetworkMode": "project_default"}}
    return Mock(
        spec=APIClient, **{"networks.return_value": networks, "inspect_container.return_value": found}
    )


def test_joining_takes_the_last_address_once() -> None:
    engine = api([network()])
    own = OwnContainer(engine, "abc")
    assert own.join("job-1") == own.join("job-1") == IPv4Address("10.213.0.126")
    engine.connect_container_to_network.assert_called_once_with("abc", NETWORK, ipv4_address="10.213.0.126")


def test_joining_what_a_former_process_joined_tells_its_address() -> None:
    engine = api([network()], own={NETWORK: "10.213.0.66"})
    engine.connect_container_to_network.side_effect = JOINED
    assert OwnContainer(engine, "abc").join("job-1") == IPv4Address("10.213.0.66")


def test_refused_joining_says_why() -> None:
    engine = api([network()])
    engine.connect_container_to_network.side_effect = APIError("no more of them")
    with pytest.raises(ConnectionError, match=r"cannot join sagemaker-job-1\. \(no more of them"):
        OwnContainer(engine, "abc").join("job-1")


@pytest.mark.parametrize("networks", [[], [network(is_internal=True)]])
def test_isolated_and_missing_networks_are_not_joined(networks: list[dict[str, Any]]) -> None:
    engine = api(networks)
    assert OwnContainer(engine, "abc").join("job-1") is None
    engine.connect_container_to_network.assert_not_called()


def test_leaving_is_no_error_where_it_was_not_joined() -> None:
    engine = api([])
    engine.disconnect_container_from_network.side_effect = NotFound("no such network")
    OwnContainer(engine, "abc").leave("job-1")


def test_container_of_another_engine_is_none() -> None:
    engine = api([])
    engine.inspect_container.side_effect = NotFound("no such container")
    assert find_known(engine, "abc") is None
    assert find_known(engine, None) is None
