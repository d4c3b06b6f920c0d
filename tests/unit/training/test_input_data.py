from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import anyio
import anyio.lowlevel
import pytest
from anyio import CapacityLimiter

from emulator.domain.failure_reason import JobFailure
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.training.channel_listing import refuse_clashes
from emulator.training.input_data import PARALLEL_DOWNLOADS, Staging, stage_input
from tests.support.builders import a_channel, a_request, instance_groups, instances, read_request

SHARDED = {"S3DataDistributionType": "ShardedByS3Key"}
FIVE = {f"data/{name}": name.encode() for name in "abcde"}


class MemoryObjects:
    """An ObjectStore of one bucket, `bucket`."""

    def __init__(self, contents: Mapping[str, bytes], faults: Mapping[str, Exception] | None = None) -> None:
        self._contents = contents
        self._faults = faults or {}
        self.downloads: list[str] = []
        self.at_once = 0
        self._running = 0

    async def list(self, prefix: S3Uri) -> AsyncIterator[S3Object]:
        if prefix.bucket != "bucket":
            raise S3Fault("NoSuchBucket", "The specified bucket does not exist")
        for key in sorted(self._contents, key=str.encode):
            if key.startswith(prefix.key):
                yield S3Object("bucket", key, len(self._contents[key]), "etag")

    async def download(self, source: S3Object, target: Path) -> None:
        self._running += 1
        self.at_once = max(self.at_once, self._running)
        self.downloads.append(source.key)
        await anyio.lowlevel.checkpoint()
        self._running -= 1
        if source.key in self._faults:
            raise self._faults[source.key]
        with target.open("xb") as file:
            file.write(self._contents[source.key])

    async def read(self, uri: S3Uri, limit: int) -> bytes:
        raise NotImplementedError

    def writer(self, target: S3Uri) -> AbstractContextManager[BinaryIO]:
        raise NotImplementedError


def stage(work_dir: Path, objects: MemoryObjects, **members: Any) -> dict[str, dict[str, int]]:
    request = read_request(a_request(**members))

    async def main() -> dict[str, dict[str, int]]:
        return (await stage_input(Staging(request, work_dir, objects, CapacityLimiter(4)))).object_counts

    return anyio.run(main)


def fail_to_stage(work_dir: Path, objects: MemoryObjects, **members: Any) -> str:
    with pytest.raises(JobFailure) as failure:
        stage(work_dir, objects, **members)
    return failure.value.reason


def tree(work_dir: Path) -> dict[str, str]:
    """Every file's text by path."""
    files = (path for path in work_dir.rglob("*") if path.is_file())
    return {path.relative_to(work_dir).as_posix(): path.read_text() for path in files}


def test_stage_input_without_channels_leaves_an_empty_directory(tmp_path: Path) -> None:
    assert stage(tmp_path / "deep" / "work", MemoryObjects({})) == {}
    assert tree(tmp_path) == {}
    assert (tmp_path / "deep" / "work").is_dir()


def test_stage_input_puts_one_copy_where_all_hosts_read_alike(tmp_path: Path) -> None:
    objects = MemoryObjects({"data/a": b"1", "data/sub/b": b"", "data/sub/": b"", "other": b"x"})

    counts = stage(tmp_path, objects, ResourceConfig=instances(2), InputDataConfig=[a_channel("train")])

    assert counts == {"train": {"algo-1": 2, "algo-2": 2}}
    assert tree(tmp_path) == {
        "shared/data/train/a": "1",
        "shared/data/train/sub/b": "",
        "shared/data/train-manifest": "data\ns3://bucket/data/a\ns3://bucket/data/sub/b\n",
    }
    assert len(objects.downloads) == 2


