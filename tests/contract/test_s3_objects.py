"""Objects through boto3: one body for the embedded S3 and for MinIO."""

import hashlib
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytest_plugins = ["tests.support.s3_fixtures"]

BODY = b"0123456789"


def fault(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    answer = error.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def test_put_and_get_object(s3: "S3Client", s3_bucket: str) -> None:
    put = s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY)
    got = s3.get_object(Bucket=s3_bucket, Key="k")
    assert got["Body"].read() == BODY
    assert put["ETag"] == got["ETag"] == f'"{hashlib.md5(BODY).hexdigest()}"'
    assert got["ContentLength"] == len(BODY)
    assert got["AcceptRanges"] == "bytes"
    assert abs(got["LastModified"] - datetime.now(UTC)) < timedelta(minutes=1)
    assert got["LastModified"].microsecond == 0


def test_put_object_empty(s3: "S3Client", s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k")
    got = s3.get_object(Bucket=s3_bucket, Key="k")
    assert (got["Body"].read(), got["ContentLength"]) == (b"", 0)


def test_put_object_again_replaces(s3: "S3Client", s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k", Body=b"old", Metadata={"old": "1"})
    s3.put_object(Bucket=s3_bucket, Key="k", Body=b"new")
    got = s3.get_object(Bucket=s3_bucket, Key="k")
    assert (got["Body"].read(), got["Metadata"]) == (b"new", {})


def test_put_object_headers_come_back(s3: "S3Client", s3_bucket: str) -> None:
    headers: dict[str, Any] = {
        "ContentType": "text/csv",
        "ContentEncoding": "gzip",
        "ContentDisposition": 'attachment; filename="x.csv"',
        "ContentLanguage": "de",
        "CacheControl": "max-age=1",
        "Metadata": {"job": "train 1", "empty-not": "x"},
    }
    s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY, Expires=datetime(2030, 1, 1, tzinfo=UTC), **headers)
    for answer in (s3.head_object(Bucket=s3_bucket, Key="k"), s3.get_object(Bucket=s3_bucket, Key="k")):
        assert {name: answer[name] for name in headers} == headers  # type: ignore[literal-required]
        assert answer["ExpiresString"] == "Tue, 01 Jan 2030 00:00:00 GMT"


def test_get_object_overrides_headers(s3: "S3Client", s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY, ContentType="text/plain")
    got = s3.get_object(
        Bucket=s3_bucket, Key="k", ResponseContentType="text/html", ResponseContentDisposition="inline"
    )
    assert (got["ContentType"], got["ContentDisposition"]) == ("text/html", "inline")


@pytest.mark.parametrize(
    ("header", "expected", "content_range"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-30", BODY, "bytes 0-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
    ],
)
def test_get_object_range(
    s3: "S3Client", s3_bucket: str, header: str, expected: bytes, content_range: str
) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY)
    got = s3.get_object(Bucket=s3_bucket, Key="k", Range=header)
    assert (got["Body"].read(), got["ContentRange"]) == (expected, content_range)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    head = s3.head_object(Bucket=s3_bucket, Key="k", Range=header)
    assert head["ContentLength"] == len(expected)


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_get_object_range_outside_fails(s3: "S3Client", s3_bucket: str, header: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY)
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=s3_bucket, Key="k", Range=header)
    assert fault(error) == (416, "InvalidRange")


@pytest.mark.parametrize("header", ["bytes=0-1,4-5", "lines=1-2"])
def test_get_object_other_ranges_give_all(s3: "S3Client", s3_bucket: str, header: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY)
    assert s3.get_object(Bucket=s3_bucket, Key="k", Range=header)["Body"].read() == BODY


