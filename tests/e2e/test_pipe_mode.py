"""Pipe mode: channels as FIFOs, epoch after epoch, streamed from S3."""

import gzip
import json
from hashlib import sha256
from itertools import permutations
from typing import Any

import docker
import pytest

from tests.e2e.conftest import Launch, Restartable
from tests.e2e.held_containers import WAIT, find_containers, release
from tests.e2e.test_checkpoints import completed
from tests.e2e.training_client import BUCKET, TrainingClient, channel, script, statuses, until

SHARDED = {"S3DataDistributionType": "ShardedByS3Key"}
HOSTS = ("algo-1", "algo-2")
MIB = 2**20
EARLY = 1000
AWKWARD = {"ünï/ço de": b"unicode,", "zero": b"", "a+b%20c": b"plus,", "sub/zero": b"", "=&?#": b"signs"}
PIPE_BUFFER = 2**16
NEXT = "while [ ! -p train_{0} ]; do sleep 0.05; done"


def pipe(name: str, uri: str, source: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    return {**channel(name, uri, **(source or {})), "InputMode": "Pipe", **members}


def read(
    client: TrainingClient, job: dict[str, Any], host: str = "algo-1"
) -> dict[str, list[dict[str, Any]]]:
    """What the host read: channel -> epochs."""
    epochs: dict[str, list[dict[str, Any]]] = json.loads(client.files(completed(job))[f"pipes-{host}.json"])
    return epochs


def told(data: bytes) -> dict[str, Any]:
    return {"length": len(data), "sha256": sha256(data).hexdigest()}


def order(epoch: dict[str, Any], bodies: list[bytes], count: int) -> tuple[bytes, ...]:
    """Which of the bodies the epoch had, in which order."""
    (found,) = [some for some in permutations(bodies, count) if told(b"".join(some)) == epoch]
    return found


def start_wishes(**channels: dict[str, Any]) -> dict[str, str]:
    return {"read_pipes": json.dumps(channels)}


@pytest.fixture(scope="module")
def bodies() -> dict[str, bytes]:
    return {f"part-{number}": f"body {number};".encode() * (number + 1) for number in range(6)}


@pytest.mark.ordinary_user
def test_three_epochs_of_six_channels_on_two_hosts(
    emulator: TrainingClient, bodies: dict[str, bytes]
) -> None:
    records = [b"first record", b"", b"third, of no multiple of four"]
    zipped = {f"{number}.gz": gzip.compress(record) for number, record in enumerate(records)}
    large = {"a": bytes(range(256)) * 12 * 1024, "b": b"b" * MIB}
    channels = [
        pipe("shuffled", emulator.put(bodies), SHARDED, ShuffleConfig={"Seed": 7}),
        pipe("records", emulator.put(zipped), CompressionType="Gzip", RecordWrapperType="RecordIO"),
        pipe("early", emulator.put(large)),
        pipe("awkward", emulator.put(AWKWARD)),
        pipe("one.object", emulator.put({"only": b"1"}), SHARDED),
        pipe("nobody-reads", emulator.put(large)),
        channel("files", emulator.put({"sub/file": b"f"}), **SHARDED),
    ]
    thrice = {"epochs": 3}
    wishes = start_wishes(
        shuffled=thrice,
        records={**thrice, "record_io": True},
        early={**thrice, "close_after": {"0": EARLY}},
        awkward=thrice,
        **{"one.object": thrice},
    )
    run = script("""! touch /opt/ml/input/data/new 2>&1
        echo new > /opt/ml/input/data/files/new
        ! echo new 2>/dev/null > /opt/ml/input/data/files-manifest""")
    job = emulator.train({"run": run, "report": "true", **wishes}, channels, instances=2)

    seen = {host: read(emulator, job, host) for host in HOSTS}
    check_shuffled([seen[host]["shuffled"] for host in HOSTS], [*bodies.values()])
    expected_records = [{**told(record), "parts": 1} for record in records]
    for host in HOSTS:
        assert [epoch["records"] for epoch in seen[host]["records"]] == [expected_records] * 3
        whole = told(large["a"] + large["b"])
        assert seen[host]["early"] == [told(large["a"][:EARLY]), whole, whole]
        in_order = sorted(AWKWARD, key=str.encode)
        assert seen[host]["awkward"] == [told(b"".join(AWKWARD[key] for key in in_order))] * 3
    assert seen["algo-1"]["one.object"] == [told(b"1")] * 3
    assert seen["algo-2"]["one.object"] == [told(b"")] * 3
    check_report(emulator, job["TrainingJobName"], large)


def check_shuffled(hosts: list[list[dict[str, Any]]], bodies: list[bytes]) -> None:
    """In every epoch each object goes to one host; the epochs differ."""
    orders = [[order(epoch, bodies, 3) for epoch in epochs] for epochs in hosts]
    for first, second in zip(*orders, strict=True):
        assert sorted(first + second) == sorted(bodies)
    assert len({(first, second) for first, second in zip(*orders, strict=True)}) == 3


def check_report(emulator: TrainingClient, name: str, large: dict[str, bytes]) -> None:
    report = emulator.emulator_report(name)
    assert [host["objects"] for host in report["hosts"]] == [
        {
            "shuffled": 3,
            "records": 3,
            "early": 2,
            "awkward": 5,
            "one.object": 1,
            "nobody-reads": 2,
            "files": 1,
        },
        {
            "shuffled": 3,
            "records": 3,
            "early": 2,
            "awkward": 5,
            "one.object": 0,
            "nobody-reads": 2,
            "files": 0,
        },
    ]
    count = report["channel_bytes"]
    whole = sum(map(len, large.values()))
    assert 2 * (EARLY + 2 * whole) <= count.pop("early") <= 2 * (EARLY + PIPE_BUFFER + MIB + 2 * whole)
    framed = sum(8 + size + -size % 4 for size in (12, 0, 29))
    awkward = sum(map(len, AWKWARD.values()))
    assert count == {
        "shuffled": 3 * sum(len(f"body {number};") * (number + 1) for number in range(6)),
        "records": 2 * 3 * framed,
        "awkward": 2 * 3 * awkward,
        "one.object": 3,
        "nobody-reads": 0,
    }
    check_tree(emulator, name)


def check_tree(emulator: TrainingClient, name: str) -> None:
    """FIFOs beside other channels, in a directory that is read-only."""
    data = {
        host: {
            path.removeprefix("input/data/"): seen["mode"]
            for path, seen in emulator.report(name, host)["tree"].items()
            if path.startswith("input/data/")
        }
        for host in HOSTS
    }
    fifos = {
        f"{name}_0": "prw-r--r--"
        for name in ("shuffled", "records", "early", "awkward", "one.object", "nobody-reads")
    }
    files = {"files": "drwxr-xr-x", "files-manifest": "-rw-r--r--", "files/new": "-rw-r--r--"}
    assert data["algo-2"] == {**fifos, **files}
    assert data["algo-1"] == {**data["algo-2"], "files/sub": "drwxr-xr-x", "files/sub/file": "-rw-r--r--"}
    assert all("Read-only file system" in emulator.lines(name, host)[0] for host in HOSTS)


def test_the_same_seed_gives_the_same_orders(emulator: TrainingClient, bodies: dict[str, bytes]) -> None:
    uri = emulator.put(bodies)

    def orders(seed: int) -> list[tuple[bytes, ...]]:
        channels = [pipe("train", uri, ShuffleConfig={"Seed": seed})]
        job = emulator.train(start_wishes(train={"epochs": 2}), channels)
        return [order(epoch, [*bodies.values()], 6) for epoch in read(emulator, job)["train"]]

    first = orders(1)
    assert orders(1) == first
    assert orders(2) != first


@pytest.mark.ordinary_user
@pytest.mark.parametrize("view", ["overlay", "copy"])
def test_channels_of_all_modes_beside_each_other(launch: Launch, view: str) -> None:
    """Whichever way the files of File mode come to the container."""
    with launch(INPUT_VIEW=view) as client:
        uri = client.put({"a": b"1", "sub/b": b"2"})
        channels = [
            pipe("train", uri),
            channel("files", uri),
            {**channel("fast", uri), "InputMode": "FastFile"},
            {**channel("shards", uri, **SHARDED), "InputMode": "FastFile"},
        ]
        run = script("""cd /opt/ml/input/data; cat train_0; echo; cat files/a files/sub/b fast/a fast/sub/b; echo
            cat train_1; echo; ls shards""")
        name = completed(client.train({"run": run}, channels, instances=2))
        assert client.lines(name) == ["12", "1212", "12", "a"]
        assert client.lines(name, "algo-2") == ["12", "1212", "12", "sub"]


def test_augmented_manifest_with_references(emulator: TrainingClient) -> None:
    uri = emulator.put({"ünï.png": b"\x89PNG", "zero": b"", "not named": b"x"})
    lines = [
        {"image-ref": f"{uri}ünï.png", "label": 1, "other": "ignored"},
        {"label": {"boxes": [1.5, "é"]}, "image-ref": f"{uri}zero"},
        {"image-ref": f"{uri}ünï.png", "label": "text"},
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    manifest = emulator.put({"manifest.jsonl": text.encode()}) + "manifest.jsonl"
    source = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["image-ref", "label"]}
    channels = [
        pipe("plain", manifest, source),
        pipe("records", manifest, source, RecordWrapperType="RecordIO"),
        pipe("shards", manifest, {**source, **SHARDED}),
    ]
    wishes = start_wishes(plain={"epochs": 2}, records={"epochs": 2, "record_io": True}, shards={"epochs": 1})
    job = emulator.train(wishes, channels, instances=2, EnableNetworkIsolation=True)

    first, second = (read(emulator, job, host) for host in HOSTS)
    values = [b"\x89PNG", b"1", b"", '{"boxes":[1.5,"é"]}'.encode(), b"\x89PNG", b"text"]
    assert first["plain"] == [told(b"".join(values))] * 2
    expected = [{**told(value), "parts": 1} for value in values]
    assert [epoch["records"] for epoch in first["records"]] == [expected] * 2
    assert first["shards"] == [told(b"".join(values[:2] + values[4:]))]
    assert second["shards"] == [told(b"".join(values[2:4]))]


HOLD = script(f"cd /opt/ml/input/data; exec 3< train_0; head -c 1000 <&3 | wc -c; {WAIT}; cat <&3 | wc -c")


@pytest.mark.parametrize("change", ["deleted", "replaced"])
def test_an_object_that_goes_while_the_channel_is_read_fails_the_job(
    emulator: TrainingClient, engine: docker.DockerClient, change: str
) -> None:
    uri = emulator.put({"a": bytes(20 * MIB), "b": b"b" * 1000})
    name = emulator.create({"run": HOLD}, [pipe("train", uri)])
    emulator.wait_for_line(name, "1000")
    where = {"Bucket": BUCKET, "Key": uri.removeprefix(f"s3://{BUCKET}/") + "b"}
    if change == "deleted":
        emulator.s3.delete_object(**where)
    else:
        emulator.s3.put_object(**where, Body=b"other")
    release(engine, name)
    job = emulator.wait(name)
    reason = f"ClientError: Data download failed:channel train: the object {uri}b: "
    assert job["FailureReason"].startswith(reason), job["FailureReason"]
    assert statuses(job) == ["Starting", "Downloading", "Training", "Failed"]
    assert emulator.lines(name) == ["1000"]


def test_a_job_that_reads_for_ever_can_be_stopped(emulator: TrainingClient) -> None:
    run = "cd /opt/ml/input/data; n=0; echo x > /opt/ml/model/x; while true; do [ ! -p train_$n ] || {{ {0}; }}; done"
    run = run.format("cat train_$n | wc -c; n=$((n + 1))")
    name = emulator.create({"run": run}, [pipe("train", emulator.put({"a": b"123"}))])
    until("twenty epochs", lambda: len(emulator.lines(name)) >= 20)
    emulator.stop(name)
    job = emulator.wait(name)
    assert (job["TrainingJobStatus"], list(emulator.files(name))) == ("Stopped", ["x"])
    assert set(emulator.lines(name)) == {"3"}


@pytest.mark.parametrize("attempts", [0, 1])
def test_an_epoch_that_a_killed_server_cut_off_is_not_taken_for_a_whole_one(
    restartable: Restartable, engine: docker.DockerClient, attempts: int
) -> None:
    before = restartable.start()
    uri = before.put({"a": b"a" * 20 * MIB})
    strategy = {"RetryStrategy": {"MaximumRetryAttempts": attempts}} if attempts else {}
    name = before.create({"run": HOLD}, [pipe("train", uri)], **strategy)
    before.wait_for_line(name, "1000")
    work = [path for path in (restartable.data_dir / "work").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in work) == 0
    restartable.kill()
    after = restartable.start()
    if attempts:
        until("another run", lambda: after.emulator_report(name)["run"] == 2)
        until("its first bytes", lambda: after.lines(name).count("1000") == 2)
        release(engine, name)
        completed(after.wait(name))
        assert after.lines(name)[-1] == str(20 * MIB - 1000)
    else:
        job = after.wait(name)
        assert job["TrainingJobStatus"] == "Failed"
        assert job["FailureReason"].startswith("InternalServerError: ")
        assert "the emulator ended in the middle of an epoch of a Pipe channel" in job["FailureReason"]


@pytest.mark.ordinary_user
def test_epochs_go_on_after_a_server_that_was_killed_between_two_of_them(
    restartable: Restartable, engine: docker.DockerClient
) -> None:
    before = restartable.start()
    uri = before.put({"a": b"a" * MIB, "b": b"b"})
    one = "cat train_{0} | sha256sum"
    run = script(f"""cd /opt/ml/input/data; {one.format(0)}; {WAIT}
        {NEXT.format(1)}; {one.format(1)}; {NEXT.format(2)}; {one.format(2)}""")
    name = before.create({"run": run}, [pipe("train", uri)])
    before.wait_for_line(name, "-")
    (container,) = find_containers(engine, name)
    look = ["test", "-p", "/opt/ml/input/data/train_1"]
    until("the next FIFO", lambda: container.exec_run(look).exit_code == 0)
    restartable.kill()
    after = restartable.start()
    release(engine, name)
    completed(after.wait(name))
    assert after.lines(name) == [f"{sha256(b'a' * MIB + b'b').hexdigest()}  -"] * 3


def test_a_stop_that_a_killed_server_had_accepted_ends_a_pipe_job_as_stopped(
    restartable: Restartable,
) -> None:
    before = restartable.start(TIME_SCALE="1")
    name = before.create(
        {"on_sigterm": "ignore", "run": HOLD}, [pipe("train", before.put({"a": bytes(MIB)}))]
    )
    before.wait_for_line(name, "1000")
    before.stop(name)
    before.wait_for_status(name, "Stopping")
    restartable.kill()
    job = restartable.start(TIME_SCALE="0.001").wait(name)
    assert job["SecondaryStatus"] == "Stopped", job.get("FailureReason")
