"""Multipart uploads through boto3."""

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support import web

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytest_plugins = ["tests.support.s3_fixtures"]

MIB = 1024 * 1024
KEY = "folder/model ü.tar.gz"


def fault(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    answer = error.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def upload_parts(client: "S3Client", bucket: str, upload_id: str, bodies: list[bytes]) -> list[Any]:
    parts = []
    for number, body in enumerate(bodies, start=1):
        answer = client.upload_part(Bucket=bucket, Key=KEY, UploadId=upload_id, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    return parts


def complete(client: "S3Client", bucket: str, upload_id: str, parts: list[Any], **more: Any) -> Any:
    return client.complete_multipart_upload(
        Bucket=bucket, Key=KEY, UploadId=upload_id, MultipartUpload={"Parts": parts}, **more
    )


def test_multipart_upload(s3: "S3Client", s3_bucket: str) -> None:
    bodies = [os.urandom(5 * MIB), os.urandom(6 * MIB), b"end"]
    created = s3.create_multipart_upload(
        Bucket=s3_bucket, Key=KEY, ContentType="application/gzip", Metadata={"m": "1"}, Tagging="t=1"
    )
    parts = upload_parts(s3, s3_bucket, created["UploadId"], bodies)
    assert "Contents" not in s3.list_objects_v2(Bucket=s3_bucket)
    done = complete(s3, s3_bucket, created["UploadId"], parts)
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert (done["Bucket"], done["Key"]) == (s3_bucket, KEY)
    got = s3.get_object(Bucket=s3_bucket, Key=KEY)
    assert got["Body"].read() == b"".join(bodies)
    assert (got["ETag"], got["ContentType"], got["Metadata"]) == (
        done["ETag"],
        "application/gzip",
        {"m": "1"},
    )
    assert s3.get_object_tagging(Bucket=s3_bucket, Key=KEY)["TagSet"] == [{"Key": "t", "Value": "1"}]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=s3_bucket)


def test_multipart_part_numbers_read_back(s3: "S3Client", s3_bucket: str) -> None:
    bodies = [os.urandom(5 * MIB), b"end"]
    upload_id = s3.create_multipart_upload(Bucket=s3_bucket, Key=KEY)["UploadId"]
    complete(s3, s3_bucket, upload_id, upload_parts(s3, s3_bucket, upload_id, bodies))
    second = s3.get_object(Bucket=s3_bucket, Key=KEY, PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (b"end", 2)
    assert second["ContentRange"] == f"bytes {5 * MIB}-{5 * MIB + 2}/{5 * MIB + 3}"
    head = s3.head_object(Bucket=s3_bucket, Key=KEY, PartNumber=1)
    assert (head["ContentLength"], head["PartsCount"]) == (5 * MIB, 2)
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=s3_bucket, Key=KEY, PartNumber=3)
    assert fault(error)[0] == 416


def test_multipart_skips_and_replaces_parts(s3: "S3Client", s3_bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=s3_bucket, Key=KEY)["UploadId"]
    parts = upload_parts(s3, s3_bucket, upload_id, [b"x" * 5 * MIB, b"unused", b"end"])
    again = s3.upload_part(Bucket=s3_bucket, Key=KEY, UploadId=upload_id, PartNumber=1, Body=b"y" * 5 * MIB)
    with pytest.raises(ClientError) as error:
        complete(s3, s3_bucket, upload_id, [parts[0], parts[2]])
    assert fault(error) == (400, "InvalidPart")
    complete(s3, s3_bucket, upload_id, [{"PartNumber": 1, "ETag": again["ETag"]}, parts[2]])
    body = s3.get_object(Bucket=s3_bucket, Key=KEY)["Body"].read()
    assert body == b"y" * 5 * MIB + b"end"


def test_multipart_rules(s3: "S3Client", s3_bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=s3_bucket, Key=KEY)["UploadId"]
    parts = upload_parts(s3, s3_bucket, upload_id, [b"small", b"end"])
    cases: list[tuple[list[Any], str]] = [
        (parts, "EntityTooSmall"),
        (parts[::-1], "InvalidPartOrder"),
        ([{**parts[0], "ETag": '"00000000000000000000000000000000"'}], "InvalidPart"),
        ([{**parts[0], "PartNumber": 7}], "InvalidPart"),
    ]
    for given, code in cases:
        with pytest.raises(ClientError) as error:
            complete(s3, s3_bucket, upload_id, given)
        assert fault(error) == (400, code)
    for number in (0, 10_001):
        with pytest.raises(ClientError) as error:
            s3.upload_part(Bucket=s3_bucket, Key=KEY, UploadId=upload_id, PartNumber=number, Body=b"x")
        assert fault(error)[0] == 400
    complete(s3, s3_bucket, upload_id, parts[:1])
    assert s3.get_object(Bucket=s3_bucket, Key=KEY)["Body"].read() == b"small"


def test_multipart_unknown_upload(s3: "S3Client", s3_bucket: str) -> None:
    unknown = "0" * 32
    calls = [
        lambda: s3.upload_part(Bucket=s3_bucket, Key=KEY, UploadId=unknown, PartNumber=1, Body=b"x"),
        lambda: complete(s3, s3_bucket, unknown, [{"PartNumber": 1, "ETag": '"x"'}]),
        lambda: s3.list_parts(Bucket=s3_bucket, Key=KEY, UploadId=unknown),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert fault(error) == (404, "NoSuchUpload")


def test_multipart_abort(s3: "S3Client", s3_bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=s3_bucket, Key=KEY)["UploadId"]
    upload_parts(s3, s3_bucket, upload_id, [b"x"])
    s3.abort_multipart_upload(Bucket=s3_bucket, Key=KEY, UploadId=upload_id)
    with pytest.raises(ClientError) as error:
        s3.list_parts(Bucket=s3_bucket, Key=KEY, UploadId=upload_id)
    assert fault(error) == (404, "NoSuchUpload")


def test_multipart_list_parts_pages(s3: "S3Client", s3_bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=s3_bucket, Key=KEY)["UploadId"]
    sent = upload_parts(s3, s3_bucket, upload_id, [b"1", b"22", b"333"])
    first = s3.list_parts(Bucket=s3_bucket, Key=KEY, UploadId=upload_id, MaxParts=2)
    assert [part["Size"] for part in first["Parts"]] == [1, 2]
    assert (first["IsTruncated"], first["NextPartNumberMarker"]) == (True, 2)
    rest = s3.list_parts(Bucket=s3_bucket, Key=KEY, UploadId=upload_id, PartNumberMarker=2)
    assert [part["ETag"] for part in rest["Parts"]] == [sent[2]["ETag"]]
    assert rest["IsTruncated"] is False


def test_multipart_list_uploads(s3: "S3Client", s3_bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=s3_bucket, Key=KEY)["UploadId"]
    (listed,) = s3.list_multipart_uploads(Bucket=s3_bucket, Prefix=KEY)["Uploads"]
    assert (listed["Key"], listed["UploadId"]) == (KEY, upload_id)


def test_multipart_upload_part_copy(s3: "S3Client", s3_bucket: str) -> None:
    source = os.urandom(11 * MIB)
    s3.put_object(Bucket=s3_bucket, Key="source", Body=source)
    upload_id = s3.create_multipart_upload(Bucket=s3_bucket, Key=KEY)["UploadId"]
    parts = []
    for number, bounds in enumerate((f"0-{6 * MIB - 1}", f"{6 * MIB}-{11 * MIB - 1}"), start=1):
        copied = s3.upload_part_copy(
            Bucket=s3_bucket,
            Key=KEY,
            UploadId=upload_id,
            PartNumber=number,
            CopySource=f"{s3_bucket}/source",
            CopySourceRange=f"bytes={bounds}",
        )
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    with pytest.raises(ClientError) as error:
        s3.upload_part_copy(
            Bucket=s3_bucket,
            Key=KEY,
            UploadId=upload_id,
            PartNumber=3,
            CopySource=f"{s3_bucket}/source",
            CopySourceRange=f"bytes=0-{11 * MIB}",
        )
    assert fault(error)[0] in (400, 416)
    complete(s3, s3_bucket, upload_id, parts)
    assert s3.get_object(Bucket=s3_bucket, Key=KEY)["Body"].read() == source


def test_multipart_copy_of_a_multipart_object(s3: "S3Client", s3_bucket: str) -> None:
    bodies = [os.urandom(5 * MIB), b"end"]
    upload_id = s3.create_multipart_upload(Bucket=s3_bucket, Key=KEY)["UploadId"]
    complete(s3, s3_bucket, upload_id, upload_parts(s3, s3_bucket, upload_id, bodies))
    copied = s3.copy_object(Bucket=s3_bucket, Key="copy", CopySource={"Bucket": s3_bucket, "Key": KEY})
    whole = hashlib.md5(b"".join(bodies)).hexdigest()
    assert copied["CopyObjectResult"]["ETag"] == f'"{whole}"'
    assert s3.get_object(Bucket=s3_bucket, Key="copy")["Body"].read() == b"".join(bodies)


def test_multipart_complete_if_none_match(s3: "S3Client", s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key=KEY, Body=b"first")
    upload_id = s3.create_multipart_upload(Bucket=s3_bucket, Key=KEY)["UploadId"]
    parts = upload_parts(s3, s3_bucket, upload_id, [b"second"])
    with pytest.raises(ClientError) as error:
        complete(s3, s3_bucket, upload_id, parts, IfNoneMatch="*")
    assert fault(error) == (412, "PreconditionFailed")
    assert s3.get_object(Bucket=s3_bucket, Key=KEY)["Body"].read() == b"first"


def test_multipart_abort_of_unknown_upload_fails(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO answers 204.
    with pytest.raises(ClientError) as error:
        embedded_s3.abort_multipart_upload(Bucket=embedded_bucket, Key=KEY, UploadId="0" * 32)
    assert fault(error) == (404, "NoSuchUpload")


def test_multipart_complete_without_parts_fails(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO calls it InvalidRequest.
    upload_id = embedded_s3.create_multipart_upload(Bucket=embedded_bucket, Key=KEY)["UploadId"]
    with pytest.raises(ClientError) as error:
        complete(embedded_s3, embedded_bucket, upload_id, [])
    assert fault(error) == (400, "MalformedXML")


def test_multipart_complete_twice_succeeds(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO answers NoSuchUpload to the second request, which may be a client's retry.
    created = embedded_s3.create_multipart_upload(Bucket=embedded_bucket, Key=KEY)
    parts = upload_parts(embedded_s3, embedded_bucket, created["UploadId"], [b"body"])
    first = complete(embedded_s3, embedded_bucket, created["UploadId"], parts)
    second = complete(embedded_s3, embedded_bucket, created["UploadId"], parts)
    assert first["ETag"] == second["ETag"]


def test_multipart_list_uploads_below_a_prefix_by_a_long_delimiter(
    embedded_s3: "S3Client", embedded_bucket: str
) -> None:
    for key in ("ü/a", "ü/b", "ü/c--ä--d", "ü/c--ä--e", "ü/--ä--", "x--ä--"):
        embedded_s3.create_multipart_upload(Bucket=embedded_bucket, Key=key)
    query = {"Bucket": embedded_bucket, "Prefix": "ü/", "Delimiter": "--ä--"}
    listed = embedded_s3.list_multipart_uploads(**query, MaxUploads=1)  # type: ignore[arg-type]
    assert [upload["Key"] for upload in listed["Uploads"]] == ["ü/a"]
    assert (listed["IsTruncated"], listed["NextKeyMarker"]) == (True, "ü/a")
    assert [entry["Prefix"] for entry in listed["CommonPrefixes"]] == ["ü/--ä--", "ü/c--ä--"]
    rest = embedded_s3.list_multipart_uploads(**query, KeyMarker="ü/a")  # type: ignore[arg-type]
    assert [upload["Key"] for upload in rest["Uploads"]] == ["ü/b"]


def test_multipart_list_uploads_pages(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO lists more uploads than were asked for.
    keys = ["a", "b/1", "b/2", "c"]
    for key in keys:
        embedded_s3.create_multipart_upload(Bucket=embedded_bucket, Key=key)
    pages = list(
        embedded_s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=embedded_bucket, PaginationConfig={"PageSize": 3}
        )
    )
    assert [[upload["Key"] for upload in page["Uploads"]] for page in pages] == [keys[:3], keys[3:]]
    rolled = embedded_s3.list_multipart_uploads(Bucket=embedded_bucket, Delimiter="/")
    assert [upload["Key"] for upload in rolled["Uploads"]] == ["a", "c"]
    assert rolled["CommonPrefixes"] == [{"Prefix": "b/"}]


def test_multipart_xml_with_entities_is_refused(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO refuses the unsigned request.
    upload_id = embedded_s3.create_multipart_upload(Bucket=embedded_bucket, Key="k")["UploadId"]
    link = f"{embedded_s3.meta.endpoint_url}/{embedded_bucket}/k?uploadId={upload_id}"
    bomb = '<!DOCTYPE x [<!ENTITY e "1">]><CompleteMultipartUpload>&e;</CompleteMultipartUpload>'
    for body in (bomb, bomb.encode("utf-16"), "<CompleteMultipartUpload>", "", "<a>" * 100):
        answer = web.post(link, content=body)
        assert answer.status_code == 400
        assert "<Code>MalformedXML</Code>" in answer.text
