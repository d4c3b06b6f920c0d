import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from emulator.domain.failure_reason import JobFailure
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.domain.s3_uri import S3Uri
from emulator.hosting.transform_inputs import TransformLedger, TransformObject, list_objects, relative_key
from tests.support.hosting_requests import a_transform_input, a_transform_job


class Objects:
    """One bucket."""

    def __init__(self, content: dict[str, bytes]) -> None:
        self._content = content

    async def list(self, prefix: S3Uri) -> AsyncIterator[S3Object]:
        for key in sorted(self._content):
            if key.startswith(prefix.key):
                yield await self.stat(S3Uri(prefix.bucket, key))

    async def stat(self, uri: S3Uri) -> S3Object:
        if uri.key not in self._content:
            raise S3Fault("NoSuchKey", "The specified key does not exist.")
        return S3Object(uri.bucket, uri.key, len(self._content[uri.key]), "etag")

    async def read(self, uri: S3Uri, limit: int) -> bytes:
        await self.stat(uri)
        return self._content[uri.key][:limit]


def listed(content: dict[str, bytes], *given: str, output: str = "s3://out/put") -> dict[str, str]:
    """Key -> URI of the output."""
    job = a_transform_job(TransformInput=a_transform_input(*given), TransformOutput={"S3OutputPath": output})
    objects: Any = Objects(content)
    return {source.key: str(target) for source, target in anyio.run(list_objects, job, objects)}


@pytest.mark.parametrize(
    ("key", "prefix", "relative"),
    [
        ("in/a.csv", "in/", "a.csv"),
        ("in/a.csv", "in", "a.csv"),
        ("in/deep/a.csv", "in/", "deep/a.csv"),
        ("in/deep/a.csv", "in/de", "deep/a.csv"),
        ("in/a.csv", "in/a.csv", "a.csv"),
        ("in/a.csv", "", "in/a.csv"),
        ("in//a.csv", "in/", "/a.csv"),
        ("in/../a.csv", "in/", "../a.csv"),
    ],
)
def test_output_is_named_after_the_key_below_the_prefix(key: str, prefix: str, relative: str) -> None:
    assert relative_key(key, prefix) == relative


def test_objects_of_a_prefix_come_by_key_without_folder_markers() -> None:
    content = dict.fromkeys(["in/b", "in/a/", "in/a/c", "other"], b"")
    assert list(listed(content, "S3Prefix", "s3://inputs/in/").items()) == [
        ("in/a/c", "s3://out/put/a/c.out"), ("in/b", "s3://out/put/b.out")
    ]  # fmt: skip
    assert listed(content, "S3Prefix", "s3://inputs/in/b", output="s3://out") == {"in/b": "s3://out/b.out"}


def test_objects_of_a_manifest_keep_the_names_that_it_gives_them() -> None:
    manifest = json.dumps([{"prefix": "s3://inputs/in"}, "/b", "/a", "/b"]).encode()
    content = {"in/a": b"", "in/b": b"", "m": manifest}
    assert listed(content, "ManifestFile", "s3://inputs/m") == {
        "in/a": "s3://out/put/a.out", "in/b": "s3://out/put/b.out"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "given", "reason"),
    [
        (
            {"in/a/": b""},
            ("S3Prefix", "s3://inputs/in/"),
            "No S3 objects found under S3 URL 's3://inputs/in/'",
        ),
        ({}, ("ManifestFile", "s3://inputs/m"), "Data download failed:s3://inputs/m: NoSuchKey"),
        ({"m": b"{}"}, ("ManifestFile", "s3://inputs/m"), "it is not a JSON array"),
        (
            {"m": b'[{"prefix": "s3://inputs/a/"}, "x"]'},
            ("ManifestFile", "s3://inputs/m"),
            "Data download failed:s3://inputs/m: s3://inputs/a/x: NoSuchKey",
        ),
        ({"in/inx": b"", "inx": b""}, ("S3Prefix", "s3://inputs/in"), "would be the same object"),
    ],
)
def test_input_that_cannot_be_used_fails_the_job(
    content: dict[str, bytes], given: tuple[str, str], reason: str
) -> None:
    with pytest.raises(JobFailure) as failure:
        listed(content, *given)
    assert failure.value.reason.startswith("ClientError: ")
    assert reason in failure.value.reason


def test_ledger_tells_what_was_listed_and_done(tmp_path: Path) -> None:
    ledger = TransformLedger(tmp_path / "deep" / "job")
    assert (ledger.read(), ledger.done()) == (None, set())
    objects = [
        TransformObject(S3Object("b", f"k\n\u2028{number}", number, "e"), S3Uri("o", f"\n{number}"))
        for number in range(3)
    ]
    ledger.write(objects)
    for wanted in objects[:2]:
        ledger.note_done(wanted.output)
    again = TransformLedger(tmp_path / "deep" / "job")
    assert again.read() == objects
    assert again.done() == {"s3://o/\n0", "s3://o/\n1"}
    again.remove()
    assert list((tmp_path / "deep").iterdir()) == []


def test_note_that_was_cut_off_counts_for_nothing(tmp_path: Path) -> None:
    ledger = TransformLedger(tmp_path)
    ledger.note_done(S3Uri("o", "1"))
    with (tmp_path / "done.txt").open("a") as file:
        file.write('"s3://o/')
    ledger.note_done(S3Uri("o", "2"))
    ledger.note_done(S3Uri("o", "3"))
    assert ledger.done() == {"s3://o/1", "s3://o/3"}
