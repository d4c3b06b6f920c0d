import json
from pathlib import PurePosixPath
from typing import Any

import pytest

from emulator.domain import manifest_file
from emulator.domain.manifest_file import ManifestEntry, decode, entry_paths, read_manifest
from emulator.domain.s3_uri import S3Uri

PREFIX = {"prefix": "s3://bucket/some/prefix/"}


def read(*elements: Any) -> list[ManifestEntry]:
    return read_manifest(json.dumps(elements).encode()).entries


def refusal(content: bytes) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        read_manifest(content)
    return str(caught.value)


def test_read_manifest_appends_every_string_to_the_prefix() -> None:
    """The example of API S3DataSource$S3Uri."""
    manifest = read_manifest(
        b'[ {"prefix": "s3://bucket/some/prefix/"},\n"relative/path/to/custdata-1",\n"relative/path/custdata-2"\n]'
    )

    assert manifest.prefix == S3Uri("bucket", "some/prefix/")
    assert manifest.entries == [
        ManifestEntry(
            2, "relative/path/to/custdata-1", S3Uri("bucket", "some/prefix/relative/path/to/custdata-1")
        ),
        ManifestEntry(3, "relative/path/custdata-2", S3Uri("bucket", "some/prefix/relative/path/custdata-2")),
    ]


@pytest.mark.parametrize(
    ("prefix", "name", "key"),
    [
        ("s3://bucket/part-", "1", "part-1"),
        ("s3://bucket/a", "/b", "a/b"),
        ("s3://bucket", "/b", "b"),
        ("s3://bucket/", "ä ö/+%2F\n", "ä ö/+%2F\n"),
        ("https://bucket/a/", "b", "a/b"),
    ],
)
def test_read_manifest_takes_the_prefix_as_text(prefix: str, name: str, key: str) -> None:
    (entry,) = read({"prefix": prefix}, name)

    assert entry.uri == S3Uri("bucket", key)


def test_read_manifest_keeps_order_and_repetitions() -> None:
    assert [entry.name for entry in read(PREFIX, "b", "a", "b")] == ["b", "a", "b"]


REFUSED = [
    (b"", "line 1 column 1: invalid JSON: Expecting value"),
    (b'[{"prefix": "s3://b/"},\n  "a" "b"]', "line 2 column 7: invalid JSON: Expecting ',' delimiter"),
    (b'[{"prefix": "s3://b/"},\n"a\nb"]', "line 2 column 3: invalid JSON: Invalid control character at"),
    (b'[{"prefix": "s3://b/"},\n\n"\xe4"]', "line 3: byte 0xe4 is not UTF-8"),
    (b"[" * 100_000, "it is nested too deeply"),
    (b"1" * 5_000, "it has a number of too many digits"),
    (
        b'{"prefix": "s3://b/"}',
        'it is not a JSON array; write [{"prefix": "s3://bucket/prefix/"}, "name", ...]',
    ),
    (b'"s3://b/a"', 'it is not a JSON array; write [{"prefix": "s3://bucket/prefix/"}, "name", ...]'),
    (b"[]", 'element 1 is not the prefix; write {"prefix": "s3://bucket/prefix/"}'),
    (b'["a"]', 'element 1 is not the prefix; write {"prefix": "s3://bucket/prefix/"}'),
    (b'[{"Prefix": "s3://b/"}, "a"]', 'element 1 is not the prefix; write {"prefix": "s3://bucket/prefix/"}'),
    (
        b'[{"prefix": ["s3://b/"]}, "a"]',
        'element 1 is not the prefix; write {"prefix": "s3://bucket/prefix/"}',
    ),
    (b'[{"prefix": ""}, "a"]', "element 1: the prefix '' is not an S3 URI"),
    (b'[{"prefix": "bucket/a/"}, "a"]', "element 1: the prefix 'bucket/a/' is not an S3 URI"),
    (b'[{"prefix": "s3:///a"}, "a"]', "element 1: the prefix 's3:///a' is not an S3 URI"),
    (b'[{"prefix": "s3://b/\\ud800"}, "a"]', "element 1: the prefix 's3://b/\\ud800' is not an S3 URI"),
    (b'[{"prefix": "s3://b/"}]', "it has no element behind the prefix, so it names no object"),
    (
        b'[{"prefix": "s3://b/"}, "a", {"prefix": "s3://c/"}]',
        'element 3 is not a string: {"prefix": "s3://c/"}',
    ),
    (b'[{"prefix": "s3://b/"}, 7]', "element 2 is not a string: 7"),
    (b'[{"prefix": "s3://b/"}, null]', "element 2 is not a string: null"),
    (b'[{"prefix": "s3://b/"}, "a", ""]', "element 3 is an empty string, so it names no object"),
    (b'[{"prefix": "s3://b/"}, "\\ud800"]', "element 2 is not valid Unicode: '\\ud800'"),
    (
        b'[{"prefix": "s3://b"}, "c/a"]',
        "element 2: the prefix 's3://b' ends in the name of the bucket; end it with a slash",
    ),
]


@pytest.mark.parametrize(("content", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_read_manifest_refuses_and_tells_place_and_reason(content: bytes, reason: str) -> None:
    assert refusal(content) == reason


def test_read_manifest_never_repeats_more_than_a_little() -> None:
    assert len(refusal(json.dumps([PREFIX, ["x" * 10_000]]).encode())) < 150
    assert len(refusal(json.dumps([{"prefix": "x" * 10_000}, "a"]).encode())) < 150


def test_read_manifest_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.dumps([PREFIX, "x" * 2**20]).encode()
    monkeypatch.setattr(manifest_file, "MAX_MANIFEST_BYTES", 2**20)

    assert refusal(content) == "it has more than 1 MiB"


def test_entry_paths_are_the_names_without_empty_segments() -> None:
    paths = entry_paths(read(PREFIX, "a", "b/c", "/d//e", "folder/", "...", "b.c"))

    assert paths == [
        PurePosixPath("a"),
        PurePosixPath("b/c"),
        PurePosixPath("d/e"),
        None,
        PurePosixPath("..."),
        PurePosixPath("b.c"),
    ]


@pytest.mark.parametrize("name", ["../a", "a/../../b", "a/./b", "/..", "a\0b"])
def test_entry_paths_stay_in_the_directory(name: str) -> None:
    with pytest.raises(ValueError, match=r"^element 3: the key .* would leave the channel's directory$"):
        entry_paths(read(PREFIX, "ok", name))


@pytest.mark.parametrize("names", [["a/b", "x", "a/b"], ["a/b", "x", "a//b"], ["a/b", "x", "/a/b"]])
def test_entry_paths_are_different(names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"^elements 2 and 4 would be the same path a/b in the container$"):
        entry_paths(read(PREFIX, *names))


def test_decode_counts_lines_from_the_first_that_it_is_given() -> None:
    with pytest.raises(ValueError, match=r"^line 11: byte 0xff is not UTF-8$"):
        decode(b"a\n\xff", first_line=10)
