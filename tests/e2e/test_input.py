"""Input channels in File mode."""

import json
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.test_sharding import channel_files
from tests.e2e.training_client import BUCKET, TrainingClient, channel, new_name, script
from tests.support import web

OBJECTS = 10_000


def digests(report: dict[str, Any], name: str) -> dict[str, str]:
    prefix = f"input/data/{name}/"
    return {path: report["tree"][prefix + path]["sha256"] for path in channel_files(report, name)}


def put_all(emulator: TrainingClient, objects: dict[str, bytes]) -> str:
    """Without signatures, which the embedded S3 does not ask for: boto3 takes most of its time for them."""
    prefix = new_name("many")
    with web.Client(base_url=emulator.url) as client, ThreadPoolExecutor(8) as pool:
        paths = (f"/{BUCKET}/{prefix}/{quote(key)}" for key in objects)
        for answer in pool.map(lambda path, body: client.put(path, content=body), paths, objects.values()):
            answer.raise_for_status()
    return f"s3://{BUCKET}/{prefix}/"


@pytest.mark.timeout(600)
def test_ten_thousand_small_objects_on_two_hosts(emulator: TrainingClient) -> None:
    names = [f"{number % 7}/größe {number:05d} 数据.bin" for number in range(OBJECTS)]
    objects = {name: name.encode() for name in names} | {"zero": b""}
    uri = put_all(emulator, objects)
    other = emulator.put({"a+b%20c": b"plus", "ünï/ço de": b"unicode", "=&?#": b"signs"})
    channels = [
        channel("train", uri, S3DataDistributionType="ShardedByS3Key"),
        channel("validation", other),
    ]
    job = emulator.train({"report": "true"}, channels, instances=2)

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    first, second = (emulator.report(job["TrainingJobName"], host) for host in ("algo-1", "algo-2"))
    shards = digests(first, "train"), digests(second, "train")
    expected = {name: sha256(body).hexdigest() for name, body in objects.items()}
    assert not shards[0].keys() & shards[1].keys()
    assert {**shards[0], **shards[1]} == expected
    in_order = sorted(expected, key=str.encode)
    assert set(shards[0]) == set(in_order[::2])
    assert digests(first, "validation") == digests(second, "validation")
    assert digests(first, "validation") == {
        "a+b%20c": sha256(b"plus").hexdigest(),
        "ünï/ço de": sha256(b"unicode").hexdigest(),
        "=&?#": sha256(b"signs").hexdigest(),
    }


@pytest.mark.ordinary_user
def test_replicated_channel_is_private_to_every_host(emulator: TrainingClient) -> None:
    """algo-2 looks when algo-1 is done; S3 and the next job see nothing either."""
    uri = emulator.put({"a": b"original", "b": b"original", "sub/c": b"original"})
    spoil = script("""cd /opt/ml/input/data/train
        echo spoilt > a
        rm b
        rm -r sub
        echo new > new
        echo x > ../../config/hyperparameters.json""")
    look = script("cd /opt/ml/input/data/train; cat a b sub/c; echo; find . -type f | sort")
    wait = "python3 -c 'import socket; socket.create_server((\"\", 80)).accept()'"
    tell = "until python3 -c 'import socket; socket.create_connection((\"algo-2\", 80))'; do sleep 0.1; done"
    job = emulator.train(
        {
            "algo-1": json.dumps({"run": f"{spoil}; {tell} 2> /dev/null"}),
            "algo-2": json.dumps({"run": f"{wait}; {look}"}),
        },
        [channel("train", uri)],
        instances=2,
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    seen = ["originaloriginaloriginal", "./a", "./b", "./sub/c"]
    assert emulator.lines(job["TrainingJobName"], "algo-2") == seen
    assert [emulator.body(uri + key) for key in ("a", "b", "sub/c")] == [b"original"] * 3
    again = emulator.train({"run": look}, [channel("train", uri)])
    assert emulator.lines(again["TrainingJobName"]) == seen


def test_prefix_forms(emulator: TrainingClient) -> None:
    base = emulator.put(
        {"train/a": b"1", "train/sub/b": b"2", "train-2/c": b"3", "train.csv": b"4", "train/": b""}
    )
    channels = [
        channel("folder", f"{base}train/"),
        channel("without-slash", f"{base}train"),
        channel("whole-key", f"{base}train.csv"),
        channel("part-of-a-name", f"{base}train-"),
    ]
    job = emulator.train({"report": "true"}, channels)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    report = emulator.report(job["TrainingJobName"])
    assert {one["ChannelName"]: channel_files(report, one["ChannelName"]) for one in channels} == {
        "folder": ["a", "sub/b"],
        "without-slash": ["a", "sub/b", "train-2/c", "train.csv"],
        "whole-key": ["train.csv"],
        "part-of-a-name": ["train-2/c"],
    }


def test_key_that_leaves_its_directory_is_refused(emulator: TrainingClient) -> None:
    uri = emulator.put({"good": b"1"})
    prefix = uri.removeprefix(f"s3://{BUCKET}/")
    emulator.s3.put_object(Bucket=BUCKET, Key=f"{prefix}sub/../../../escape", Body=b"x")
    job = emulator.train(channels=[channel("train", uri)])
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed:channel train: the key ")
    assert "escape" in job["FailureReason"]


def test_keys_that_clash_as_files_are_refused(emulator: TrainingClient) -> None:
    uri = emulator.put({"a": b"1", "a/b": b"2"})
    job = emulator.train(channels=[channel("train", uri)])
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed:channel train: the key ")