def test_get_object_conditions(s3: "S3Client", s3_bucket: str) -> None:
    etag = s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY)["ETag"]
    past, future = datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=1)
    holding: list[dict[str, Any]] = [
        {"IfMatch": etag},
        {"IfNoneMatch": '"other"'},
        {"IfModifiedSince": past},
        {"IfUnmodifiedSince": future},
        {"IfMatch": etag, "IfUnmodifiedSince": past},
    ]
    for condition in holding:
        assert s3.get_object(Bucket=s3_bucket, Key="k", **condition)["Body"].read() == BODY
        s3.head_object(Bucket=s3_bucket, Key="k", **condition)


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"IfMatch": '"other"'}, 412),
        ({"IfUnmodifiedSince": datetime(2020, 1, 1, tzinfo=UTC)}, 412),
        ({"IfNoneMatch": "ETAG"}, 304),
        ({"IfModifiedSince": "LAST-MODIFIED"}, 304),
    ],
)
def test_get_object_condition_fails(
    s3: "S3Client", s3_bucket: str, condition: dict[str, Any], status: int
) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY)
    head = s3.head_object(Bucket=s3_bucket, Key="k")
    known = {"ETAG": head["ETag"], "LAST-MODIFIED": head["LastModified"]}
    given = {
        name: known.get(value, value) if isinstance(value, str) else value
        for name, value in condition.items()
    }
    for read in (s3.get_object, s3.head_object):
        with pytest.raises(ClientError) as error:
            read(Bucket=s3_bucket, Key="k", **given)
        assert fault(error)[0] == status


def test_put_object_if_none_match(s3: "S3Client", s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k", Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=s3_bucket, Key="k", Body=b"second", IfNoneMatch="*")
    assert fault(error) == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=s3_bucket, Key="k")["Body"].read() == b"first"


def test_put_object_if_match(s3: "S3Client", s3_bucket: str) -> None:
    etag = s3.put_object(Bucket=s3_bucket, Key="k", Body=b"first")["ETag"]
    s3.put_object(Bucket=s3_bucket, Key="k", Body=b"second", IfMatch=etag)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=s3_bucket, Key="k", Body=b"third", IfMatch=etag)
    assert fault(error) == (412, "PreconditionFailed")
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=s3_bucket, Key="new", Body=b"x", IfMatch=etag)
    assert fault(error) == (404, "NoSuchKey")


def test_get_object_missing(s3: "S3Client", s3_bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=s3_bucket, Key="missing")
    assert fault(error) == (404, "NoSuchKey")
    with pytest.raises(ClientError) as error:
        s3.head_object(Bucket=s3_bucket, Key="missing")
    assert fault(error) == (404, "404")
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=f"{s3_bucket}-missing", Key="k", Body=BODY)
    assert fault(error) == (404, "NoSuchBucket")


def test_put_object_key_too_long(s3: "S3Client", s3_bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=s3_bucket, Key="é" * 513, Body=BODY)
    assert fault(error) == (400, "KeyTooLongError")


def test_delete_object(s3: "S3Client", s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY)
    for _ in range(2):
        answer = s3.delete_object(Bucket=s3_bucket, Key="k")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert "Contents" not in s3.list_objects_v2(Bucket=s3_bucket)


def test_delete_objects(s3: "S3Client", s3_bucket: str) -> None:
    keys = ["a", "b c", "d&<e>", "ü"]
    for key in keys:
        s3.put_object(Bucket=s3_bucket, Key=key)
    wanted = [{"Key": key} for key in (*keys[:3], "missing")]
    deleted = s3.delete_objects(Bucket=s3_bucket, Delete={"Objects": wanted})  # type: ignore[typeddict-item]
    assert sorted(entry["Key"] for entry in deleted["Deleted"]) == ["a", "b c", "d&<e>", "missing"]
    quiet = s3.delete_objects(Bucket=s3_bucket, Delete={"Objects": [{"Key": "ü"}], "Quiet": True})
    assert "Deleted" not in quiet
    assert "Errors" not in quiet
    assert s3.list_objects_v2(Bucket=s3_bucket)["KeyCount"] == 0


