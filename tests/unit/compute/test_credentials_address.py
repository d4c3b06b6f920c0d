import subprocess
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from emulator.compute import credentials_address
from emulator.compute.credentials_address import (
    close_credentials_address,
    credentials_rule,
    open_credentials_address,
)
from emulator.compute.docker_request import with_credentials_address
from emulator.domain.cluster import InstanceSpec, Limits
from emulator.domain.failure_reason import JobFailure

PLACE = ("job-1", IPv4Network("10.213.0.0/26"), IPv4Address("10.213.0.1"), 4567)
INSTANCE = InstanceSpec(
    host="algo-1",
    image="image",
    entrypoint=None,
    arguments=("train",),
    environment={
        "A": "b",
        "AWS_ACCESS_KEY_ID": "111122223333",
        "AWS_SECRET_ACCESS_KEY": "emulator",
        "AWS_SESSION_TOKEN": "emulator",
    },
    directories=(),
    files={},
    views=(),
    limits=Limits(memory_bytes=1, cpus=1, shm_bytes=1),
    endpoint_variables={"AWS_ENDPOINT_URL": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "/credentials/1"},
)


def test_rule_is_for_the_clusters_subnet_and_one_address_alone() -> None:
    rule = " ".join(credentials_rule(*PLACE))
    assert rule.startswith(
        "PREROUTING --source 10.213.0.0/26 --destination 169.254.170.2 --protocol tcp --dport 80 "
    )
    assert rule.endswith("--comment sagemaker-emulator:job-1 --jump DNAT --to-destination 10.213.0.1:4567")


def test_rule_of_before_a_restart_goes_when_the_new_one_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address never leads nowhere."""
    old = " ".join(credentials_rule("job-1", *PLACE[1:3], 1234))
    strange = " ".join(credentials_rule("job-2", *PLACE[1:3], 1234))
    rules = [old, strange]

    def iptables(command: str, *words: str) -> "subprocess.CompletedProcess[str]":
        if command == "--insert":
            rules.insert(0, " ".join(words))
        elif command == "--delete":
            assert len(rules) == 3
            rules.remove(" ".join(words))
        return subprocess.CompletedProcess(command, 0, "".join(f"-A {rule}\n" for rule in rules), "")

    monkeypatch.setattr(credentials_address, "_run", iptables)
    open_credentials_address(*PLACE)
    assert rules == [" ".join(credentials_rule(*PLACE)), strange]


def test_static_keys_give_way_to_the_relative_uri() -> None:
    instance = with_credentials_address(INSTANCE)
    assert instance.environment == {"A": "b", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/credentials/1"}
    assert instance.endpoint_variables == {"AWS_ENDPOINT_URL": ""}


def test_keys_of_the_request_stay() -> None:
    own = {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "mine"}
    instance = with_credentials_address(replace(INSTANCE, environment=own))
    assert instance.environment == {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/credentials/1", **own}


def test_isolated_instance_gets_nothing() -> None:
    isolated = replace(INSTANCE, environment={}, endpoint_variables={})
    assert with_credentials_address(isolated) == isolated


def test_without_iptables_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials_address, "_TABLE", ("/nonexistent/iptables",))
    with pytest.raises(JobFailure, match=r"CREDENTIALS_ADDRESS needs .* as root .*No such file"):
        open_credentials_address(*PLACE)
    close_credentials_address("job-1")
