"""Heterogeneous clusters: one job, two kinds of instances."""

import json
from typing import Any

import pytest

from tests.e2e.test_sharding import channel_files
from tests.e2e.training_client import TrainingClient, channel

MIB = 2**20
GROUPS = [
    {"InstanceGroupName": "data", "InstanceType": "ml.m5.large", "InstanceCount": 1},
    {"InstanceGroupName": "model", "InstanceType": "ml.t3.medium", "InstanceCount": 2},
]
HOSTS = {"algo-1": GROUPS[0], "algo-2": GROUPS[1], "algo-3": GROUPS[1]}
NOMINAL_MIB = {"ml.m5.large": 8 * 1024, "ml.t3.medium": 4 * 1024}


@pytest.fixture(scope="module")
def job(emulator: TrainingClient) -> dict[str, Any]:
    uri = emulator.put({f"part-{number}": b"x" for number in range(5)})
    model = {"InstanceGroupNames": ["model"]}
    channels = [
        channel("shards", uri, S3DataDistributionType="ShardedByS3Key", **model),
        channel("whole", uri, **model),
        channel("everywhere", uri, InstanceGroupNames=["data", "model"]),
    ]
    job = emulator.train(
        {"report": "true", "talk": "true"},
        channels,
        ResourceConfig={"InstanceGroups": GROUPS, "VolumeSizeInGB": 1},
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return job


@pytest.fixture(scope="module")
def reports(emulator: TrainingClient, job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {host: emulator.report(job["TrainingJobName"], host) for host in HOSTS}


def test_every_host_has_the_memory_of_its_own_type(reports: dict[str, dict[str, Any]]) -> None:
    for host, group in HOSTS.items():
        nominal = NOMINAL_MIB[group["InstanceType"]]
        assert int(reports[host]["limits"]["memory"]) == (int(nominal * 0.93) - 512) * MIB, host


def test_resourceconfig_tells_every_host_its_group_and_all_others(reports: dict[str, dict[str, Any]]) -> None:
    for host, group in HOSTS.items():
        assert json.loads(reports[host]["config"]["resourceconfig.json"]) == {
            "current_host": host,
            "current_instance_type": group["InstanceType"],
            "current_group_name": group["InstanceGroupName"],
            "hosts": ["algo-1", "algo-2", "algo-3"],
            "instance_groups": [
                {"instance_group_name": "data", "instance_type": "ml.m5.large", "hosts": ["algo-1"]},
                {
                    "instance_group_name": "model",
                    "instance_type": "ml.t3.medium",
                    "hosts": ["algo-2", "algo-3"],
                },
            ],
            "network_interface_name": "eth0",
            "topology": None,
        }


def test_channels_reach_their_groups_only_and_are_sharded_within_them(
    reports: dict[str, dict[str, Any]],
) -> None:
    every = [f"part-{number}" for number in range(5)]
    expected = {
        "algo-1": {"everywhere": every},
        "algo-2": {"everywhere": every, "whole": every, "shards": every[::2]},
        "algo-3": {"everywhere": every, "whole": every, "shards": every[1::2]},
    }
    for host, channels in expected.items():
        configured = json.loads(reports[host]["config"]["inputdataconfig.json"])
        assert {name: channel_files(reports[host], name) for name in configured} == channels
        directories = {path for path in reports[host]["tree"] if path.rpartition("/")[0] == "input/data"}
        assert {path.rpartition("/")[2] for path in directories} == {
            name for channel in channels for name in (channel, f"{channel}-manifest")
        }


def test_hosts_of_different_groups_meet(emulator: TrainingClient, job: dict[str, Any]) -> None:
    for host in HOSTS:
        met = json.loads(emulator.files(job["TrainingJobName"])[f"met-{host}.json"])
        peers = [other for other in HOSTS if other != host]
        assert met == {"said": {peer: peer for peer in peers}, "heard": peers}


def test_description_tells_the_groups_as_they_were_given(job: dict[str, Any]) -> None:
    assert job["ResourceConfig"]["InstanceGroups"] == GROUPS
    assert "InstanceType" not in job["ResourceConfig"]
