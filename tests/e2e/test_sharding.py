import json
from typing import Any

from tests.e2e.training_client import BUCKET, TrainingClient, channel

KEYS = ["part-0.csv", "part-1.csv", "part-2.csv", "sub/part-3.csv", "sub/part-4.csv"]


def channel_files(report: dict[str, Any], name: str) -> list[str]:
    prefix = f"input/data/{name}/"
    return [
        path.removeprefix(prefix)
        for path, seen in report["tree"].items()
        if path.startswith(prefix) and seen["sha256"]
    ]


def test_five_keys_on_three_hosts(emulator: TrainingClient) -> None:
    uri = emulator.put({key: key.encode() for key in reversed(KEYS)})
    whole = emulator.put({"all.csv": b"all"})
    channels = [
        channel("train", uri, S3DataDistributionType="ShardedByS3Key"),
        channel("validation", whole),
    ]
    job = emulator.train({"report": "true"}, channels, instances=3)

    name = job["TrainingJobName"]
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    reports = {host: emulator.report(name, host) for host in ("algo-1", "algo-2", "algo-3")}
    assert {host: channel_files(report, "train") for host, report in reports.items()} == {
        "algo-1": ["part-0.csv", "sub/part-3.csv"],
        "algo-2": ["part-1.csv", "sub/part-4.csv"],
        "algo-3": ["part-2.csv"],
    }
    assert [channel_files(report, "validation") for report in reports.values()] == [["all.csv"]] * 3
    told = {host["host"]: host["objects"] for host in emulator.emulator_report(name)["hosts"]}
    assert told == {
        "algo-1": {"train": 2, "validation": 1},
        "algo-2": {"train": 2, "validation": 1},
        "algo-3": {"train": 1, "validation": 1},
    }
    for report in reports.values():
        configured = json.loads(report["config"]["inputdataconfig.json"])
        assert configured["train"]["S3DistributionType"] == "ShardedByS3Key"
        assert configured["validation"]["S3DistributionType"] == "FullyReplicated"


def test_manifest_names_all_objects_of_a_sharded_channel(emulator: TrainingClient) -> None:
    uri = emulator.put(dict.fromkeys(KEYS, b"x"))
    channels = [channel("train", uri, S3DataDistributionType="ShardedByS3Key")]
    job = emulator.train({"run": "cat /opt/ml/input/data/train-manifest"}, channels, instances=2)
    prefix = uri.removeprefix(f"s3://{BUCKET}/")
    expected = [prefix, *(uri + key for key in KEYS)]
    for host in ("algo-1", "algo-2"):
        assert emulator.lines(job["TrainingJobName"], host) == expected


def test_host_without_a_shard_still_runs_with_an_empty_channel(emulator: TrainingClient) -> None:
    uri = emulator.put({"only.csv": b"1"})
    channels = [channel("train", uri, S3DataDistributionType="ShardedByS3Key")]
    job = emulator.train({"run": "ls -A /opt/ml/input/data/train; echo end"}, channels, instances=2)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert emulator.lines(job["TrainingJobName"], "algo-1") == ["only.csv", "end"]
    assert emulator.lines(job["TrainingJobName"], "algo-2") == ["end"]


def test_channel_of_one_instance_group_is_sharded_within_it_and_unknown_elsewhere(
    emulator: TrainingClient,
) -> None:
    groups = [
        {"InstanceGroupName": "one", "InstanceType": "ml.t3.medium", "InstanceCount": 1},
        {"InstanceGroupName": "two", "InstanceType": "ml.t3.medium", "InstanceCount": 2},
    ]
    uri = emulator.put(dict.fromkeys(KEYS, b"x"))
    sharded = {"S3DataDistributionType": "ShardedByS3Key", "InstanceGroupNames": ["two"]}
    channels = [channel("train", uri, **sharded), channel("first", uri, InstanceGroupNames=["one"])]
    job = emulator.train(
        {"report": "true"}, channels, ResourceConfig={"InstanceGroups": groups, "VolumeSizeInGB": 1}
    )

    name = job["TrainingJobName"]
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    reports = {host: emulator.report(name, host) for host in ("algo-1", "algo-2", "algo-3")}
    assert channel_files(reports["algo-1"], "first") == KEYS
    assert channel_files(reports["algo-2"], "train") == [KEYS[0], KEYS[2], KEYS[4]]
    assert channel_files(reports["algo-3"], "train") == [KEYS[1], KEYS[3]]
    configured = {
        host: set(json.loads(seen["config"]["inputdataconfig.json"])) for host, seen in reports.items()
    }
    assert configured == {"algo-1": {"first"}, "algo-2": {"train"}, "algo-3": {"train"}}
    assert "input/data/train" not in reports["algo-1"]["tree"]
    assert "input/data/first" not in reports["algo-2"]["tree"]