def test_stage_input_deals_out_shards_and_lists_all_in_every_manifest(tmp_path: Path) -> None:
    channel = a_channel("train", "s3://bucket/data/", **SHARDED)

    counts = stage(tmp_path, MemoryObjects(FIVE), ResourceConfig=instances(3), InputDataConfig=[channel])

    manifest = "data/\n" + "".join(f"s3://bucket/data/{name}\n" for name in "abcde")
    assert counts == {"train": {"algo-1": 2, "algo-2": 2, "algo-3": 1}}
    assert tree(tmp_path) == {
        "host-algo-1/data/train/a": "a",
        "host-algo-1/data/train/d": "d",
        "host-algo-2/data/train/b": "b",
        "host-algo-2/data/train/e": "e",
        "host-algo-3/data/train/c": "c",
        **{f"host-algo-{n}/data/train-manifest": manifest for n in (1, 2, 3)},
    }


def test_stage_input_gives_hosts_without_objects_an_empty_channel(tmp_path: Path) -> None:
    channel = a_channel("train", **SHARDED)

    counts = stage(
        tmp_path, MemoryObjects({"data/a": b""}), ResourceConfig=instances(2), InputDataConfig=[channel]
    )

    assert counts == {"train": {"algo-1": 1, "algo-2": 0}}
    assert (tmp_path / "host-algo-2/data/train").is_dir()


def test_stage_input_shards_within_the_channel_s_groups(tmp_path: Path) -> None:
    groups = instance_groups(("a", "ml.m5.large", 1), ("b", "ml.m5.large", 2))
    channels = [
        a_channel("shards", InstanceGroupNames=["b"], **SHARDED),
        a_channel("copy", InstanceGroupNames=["b"]),
    ]

    counts = stage(tmp_path, MemoryObjects(FIVE), ResourceConfig=groups, InputDataConfig=channels)

    assert counts == {"shards": {"algo-2": 3, "algo-3": 2}, "copy": {"algo-2": 5, "algo-3": 5}}
    assert not (tmp_path / "host-algo-1").exists()
    assert not (tmp_path / "shared").exists()


def test_stage_input_wipes_what_an_earlier_attempt_left(tmp_path: Path) -> None:
    left = tmp_path / "shared" / "data" / "train" / "left"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    (left.parent / "a").write_text("old")

    for _ in range(2):
        stage(tmp_path, MemoryObjects({"data/a": b"new"}), InputDataConfig=[a_channel()])

    assert tree(tmp_path)["shared/data/train/a"] == "new"
    assert not left.exists()


def test_stage_input_downloads_several_objects_at_once_but_not_all(tmp_path: Path) -> None:
    objects = MemoryObjects({f"data/{n:03}": b"" for n in range(100)})

    stage(tmp_path, objects, InputDataConfig=[a_channel()])

    assert len(objects.downloads) == 100
    assert 2 <= objects.at_once <= PARALLEL_DOWNLOADS


def test_stage_input_of_a_channel_named_like_another_s_manifest(tmp_path: Path) -> None:
    """The channel is what the user asked for; the manifest file is an extra that gives way to it."""
    channels = [a_channel("train"), a_channel("train-manifest")]

    stage(tmp_path, MemoryObjects({"data/a": b"1"}), InputDataConfig=channels)

    assert tree(tmp_path).keys() == {
        "shared/data/train/a",
        "shared/data/train-manifest/a",
        "shared/data/train-manifest-manifest",
    }


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (S3Fault("AccessDenied", "no"), "ClientError: Data download failed:AccessDenied: no"),
        (JobFailure("ClientError: ours"), "ClientError: ours"),
    ],
)
def test_stage_input_tells_of_a_download_that_failed(tmp_path: Path, fault: Exception, reason: str) -> None:
    objects = MemoryObjects(FIVE, {"data/c": fault})

    assert fail_to_stage(tmp_path, objects, InputDataConfig=[a_channel()]) == reason


def test_stage_input_tells_of_a_listing_that_failed(tmp_path: Path) -> None:
    reason = fail_to_stage(tmp_path, MemoryObjects({}), InputDataConfig=[a_channel(uri="s3://gone/x")])

    assert reason.startswith("ClientError: Data download failed:NoSuchBucket: ")


