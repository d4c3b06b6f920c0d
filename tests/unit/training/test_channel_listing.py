import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import pytest
from anyio import CapacityLimiter

from emulator.domain.channel import Channel
from emulator.domain.failure_reason import JobFailure
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.training import manifest_objects
from emulator.training.channel_listing import channel_manifest, list_channel, list_units
from emulator.training.manifest_objects import PARALLEL_STATS
from tests.support.builders import a_channel

T = TypeVar("T")
MANIFEST = "s3://bucket/the.manifest"
START = f"ClientError: Data download failed:channel train: the manifest {MANIFEST}: "


class MemoryObjects:
    """An ObjectStore of one bucket, `bucket`, as far as listings need one."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = contents
        self.stats: list[str] = []
        self.at_once = 0
        self._running = 0

    async def list(self, prefix: S3Uri) -> AsyncIterator[S3Object]:
        if prefix.bucket != "bucket":
            raise S3Fault("NoSuchBucket", "The specified bucket does not exist")
        for key in sorted(self._contents, key=str.encode):
            if key.startswith(prefix.key):
                yield an_object(key, self._contents[key])

    async def stat(self, uri: S3Uri) -> S3Object:
        self._running += 1
        self.at_once = max(self.at_once, self._running)
        self.stats.append(uri.key)
        await anyio.lowlevel.checkpoint()
        self._running -= 1
        return an_object(uri.key, self._find(uri))

    async def read(self, uri: S3Uri, limit: int) -> bytes:
        return self._find(uri)[:limit]

    def _find(self, uri: S3Uri) -> bytes:
        if uri.bucket != "bucket" or uri.key not in self._contents:
            raise S3Fault("NoSuchKey", "The specified key does not exist.")
        return self._contents[uri.key]


def an_object(key: str, content: bytes = b"") -> S3Object:
    return S3Object("bucket", key, len(content), f"etag of {key}")


Lister = Callable[[Channel, Any, CapacityLimiter], Awaitable[T]]


def run(lister: Lister[T], objects: MemoryObjects, uri: str = MANIFEST, **source: Any) -> T:
    channel = Channel.model_validate(a_channel("train", uri, **source))

    async def main() -> T:
        return await lister(channel, objects, CapacityLimiter(2))

    return anyio.run(main)


def fail(lister: Lister[Any], objects: MemoryObjects, uri: str = MANIFEST, **source: Any) -> str:
    with pytest.raises(JobFailure) as failure:
        run(lister, objects, uri, **source)
    return failure.value.reason


def a_manifest(*names: Any) -> dict[str, bytes]:
    return {"the.manifest": json.dumps([{"prefix": "s3://bucket/data/"}, *names]).encode()}


FILE = {"S3DataType": "ManifestFile"}
AUGMENTED = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["source-ref", "label"]}


def test_list_channel_of_a_prefix_is_in_key_order_without_folder_markers() -> None:
    objects = MemoryObjects({"data/b": b"12", "data/a/c": b"", "data/a/": b"", "other": b""})

    listing = run(list_channel, objects, "s3://bucket/data")

    assert listing.located == [
        (an_object("data/a/c"), PurePosixPath("a/c")),
        (an_object("data/b", b"12"), PurePosixPath("b")),
    ]
    assert channel_manifest(listing) == "data\ns3://bucket/data/a/c\ns3://bucket/data/b\n"


def test_list_channel_of_a_manifest_is_in_its_order_with_its_names_for_paths() -> None:
    contents = {
        **a_manifest("x/2", "ä 1", "folder/"),
        "data/ä 1": b"1",
        "data/x/2": b"22",
        "data/folder/": b"",
    }

    listing = run(list_channel, MemoryObjects(contents), **FILE)

    assert listing.located == [
        (an_object("data/x/2", b"22"), PurePosixPath("x/2")),
        (an_object("data/ä 1", b"1"), PurePosixPath("ä 1")),
    ]
    assert channel_manifest(listing) == "data/\ns3://bucket/data/x/2\ns3://bucket/data/ä 1\n"


def test_list_channel_asks_for_several_objects_at_once_but_not_all() -> None:
    names = [f"{number:04}" for number in range(1_000)]
    objects = MemoryObjects({**a_manifest(*names), **{f"data/{name}": b"" for name in names}})

    listing = run(list_channel, objects, **FILE)

    assert [path.name for _, path in listing.located] == names
    assert len(objects.stats) == 1_000
    assert 2 <= objects.at_once <= PARALLEL_STATS


def test_list_channel_names_an_object_of_the_manifest_that_is_missing() -> None:
    names = [f"{number:04}" for number in range(1_000)]
    objects = MemoryObjects({**a_manifest(*names), "data/0000": b""})

    reason = fail(list_channel, objects, **FILE)

    assert reason == (
        f"{START}element 3 names s3://bucket/data/0001: NoSuchKey: The specified key does not exist."
    )
    assert len(objects.stats) <= 2 * PARALLEL_STATS


@pytest.mark.parametrize("lister", [list_channel, list_units])
@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        ({}, "NoSuchKey: The specified key does not exist."),
        ({"the.manifest": b'["a"]'}, 'element 1 is not the prefix; write {"prefix": "s3://bucket/prefix/"}.'),
        ({"the.manifest": b"[\n{]"}, "line 2 column 2: invalid JSON: "),
    ],
)
def test_a_faulty_manifest_fails_the_job(
    lister: Lister[Any], contents: dict[str, bytes], reason: str
) -> None:
    assert fail(lister, MemoryObjects(contents), **FILE).startswith(START + reason)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a", "../up"], f"{START}element 3: the key '../up' would leave the channel's directory."),
        (["a", "a"], f"{START}elements 2 and 3 would be the same path a in the container."),
        (
            ["a", "a/b"],
            "ClientError: Data download failed:channel train: the key 'data/a' and another key of the channel "
            "would be the same path a in the container.",
        ),
    ],
)
def test_list_channel_refuses_names_that_are_no_files(names: list[str], reason: str) -> None:
    objects = MemoryObjects({**a_manifest(*names), **{f"data/{name}": b"" for name in names}})

    assert fail(list_channel, objects, **FILE) == reason


@pytest.mark.parametrize("lister", [list_channel, list_units])
def test_a_bucket_that_is_gone_fails_the_job(lister: Lister[Any]) -> None:
    reason = fail(lister, MemoryObjects({}), "s3://gone/x")

    assert reason == "ClientError: Data download failed:NoSuchBucket: The specified bucket does not exist"


def test_list_units_of_a_prefix_are_its_objects_whatever_their_keys() -> None:
    """A pipe has no paths, so what File mode refuses has its place here."""
    objects = MemoryObjects({"data/a": b"", "data/a/b": b"", "data/../c": b"", "data/f/": b"", "e": b""})

    units = run(list_units, objects, "s3://bucket/data/")

    assert units == [(an_object("data/../c"),), (an_object("data/a"),), (an_object("data/a/b"),)]


def test_list_units_of_a_manifest_repeat_what_it_repeats() -> None:
    objects = MemoryObjects({**a_manifest("b", "a", "b", "f/"), "data/a": b"", "data/b": b"", "data/f/": b""})

    units = run(list_units, objects, **FILE)

    assert units == [(an_object("data/b"),), (an_object("data/a"),), (an_object("data/b"),)]
    assert sorted(objects.stats) == ["data/a", "data/b", "data/f/"]


def test_list_units_of_an_augmented_manifest_are_its_lines() -> None:
    lines = [
        {"source-ref": "s3://bucket/1.jpg", "label": 0, "unused": "x"},
        {"label": {"class": "cat"}, "source-ref": "s3://bucket/2.jpg"},
        {"source-ref": "s3://bucket/1.jpg", "label": "dog"},
    ]
    manifest = "\n".join(json.dumps(line) for line in lines).encode()
    objects = MemoryObjects({"the.manifest": manifest, "1.jpg": b"one", "2.jpg": b""})

    units = run(list_units, objects, **AUGMENTED)

    assert units == [
        (an_object("1.jpg", b"one"), b"0"),
        (an_object("2.jpg"), b'{"class":"cat"}'),
        (an_object("1.jpg", b"one"), b"dog"),
    ]
    assert sorted(objects.stats) == ["1.jpg", "2.jpg"]


@pytest.mark.parametrize(
    ("manifest", "reason"),
    [
        (b"", "it has no lines."),
        (b"\n \n", "it has no lines."),
        (
            b'{"source-ref": "s3://bucket/1"}',
            "line 1: the attribute 'label', which AttributeNames lists, is missing.",
        ),
        (
            b'\n{"source-ref": "s3://elsewhere/1", "label": 1}\n{"source-ref": "s3://elsewhere/1", "label": 2}',
            "line 2 names s3://elsewhere/1: NoSuchKey: The specified key does not exist.",
        ),
    ],
)
def test_list_units_tells_the_faulty_line(manifest: bytes, reason: str) -> None:
    assert fail(list_units, MemoryObjects({"the.manifest": manifest}), **AUGMENTED) == START + reason


def test_list_units_limits_the_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest_objects, "MAX_AUGMENTED_MANIFEST_BYTES", 2**20)

    reason = fail(list_units, MemoryObjects({"the.manifest": b"\n" * (2**20 + 1)}), **AUGMENTED)

    assert reason == f"{START}it has more than 1 MiB."
