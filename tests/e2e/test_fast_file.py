"""FastFile mode: read-only, and lazy where this machine has FUSE; only root can mount on most machines."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import docker
import pytest

from emulator.fast_file import availability
from emulator.fast_file.mount_table import KIND, read_mount_table
from tests.e2e.conftest import Launch, Restartable
from tests.e2e.held_containers import WAIT, release
from tests.e2e.test_checkpoints import completed
from tests.e2e.training_client import BUCKET, TrainingClient, channel, script
from tests.support.fuse import require_fuse

MIB = 2**20
SHARDED = {"S3DataDistributionType": "ShardedByS3Key"}
OBJECTS = {
    "ünï/ço de.txt": b"unicode",
    "zero": b"",
    "sub/deep/a+b%20c": b"plus",
    "=&?#": b"signs",
    "sub/": b"",
}
FAST_FILE = {"TrainingInputMode": "FastFile"}


def fast(name: str, uri: str, **source: Any) -> dict[str, Any]:
    return {**channel(name, uri, **source), "InputMode": "FastFile"}


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the emulator can do here."""
    return "read-only copy" if availability(tmp_path_factory.mktemp("fuse")) else "lazy"


@pytest.fixture(scope="module")
def mounts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], list[Path]]:
    """Where something is mounted now, below the data directories of this session's servers."""
    root = tmp_path_factory.getbasetemp().resolve()

    def look() -> list[Path]:
        ours = [mount.path for mount in read_mount_table() if mount.kind == f"fuse.{KIND}"]
        return [path for path in ours if path.is_relative_to(root)]

    return look


@pytest.mark.ordinary_user
@pytest.mark.parametrize("isolated", [False, True])
def test_a_channel_shows_all_its_objects_read_only(
    emulator: TrainingClient, view: str, isolated: bool
) -> None:
    large = os.urandom(3 * MIB + 1)
    uri = emulator.put({**OBJECTS, "large": large})
    run = script("""cd /opt/ml/input/data/train
        find . -printf '%P %y %s %m %U:%G\\n' | sort | sed 's/ d [0-9]* / d - /'
        sha256sum large < large; cat 'ünï/ço de.txt' sub/deep/*; echo
        python3 -c "import mmap; f = open('large'); print(mmap.mmap(f.fileno(), 0, prot=1)[2**21:2**21 + 8].hex())"
        for f in large new sub/new; do (echo x >> $f) 2>&1 | grep -o 'Read-only.*'; done
        rm zero 2>&1 | grep -o 'Read-only.*'; mkdir d 2>&1 | grep -o 'Read-only.*'""")
    job = emulator.train(
        {"run": run}, [channel("train", uri)], algorithm=FAST_FILE, EnableNetworkIsolation=isolated
    )
    name = completed(job)
    *listing, digest, text, piece = emulator.lines(name)[:-5]
    owner = "0:0" if view == "lazy" else f"{os.getuid()}:{os.getgid()}"
    assert listing == [
        *[f" d - 755 {owner}", f"=&?# f 5 644 {owner}", f"large f {3 * MIB + 1} 644 {owner}"],
        *[f"sub d - 755 {owner}", f"sub/deep d - 755 {owner}", f"sub/deep/a+b%20c f 4 644 {owner}"],
        *[f"zero f 0 644 {owner}", f"ünï d - 755 {owner}", f"ünï/ço de.txt f 7 644 {owner}"],
    ]
    assert (digest.split()[0], text, piece) == (
        sha256(large).hexdigest(), "unicodeplus", large[2 * MIB : 2 * MIB + 8].hex(),
    )  # fmt: skip
    assert emulator.lines(name)[-5:] == ["Read-only file system"] * 5
    report = emulator.emulator_report(name)
    assert (report["fast_file"], report["fast_file_fault"]) == (view, None)


@pytest.mark.ordinary_user
def test_shards_are_of_their_host_alone(emulator: TrainingClient) -> None:
    uri = emulator.put({key: key.encode() for key in ("a", "b", "c", "d/e", "f")})
    one = emulator.put({"only": b"1"})
    channels = [fast("train", uri, **SHARDED), fast("one", one, **SHARDED), channel("file", uri, **SHARDED)]
    run = "cd /opt/ml/input/data; ls; cd train; find . -type f | sort; cat $(find . -type f | sort); echo; ls -A ../one"
    name = completed(emulator.train({"run": run}, channels, instances=2))
    above = ["file", "file-manifest", "one", "train"]
    assert emulator.lines(name) == [*above, "./a", "./c", "./f", "acf", "only"]
    assert emulator.lines(name, "algo-2") == [*above, "./b", "./d/e", "bd/e"]
    assert emulator.emulator_report(name)["hosts"][1]["objects"] == {"train": 2, "one": 0, "file": 2}


