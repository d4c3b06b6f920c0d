from ipaddress import IPv4Network
from itertools import islice, pairwise
from typing import Any

import pytest

from emulator.compute.docker_network import free_subnets, network_options, taken_subnets

POOL = IPv4Network("10.213.0.0/16")
KEPT_BY_THE_ENGINE = 3
"""Network, gateway and broadcast address."""


def network(*subnets: str) -> dict[str, Any]:
    return {"Id": "1", "IPAM": {"Driver": "default", "Config": [{"Subnet": subnet} for subnet in subnets]}}


def test_free_subnets_hold_all_hosts_and_hardly_more() -> None:
    for hosts in range(1, 201):
        subnet = next(free_subnets(POOL, [], hosts))

        assert subnet.subnet_of(POOL), hosts
        assert subnet.num_addresses - KEPT_BY_THE_ENGINE >= hosts
        assert subnet.prefixlen == 26 or subnet.num_addresses // 2 - KEPT_BY_THE_ENGINE < hosts, hosts


@pytest.mark.parametrize(("hosts", "prefix"), [(1, 26), (61, 26), (62, 25), (125, 25), (126, 24), (253, 24)])
def test_free_subnets_grow_at_powers_of_two(hosts: int, prefix: int) -> None:
    assert next(free_subnets(POOL, [], hosts)).prefixlen == prefix


def test_free_subnets_overlap_with_nothing_taken() -> None:
    taken = [IPv4Network("10.213.0.0/26"), IPv4Network("10.213.0.128/25"), IPv4Network("172.17.0.0/16")]

    found = list(islice(free_subnets(POOL, taken, 1), 3))

    assert [str(subnet) for subnet in found] == ["10.213.0.64/26", "10.213.1.0/26", "10.213.1.64/26"]


def test_free_subnets_of_the_whole_pool_are_a_thousand() -> None:
    found = list(free_subnets(POOL, [], 1))

    assert len(found) == 1_024
    assert not any(one.overlaps(next_one) for one, next_one in pairwise(found))


def test_free_subnets_of_an_exhausted_pool_are_none() -> None:
    pool = IPv4Network("10.9.0.0/21")
    taken = list(free_subnets(pool, [], 1))

    assert list(free_subnets(pool, taken, 1)) == []
    assert list(free_subnets(pool, taken[:7] + taken[8:], 1)) == [taken[7]]


@pytest.mark.parametrize("taken", ["10.213.0.0/16", "10.0.0.0/8", "0.0.0.0/0"])
def test_free_subnets_of_a_pool_that_another_network_covers(taken: str) -> None:
    assert list(free_subnets(POOL, [IPv4Network(taken)], 1)) == []


def test_free_subnets_of_a_pool_too_small_for_the_cluster() -> None:
    assert list(free_subnets(IPv4Network("10.0.0.0/27"), [], 1)) == []
    assert list(free_subnets(IPv4Network("10.0.0.0/26"), [], 62)) == []
    assert list(free_subnets(IPv4Network("10.0.0.0/26"), [], 61)) == [IPv4Network("10.0.0.0/26")]


def test_taken_subnets_are_all_of_ipv4() -> None:
    networks = [
        network("172.17.0.0/16"),
        network("10.1.0.0/24", "fd00::/64", "10.2.0.0/24"),
        {"Id": "host", "IPAM": {"Driver": "default", "Config": []}},
        {"Id": "none", "IPAM": {"Driver": "default", "Config": None}},
        {"Id": "other", "IPAM": {"Driver": "default", "Config": [{"Gateway": "10.3.0.1"}]}},
    ]

    assert [str(subnet) for subnet in taken_subnets(networks)] == [
        "172.17.0.0/16",
        "10.1.0.0/24",
        "10.2.0.0/24",
    ]


def test_taken_subnets_take_an_address_for_its_network() -> None:
    assert taken_subnets([network("10.1.0.7/24")]) == [IPv4Network("10.1.0.0/24")]


def test_network_options_take_the_bridge_s_address_away_under_isolation() -> None:
    assert network_options(isolated=True) == {"com.docker.network.bridge.inhibit_ipv4": "true"}
    assert network_options(isolated=False) == {}