def test_stage_input_says_that_the_disk_is_full(tmp_path: Path) -> None:
    """The text is that of sagemaker-python-sdk#128."""
    objects = MemoryObjects(FIVE, {"data/c": OSError(28, "No space left on device")})

    reason = fail_to_stage(tmp_path, objects, InputDataConfig=[a_channel()])

    assert reason == "ClientError: Data download failed:Insufficient disk space"


def test_stage_input_refuses_what_does_not_fit_before_it_downloads(tmp_path: Path) -> None:
    """Each host's share counts, whatever channel it is of."""
    objects = MemoryObjects(
        {"data/a": Big(700 * 2**20), "data/b": Big(1), "data/c": Big(400 * 2**20), "more": b"x"}
    )
    channels = [a_channel("train", "s3://bucket/data/", **SHARDED), a_channel("more", "s3://bucket/more")]
    resources = {**instances(2), "VolumeSizeInGB": 1}

    reason = fail_to_stage(tmp_path, objects, ResourceConfig=resources, InputDataConfig=channels)

    assert reason == (
        "ClientError: Data download failed:Insufficient disk space "
        "(algo-1: input data of 1.07 GiB, storage volume 1.00 GiB)"
    )
    assert (objects.downloads, tree(tmp_path)) == ([], {})


class Big(bytes):
    """Has a length, and nothing else."""

    def __new__(cls, length: int) -> "Big":
        big = super().__new__(cls)
        big.length = length
        return big

    length: int

    def __len__(self) -> int:
        return self.length


def test_stage_input_measures_what_each_host_reads(tmp_path: Path) -> None:
    objects = MemoryObjects({"data/a": b"123", "data/b": b"", "more": b"45"})
    channels = [a_channel("train", "s3://bucket/data/", **SHARDED), a_channel("more", "s3://bucket/more")]
    request = read_request(a_request(ResourceConfig=instances(2), InputDataConfig=channels))

    staged = anyio.run(stage_input, Staging(request, tmp_path, objects, CapacityLimiter(4)))

    assert staged.input_bytes == {"algo-1": 5, "algo-2": 2}


def test_stage_input_hands_on_faults_of_the_emulator(tmp_path: Path) -> None:
    objects = MemoryObjects(FIVE, {"data/c": PermissionError(13, "not ours")})

    with pytest.raises(BaseExceptionGroup) as group:
        stage(tmp_path, objects, InputDataConfig=[a_channel()])

    assert group.value.subgroup(PermissionError) is not None
    assert group.value.subgroup(JobFailure) is None


@pytest.mark.parametrize("key", ["data/../../up", "data/./a", "data/" + "x" * 256])
def test_stage_input_refuses_keys_that_are_no_paths(tmp_path: Path, key: str) -> None:
    reason = fail_to_stage(tmp_path / "work", MemoryObjects({key: b""}), InputDataConfig=[a_channel("train")])

    assert reason.startswith("ClientError: Data download failed:channel train: the key ")
    assert list(tmp_path.rglob("up")) == []


CLASHES = [
    (["data/a", "data/a/b"], "s3://bucket/data"),
    (["data/a", "data/a/b/c"], "s3://bucket/data/"),
    (["data/a//b", "data/a/b"], "s3://bucket/data"),
    (["data/tr/train", "data/train"], "s3://bucket/data/tr"),
]


@pytest.mark.parametrize(("keys", "uri"), CLASHES)
def test_stage_input_refuses_keys_that_cannot_lie_side_by_side(
    tmp_path: Path, keys: list[str], uri: str
) -> None:
    objects = MemoryObjects(dict.fromkeys(keys, b""))

    reason = fail_to_stage(tmp_path, objects, InputDataConfig=[a_channel("train", uri)])

    assert "would be the same path" in reason
    assert any(repr(key) in reason for key in keys)
    assert objects.downloads == []


def test_refuse_clashes_takes_names_that_only_begin_alike() -> None:
    channel = read_request(a_request(InputDataConfig=[a_channel()])).input_data_config[0]
    paths = ["a", "a.b", "a-b/c", "ab", "A"]

    refuse_clashes(channel, [(S3Object("b", path, 0, ""), PurePosixPath(path)) for path in paths])