def test_only_what_is_read_is_fetched(
    emulator: TrainingClient, tmp_path: Path, mounts: Callable[[], list[Path]]
) -> None:
    require_fuse(tmp_path)
    large = os.urandom(40 * MIB)
    channels = [fast("train", emulator.put({"large": large})), fast("listed", emulator.put({"x": large}))]
    run = "cd /opt/ml/input/data; dd if=train/large bs=4096 skip=5000 count=1 status=none | sha256sum; ls -lR listed"
    name = completed(emulator.train({"run": run}, channels))
    assert emulator.lines(name)[0].split()[0] == sha256(large[5000 * 4096 : 5001 * 4096]).hexdigest()
    report = emulator.emulator_report(name)
    assert report["fast_file"] == "lazy"
    assert report["channel_bytes"]["listed"] == 0
    assert 4096 <= report["channel_bytes"]["train"] <= 8 * MIB
    assert mounts() == []


def test_a_job_may_be_larger_than_its_volume(emulator: TrainingClient, tmp_path: Path) -> None:
    """FastFile takes nothing of it: VolumeSizeInGB counts for what is downloaded."""
    require_fuse(tmp_path)
    uri = emulator.put({"0": bytes(360 * MIB)})
    first = {"Bucket": BUCKET, "Key": uri.removeprefix(f"s3://{BUCKET}/") + "0"}
    for copy in "12":
        emulator.s3.copy_object(CopySource=first, Bucket=BUCKET, Key=first["Key"][:-1] + copy)
    run = "cat /opt/ml/input/data/train/* | wc -c"
    name = completed(emulator.train({"run": run}, [fast("train", uri)]))
    assert emulator.lines(name) == [str(3 * 360 * MIB)]
    assert emulator.emulator_report(name)["channel_bytes"] == {"train": 3 * 360 * MIB}
    failed = emulator.train({"run": "true"}, [channel("train", uri)])
    assert "Insufficient disk space" in failed["FailureReason"]


@pytest.mark.ordinary_user
def test_a_part_of_a_folder_is_refused_in_aws_s_words(emulator: TrainingClient) -> None:
    base = emulator.put({"train/a": b"1", "train-2/b": b"2", "train.csv": b"3"})
    prefix = base.removeprefix(f"s3://{BUCKET}/")
    job = emulator.train({"run": "true"}, [fast("train", f"{base}train")])
    assert job["FailureReason"] == (
        "ClientError: ClientError: Data download failed:Failed to download data. For FastFile mode, partial S3 prefix "
        "is not supported. S3 prefix has to end with a full file or folder. Add a trailing '/' to the S3 prefix if it "
        f"ends with a folder name that is also a prefix for other folders. Current S3 prefix: [{prefix}train], found "
        f"S3 object: [{prefix}train-2/b]."
    )
    run = "cd /opt/ml/input/data; cat folder/a whole/train.csv"
    channels = [fast("folder", f"{base}train/"), fast("whole", f"{base}train.csv")]
    assert emulator.lines(completed(emulator.train({"run": run}, channels))) == ["13"]


def test_an_object_that_goes_before_it_is_read_is_an_error_of_its_reader(
    emulator: TrainingClient, engine: docker.DockerClient, tmp_path: Path
) -> None:
    require_fuse(tmp_path)
    uri = emulator.put({"kept": b"kept", "gone": b"gone"})
    run = f"cd /opt/ml/input/data/train; ls; {WAIT}; cat kept; echo; cat gone 2>&1; echo $?"
    name = emulator.create({"run": run, "exit_code": "3"}, [fast("train", uri)])
    emulator.wait_for_line(name, "kept")
    emulator.s3.delete_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/") + "gone")
    release(engine, name)
    assert emulator.wait(name)["FailureReason"] == "AlgorithmError: , exit code: 3"
    assert emulator.lines(name)[2:] == ["kept", "cat: gone: Input/output error", "1"]
    assert emulator.emulator_report(name)["fast_file_fault"].startswith(f"{uri}gone: ")


@pytest.mark.ordinary_user
def test_where_nothing_can_be_mounted_files_are_copied(launch: Launch) -> None:
    with launch(INPUT_VIEW="copy") as client:
        uri = client.put(OBJECTS)
        run = "cd /opt/ml/input/data/train; cat 'ünï/ço de.txt'; echo; find . -type f | wc -l"
        channels = [fast("train", uri)]
        name = completed(client.train({"run": run}, channels))
        assert client.lines(name) == ["unicode", "4"]
        report = client.emulator_report(name)
        assert (report["fast_file"], report["channel_bytes"]) == ("copy", {})


def test_a_killed_server_fails_the_job_and_leaves_no_mount(
    restartable: Restartable, tmp_path: Path, mounts: Callable[[], list[Path]]
) -> None:
    require_fuse(tmp_path)
    before = restartable.start()
    run = f"cd /opt/ml/input/data/train; cat a; {WAIT}; cat b"
    name = before.create({"run": f"{run}; echo"}, [fast("train", before.put({"a": b"A\n", "b": b"B\n"}))])
    before.wait_for_line(name, "A")
    assert [path.name for path in mounts()] == ["train"]
    restartable.kill()
    job = restartable.start().wait(name)
    assert job["FailureReason"].startswith("InternalServerError: ")
    assert "the emulator ended while a FastFile channel was in use" in job["FailureReason"]
    assert mounts() == []