def test_copy_object_keeps_and_replaces_metadata(s3: "S3Client", s3_bucket: str) -> None:
    source = {"Bucket": s3_bucket, "Key": "from/ü +%.txt"}
    put = s3.put_object(**source, Body=BODY, Metadata={"a": "1"}, ContentType="text/plain", Tagging="t=1")  # type: ignore[arg-type]
    copied = s3.copy_object(Bucket=s3_bucket, Key="kept", CopySource=source)  # type: ignore[arg-type]
    assert copied["CopyObjectResult"]["ETag"] == put["ETag"]
    kept = s3.get_object(Bucket=s3_bucket, Key="kept")
    assert (kept["Body"].read(), kept["Metadata"], kept["ContentType"]) == (BODY, {"a": "1"}, "text/plain")
    assert s3.get_object_tagging(Bucket=s3_bucket, Key="kept")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.copy_object(
        Bucket=s3_bucket,
        Key="replaced",
        CopySource=source,  # type: ignore[arg-type]
        Metadata={"b": "2"},
        MetadataDirective="REPLACE",
        Tagging="u=2",
        TaggingDirective="REPLACE",
    )
    replaced = s3.head_object(Bucket=s3_bucket, Key="replaced")
    assert replaced["Metadata"] == {"b": "2"}
    assert s3.get_object_tagging(Bucket=s3_bucket, Key="replaced")["TagSet"] == [{"Key": "u", "Value": "2"}]


def test_copy_object_outlives_its_source(s3: "S3Client", s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="source", Body=BODY)
    s3.copy_object(Bucket=s3_bucket, Key="copy", CopySource=f"{s3_bucket}/source")
    s3.delete_object(Bucket=s3_bucket, Key="source")
    assert s3.get_object(Bucket=s3_bucket, Key="copy")["Body"].read() == BODY


def test_copy_object_onto_itself(s3: "S3Client", s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY)
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=s3_bucket, Key="k", CopySource=f"{s3_bucket}/k")
    assert fault(error) == (400, "InvalidRequest")
    s3.copy_object(
        Bucket=s3_bucket,
        Key="k",
        CopySource=f"{s3_bucket}/k",
        Metadata={"n": "1"},
        MetadataDirective="REPLACE",
    )
    got = s3.get_object(Bucket=s3_bucket, Key="k")
    assert (got["Body"].read(), got["Metadata"]) == (BODY, {"n": "1"})


def test_copy_object_conditions(s3: "S3Client", s3_bucket: str) -> None:
    etag = s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY)["ETag"]
    s3.copy_object(Bucket=s3_bucket, Key="c", CopySource=f"{s3_bucket}/k", CopySourceIfMatch=etag)
    for condition in ({"CopySourceIfMatch": '"other"'}, {"CopySourceIfNoneMatch": etag}):
        with pytest.raises(ClientError) as error:
            s3.copy_object(Bucket=s3_bucket, Key="c", CopySource=f"{s3_bucket}/k", **condition)  # type: ignore[arg-type]
        assert fault(error) == (412, "PreconditionFailed")
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=s3_bucket, Key="c", CopySource=f"{s3_bucket}/missing")
    assert fault(error) == (404, "NoSuchKey")


def test_object_tagging(s3: "S3Client", s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY, Tagging="team=a%2Fb&x=y+z")
    tags = {tag["Key"]: tag["Value"] for tag in s3.get_object_tagging(Bucket=s3_bucket, Key="k")["TagSet"]}
    assert tags == {"team": "a/b", "x": "y z"}
    assert (
        s3.head_object(Bucket=s3_bucket, Key="k")["ResponseMetadata"]["HTTPHeaders"]["x-amz-tagging-count"]
        == "2"
    )
    s3.put_object_tagging(Bucket=s3_bucket, Key="k", Tagging={"TagSet": [{"Key": "x", "Value": "v = 1"}]})
    assert s3.get_object_tagging(Bucket=s3_bucket, Key="k")["TagSet"] == [{"Key": "x", "Value": "v = 1"}]
    s3.delete_object_tagging(Bucket=s3_bucket, Key="k")
    assert s3.get_object_tagging(Bucket=s3_bucket, Key="k")["TagSet"] == []


