"""S3DataType ManifestFile in File mode; other modes have their own files."""

import json

import pytest

from tests.e2e.test_checkpoints import completed
from tests.e2e.training_client import BUCKET, TrainingClient, channel, script

pytestmark = pytest.mark.ordinary_user

OBJECTS = {
    "a/ünï": b"0",
    "a/b/zero": b"",
    "c": b"2",
    "d": b"3",
    "e f": b"4",
    "not named": b"5",
    "a/folder/": b"",
}
NAMES = ["d", "c", "a/ünï", "a/b/zero", "a/folder/", "e f"]


def manifest(emulator: TrainingClient, text: str | bytes) -> str:
    body = text if isinstance(text, bytes) else text.encode()
    return emulator.put({"manifest.json": body}) + "manifest.json"


def test_a_manifest_names_the_objects_and_their_paths(emulator: TrainingClient) -> None:
    uri = emulator.put(OBJECTS)
    where = manifest(emulator, json.dumps([{"prefix": uri}, *NAMES]))
    whole = {"S3DataType": "ManifestFile"}
    channels = [
        channel("whole", where, **whole),
        channel("shards", where, **whole, S3DataDistributionType="ShardedByS3Key"),
    ]
    run = script("""cd /opt/ml/input/data; for c in whole shards; do cd $c; find . -type f | LC_ALL=C sort; cd ..; done
        cat whole/a/ünï whole/c 'whole/e f'; echo; cat shards-manifest""")
    job = emulator.train({"run": run}, channels, instances=2)
    name = completed(job)
    every = ["./a/b/zero", "./a/ünï", "./c", "./d", "./e f"]
    objects = [f"{uri}{key}" for key in NAMES if not key.endswith("/")]
    last = ["024", uri.removeprefix(f"s3://{BUCKET}/"), *objects]
    assert emulator.lines(name) == [*every, "./a/ünï", "./d", "./e f", *last]
    assert emulator.lines(name, "algo-2") == [*every, "./a/b/zero", "./c", *last]
    told = [host["objects"] for host in emulator.emulator_report(name)["hosts"]]
    assert told == [{"whole": 5, "shards": 3}, {"whole": 5, "shards": 2}]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[\n{"prefix": "PREFIX"},\n"c",\n]', "line 4 column 1: invalid JSON: "),
        (b'[{"prefix": "PREFIX"},\n"\xff"]', "line 2: byte 0xff is not UTF-8"),
        ('{"prefix": "PREFIX"}', "it is not a JSON array"),
        ('["c", "d"]', "element 1 is not the prefix"),
        ('[{"prefix": "PREFIX"}]', "it has no element behind the prefix"),
        ('[{"prefix": "PREFIX"}, "c", {"key": "d"}]', 'element 3 is not a string: {"key": "d"}'),
        ('[{"prefix": "PREFIX"}, "c", "gone"]', "element 3 names PREFIXgone: "),
        ('[{"prefix": "PREFIX"}, "c", "../../c"]', "element 3"),
    ],
)
def test_a_malformed_manifest_fails_the_job_with_place_and_reason(
    emulator: TrainingClient, text: str | bytes, reason: str
) -> None:
    uri = emulator.put({"c": b"1", "d": b"2"})
    body = (text if isinstance(text, bytes) else text.encode()).replace(b"PREFIX", uri.encode())
    where = manifest(emulator, body)
    job = emulator.train({"run": "true"}, [channel("train", where, S3DataType="ManifestFile")])
    expected = f"ClientError: Data download failed:channel train: the manifest {where}: {reason}"
    assert job["FailureReason"].startswith(expected.replace("PREFIX", uri)), job["FailureReason"]


def test_a_malformed_line_of_an_augmented_manifest_fails_the_job(emulator: TrainingClient) -> None:
    where = manifest(emulator, '{"source": 1, "label": 1}\n\n{"source": 2}\n')
    source = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["source", "label"]}
    piped = {**channel("train", where, **source), "InputMode": "Pipe"}
    reason = emulator.train({"run": "true"}, [piped])["FailureReason"]
    assert reason == (
        f"ClientError: Data download failed:channel train: the manifest {where}: "
        "line 3: the attribute 'label', which AttributeNames lists, is missing."
    )
