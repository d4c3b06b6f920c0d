"""ListObjects and ListObjectsV2 through boto3."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support import web
from tests.support.s3_backends import S3Backend

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytest_plugins = ["tests.support.s3_fixtures"]


def put_all(client: "S3Client", bucket: str, keys: list[str]) -> None:
    with ThreadPoolExecutor(8) as threads:
        for future in [threads.submit(client.put_object, Bucket=bucket, Key=key) for key in keys]:
            future.result()


def keys_of(page: Any) -> list[str]:
    return [entry["Key"] for entry in page.get("Contents", [])]


def prefixes_of(page: Any) -> list[str]:
    return [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]


def test_list_objects_fields(s3: "S3Client", s3_bucket: str) -> None:
    put = s3.put_object(Bucket=s3_bucket, Key="k", Body=b"12345")
    for page in (s3.list_objects_v2(Bucket=s3_bucket), s3.list_objects(Bucket=s3_bucket)):
        (entry,) = page["Contents"]
        assert (entry["Key"], entry["Size"], entry["ETag"]) == ("k", 5, put["ETag"])
        assert entry["StorageClass"] == "STANDARD"
        assert page["IsTruncated"] is False
        assert page["Name"] == s3_bucket
    assert "Owner" not in s3.list_objects_v2(Bucket=s3_bucket)["Contents"][0]
    assert "Owner" in s3.list_objects_v2(Bucket=s3_bucket, FetchOwner=True)["Contents"][0]


def test_list_objects_of_missing_bucket(s3: "S3Client", s3_bucket: str) -> None:
    for call in (s3.list_objects_v2, s3.list_objects):
        with pytest.raises(ClientError) as error:
            call(Bucket=f"{s3_bucket}-missing")
        assert error.value.response["Error"]["Code"] == "NoSuchBucket"


def test_list_objects_in_utf8_binary_order(s3: "S3Client", s3_bucket: str) -> None:
    keys = ["Z", "a", "a-b", "a b", "a+b", "a%2Fb", "é", "z", "\uffee", "\U0001f600", "a&<>\"'b"]
    put_all(s3, s3_bucket, keys)
    expected = sorted(keys, key=lambda key: key.encode("utf-8"))
    assert keys_of(s3.list_objects_v2(Bucket=s3_bucket)) == expected
    assert keys_of(s3.list_objects(Bucket=s3_bucket)) == expected
    for key in keys:
        s3.head_object(Bucket=s3_bucket, Key=key)


def test_list_objects_v2_prefix_delimiter_start_after(s3: "S3Client", s3_bucket: str) -> None:
    keys = ["a", "b/1", "b/2", "b/c/3", "b0", "c/1"]
    put_all(s3, s3_bucket, keys)
    top = s3.list_objects_v2(Bucket=s3_bucket, Delimiter="/")
    assert (keys_of(top), prefixes_of(top), top["KeyCount"]) == (["a", "b0"], ["b/", "c/"], 4)
    below = s3.list_objects_v2(Bucket=s3_bucket, Prefix="b/", Delimiter="/")
    assert (keys_of(below), prefixes_of(below)) == (["b/1", "b/2"], ["b/c/"])
    half = s3.list_objects_v2(Bucket=s3_bucket, Prefix="b")
    assert keys_of(half) == ["b/1", "b/2", "b/c/3", "b0"]
    later = s3.list_objects_v2(Bucket=s3_bucket, StartAfter="b/2")
    assert (keys_of(later), later["StartAfter"]) == (["b/c/3", "b0", "c/1"], "b/2")
    assert keys_of(s3.list_objects_v2(Bucket=s3_bucket, Prefix="none")) == []
    wide = s3.list_objects_v2(Bucket=s3_bucket, Delimiter="/c/")
    assert prefixes_of(wide) == ["b/c/"]


def test_list_objects_v1_marker(s3: "S3Client", s3_bucket: str) -> None:
    put_all(s3, s3_bucket, ["a", "b/1", "b/2", "c", "d/1"])
    first = s3.list_objects(Bucket=s3_bucket, MaxKeys=2, Delimiter="/")
    assert (keys_of(first), prefixes_of(first), first["IsTruncated"]) == (["a"], ["b/"], True)
    second = s3.list_objects(Bucket=s3_bucket, MaxKeys=2, Delimiter="/", Marker=first["NextMarker"])
    assert (keys_of(second), prefixes_of(second), second["IsTruncated"]) == (["c"], ["d/"], False)
    assert keys_of(s3.list_objects(Bucket=s3_bucket, Marker="b/1")) == ["b/2", "c", "d/1"]


def test_list_objects_v1_next_marker(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO puts a note of its own behind the marker.
    put_all(embedded_s3, embedded_bucket, ["a", "b/1", "b/2", "c"])
    page = embedded_s3.list_objects(Bucket=embedded_bucket, MaxKeys=2, Delimiter="/")
    assert page["NextMarker"] == "b/"
    page = embedded_s3.list_objects(Bucket=embedded_bucket, MaxKeys=2)
    assert (page["IsTruncated"], "NextMarker" in page) == (True, False)


def test_list_objects_pages_of_1000_keys(s3: "S3Client", s3_bucket: str) -> None:
    keys = sorted([f"part/{number % 50:02}/{number:05}" for number in range(970)])
    put_all(s3, s3_bucket, [*keys, *(f"top-{number:02}" for number in range(50))])
    for operation in ("list_objects_v2", "list_objects"):
        paginator = s3.get_paginator(operation)  # type: ignore[call-overload]
        pages = list(paginator.paginate(Bucket=s3_bucket))
        assert [len(page["Contents"]) for page in pages] == [1000, 20]
        assert [key for page in pages for key in keys_of(page)][:970] == keys
        options = {"Prefix": "part/", "Delimiter": "/", "PaginationConfig": {"PageSize": 7}}
        pages = list(paginator.paginate(Bucket=s3_bucket, **options))
        assert len(pages) == 8
        found = [prefix for page in pages for prefix in prefixes_of(page)]
        assert found == [f"part/{number:02}/" for number in range(50)]
        mixed = list(paginator.paginate(Bucket=s3_bucket, Delimiter="/", PaginationConfig={"PageSize": 10}))
        assert sum(len(keys_of(page)) for page in mixed) == 50
        assert [prefix for page in mixed for prefix in prefixes_of(page)] == ["part/"]


def test_list_objects_max_keys_0(s3: "S3Client", s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k")
    page = s3.list_objects_v2(Bucket=s3_bucket, MaxKeys=0)
    assert (keys_of(page), page["IsTruncated"]) == ([], False)


def test_list_objects_url_encoding(s3_backend: S3Backend, s3_bucket: str) -> None:
    s3 = s3_backend.client(signature_version="s3v4")
    keys = ["a/ä b+c%d", "new\tline"]
    put_all(s3, s3_bucket, keys)
    link = s3.generate_presigned_url(
        "list_objects_v2", Params={"Bucket": s3_bucket, "EncodingType": "url", "Prefix": "a/"}
    )
    answer = web.get(link).text
    assert "<EncodingType>url</EncodingType>" in answer
    assert "<Key>a/%C3%A4" in answer
    assert "%2Bc%25d</Key>" in answer
    assert keys_of(s3.list_objects_v2(Bucket=s3_bucket)) == keys
    s3.close()


def test_list_objects_refuses_arguments(s3: "S3Client", s3_bucket: str) -> None:
    calls: list[dict[str, Any]] = [{"MaxKeys": -1}, {"EncodingType": "gzip"}, {"ContinuationToken": ""}]
    for arguments in calls:
        with pytest.raises(ClientError) as error:
            s3.list_objects_v2(Bucket=s3_bucket, **arguments)
        assert error.value.response["Error"]["Code"] in ("InvalidArgument", "400")


def test_keys_that_look_like_files_and_folders_coexist(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO keeps objects in folders: it refuses `a//b`, `./a` and `../a`, and `a` beside `a/b` in some modes.
    keys = ["a", "a/", "a/b", "a//b", "a/b/", "/a", "//", "./a", "../a", "a/../b", "a\\b", "\x01", "a\nb"]
    for key in keys:
        embedded_s3.put_object(Bucket=embedded_bucket, Key=key, Body=key.encode())
    assert keys_of(embedded_s3.list_objects_v2(Bucket=embedded_bucket)) == sorted(keys)
    for key in keys:
        assert embedded_s3.get_object(Bucket=embedded_bucket, Key=key)["Body"].read() == key.encode()
    top = embedded_s3.list_objects_v2(Bucket=embedded_bucket, Delimiter="/", Prefix="a")
    assert (keys_of(top), prefixes_of(top)) == (["a", "a\nb", "a\\b"], ["a/"])
    embedded_s3.delete_object(Bucket=embedded_bucket, Key="a/")
    assert embedded_s3.get_object(Bucket=embedded_bucket, Key="a")["Body"].read() == b"a"


def test_keys_that_look_like_folders(s3: "S3Client", s3_bucket: str) -> None:
    for key in ("a", "a/", "b/c"):
        s3.put_object(Bucket=s3_bucket, Key=key)
    assert keys_of(s3.list_objects_v2(Bucket=s3_bucket)) == ["a", "a/", "b/c"]
    inside = s3.list_objects_v2(Bucket=s3_bucket, Prefix="a/", Delimiter="/")
    assert (keys_of(inside), prefixes_of(inside)) == (["a/"], [])