def test_object_tagging_invalid(s3: "S3Client", s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY)
    twice = [{"Key": "x", "Value": "1"}, {"Key": "x", "Value": "2"}]
    for tags in (twice, [{"Key": "x" * 129, "Value": ""}], [{"Key": "x", "Value": "a&b"}]):
        with pytest.raises(ClientError) as error:
            s3.put_object_tagging(Bucket=s3_bucket, Key="k", Tagging={"TagSet": tags})  # type: ignore[typeddict-item]
        assert fault(error) == (400, "InvalidTag")


def test_put_object_content_md5(s3: "S3Client", s3_bucket: str) -> None:
    right = b64encode(hashlib.md5(BODY).digest()).decode()
    s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY, ContentMD5=right)
    wrong = b64encode(hashlib.md5(b"other").digest()).decode()
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=s3_bucket, Key="new", Body=BODY, ContentMD5=wrong)
    assert fault(error) == (400, "BadDigest")
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=s3_bucket, Key="new", Body=BODY, ContentMD5="no digest")
    assert fault(error) == (400, "InvalidDigest")
    assert s3.list_objects_v2(Bucket=s3_bucket)["KeyCount"] == 1


def test_get_object_range_backwards_gives_all(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO answers InvalidRange; RFC 9110 takes it for no range at all.
    embedded_s3.put_object(Bucket=embedded_bucket, Key="k", Body=BODY)
    got = embedded_s3.get_object(Bucket=embedded_bucket, Key="k", Range="bytes=5-2")
    assert got["Body"].read() == BODY


def test_get_object_survives_overwrite_and_delete(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO breaks off a read whose object is deleted.
    large = bytes(range(256)) * 4096 * 24
    embedded_s3.put_object(Bucket=embedded_bucket, Key="k", Body=large)
    body = embedded_s3.get_object(Bucket=embedded_bucket, Key="k")["Body"]
    start = body.read(1000)
    embedded_s3.put_object(Bucket=embedded_bucket, Key="k", Body=b"new")
    embedded_s3.delete_object(Bucket=embedded_bucket, Key="k")
    assert start + body.read() == large


def test_put_object_server_side_encryption_is_echoed(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO refuses these headers without a key server.
    given: dict[str, Any] = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/key"}
    put = embedded_s3.put_object(Bucket=embedded_bucket, Key="k", Body=BODY, **given)
    head = embedded_s3.head_object(Bucket=embedded_bucket, Key="k")
    for answer in (put, head):
        assert {name: answer[name] for name in given} == given  # type: ignore[literal-required]


def test_delete_object_if_match(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO ignores conditions on DeleteObject.
    etag = embedded_s3.put_object(Bucket=embedded_bucket, Key="k", Body=BODY)["ETag"]
    with pytest.raises(ClientError) as error:
        embedded_s3.delete_object(Bucket=embedded_bucket, Key="k", IfMatch='"other"')
    assert fault(error) == (412, "PreconditionFailed")
    embedded_s3.delete_object(Bucket=embedded_bucket, Key="k", IfMatch=etag)


def test_object_that_is_missing_in_s3_answers_not_implemented(
    embedded_s3: "S3Client", embedded_bucket: str
) -> None:
    # MinIO has retention, and answers other codes without object lock.
    embedded_s3.put_object(Bucket=embedded_bucket, Key="k", Body=BODY)
    with pytest.raises(ClientError) as error:
        embedded_s3.get_object_retention(Bucket=embedded_bucket, Key="k")
    assert fault(error) == (501, "NotImplemented")
    with pytest.raises(ClientError) as error:
        embedded_s3.put_object(Bucket=embedded_bucket, Key="k", Body=b"x", ObjectLockLegalHoldStatus="ON")
    assert fault(error) == (501, "NotImplemented")
    with pytest.raises(ClientError) as error:
        embedded_s3.get_object(Bucket=embedded_bucket, Key="k", VersionId="v1")
    assert fault(error) == (404, "NoSuchVersion")
