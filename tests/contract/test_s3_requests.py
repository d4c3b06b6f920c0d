"""Requests on the wire: presigned URLs, both addressing styles, aws-chunked bodies, expectations."""

import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote
from zlib import crc32

import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.support import web
from tests.support.aws_chunked_body import signed_chunks, unsigned_chunks
from tests.support.s3_backends import S3Backend
from tests.support.s3_server import REGION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytest_plugins = ["tests.support.s3_fixtures"]

KEYS = ["plain", "a b+c%d&e=f?g#h", "ü/\U0001f600", "quote'\"<>"]
BODY = bytes(range(256)) * 700


def crc32_base64(body: bytes) -> str:
    return b64encode(crc32(body).to_bytes(4, "big")).decode("ascii")


def signed_headers(backend: S3Backend, method: str, url: str, headers: dict[str, str]) -> dict[str, str]:
    request = AWSRequest(method, url, headers=headers)
    request.context["payload_signing_enabled"] = True
    auth = S3SigV4Auth(Credentials(backend.access_key, backend.secret_key), "s3", REGION)
    auth.payload = lambda request: headers["x-amz-content-sha256"]  # type: ignore[method-assign]
    auth.add_auth(request)
    return dict(request.headers.items())


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("key", KEYS)
def test_presigned_put_and_get(s3_backend: S3Backend, s3_bucket: str, key: str, version: str) -> None:
    s3 = s3_backend.client(signature_version=version)
    params = {"Bucket": s3_bucket, "Key": key}
    put = web.put(s3.generate_presigned_url("put_object", Params=params), content=BODY)
    assert put.status_code == 200
    got = web.get(s3.generate_presigned_url("get_object", Params=params))
    assert got.content == BODY
    part = web.get(s3.generate_presigned_url("get_object", Params=params), headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, BODY[1:4])
    head = web.head(s3.generate_presigned_url("head_object", Params=params))
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(BODY)))
    s3.close()


def test_presigned_get_overrides_headers(s3: "S3Client", s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY)
    params = {"Bucket": s3_bucket, "Key": "k", "ResponseContentDisposition": 'attachment; filename="x y.bin"'}
    got = web.get(s3.generate_presigned_url("get_object", Params=params))
    assert got.headers["content-disposition"] == 'attachment; filename="x y.bin"'


def test_unsigned_get_must_not_override_headers(
    s3_backend: S3Backend, s3: "S3Client", s3_bucket: str
) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k", Body=b"<script>")
    url = f"{s3_backend.url}/{s3_bucket}/k?response-content-type=text/html"
    expected = 403 if s3_backend.name == "minio" else 400
    assert web.head(url).status_code == web.get(url).status_code == expected
    if s3_backend.name != "minio":
        assert "<Code>InvalidRequest</Code>" in web.get(url).text
        assert "cannot be used for anonymous GET requests" in web.get(url).text


def test_objects_are_no_pages_of_the_emulator(s3_backend: S3Backend, s3: "S3Client", s3_bucket: str) -> None:
    if s3_backend.name == "minio":
        pytest.skip("MinIO has an origin of its own")
    s3.put_object(Bucket=s3_bucket, Key="k", Body=b"<script>", ContentType="text/html")
    got = web.get(s3.generate_presigned_url("get_object", Params={"Bucket": s3_bucket, "Key": "k"}))
    assert got.headers["content-type"] == "text/html"
    assert got.headers.get_list("content-security-policy") == ["sandbox"]
    assert got.headers.get_list("x-content-type-options") == ["nosniff"]


@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.usefixtures("localhost_names")
def test_addressing_styles(s3_backend: S3Backend, s3_bucket: str, style: str) -> None:
    named = S3Backend(
        s3_backend.name,
        s3_backend.url.replace("127.0.0.1", "localhost"),
        s3_backend.access_key,
        s3_backend.secret_key,
    )
    client = named.client(s3={"addressing_style": style})
    for key in ("k", "a/b c/ü"):
        client.put_object(Bucket=s3_bucket, Key=key, Body=BODY)
        assert client.get_object(Bucket=s3_bucket, Key=key)["Body"].read() == BODY
    assert client.list_objects_v2(Bucket=s3_bucket)["KeyCount"] == 2
    client.head_bucket(Bucket=s3_bucket)
    client.close()


@pytest.mark.parametrize("chunk", [8192, 64 * 1024, 1_000_000])
def test_put_object_aws_chunked_signed(
    s3_backend: S3Backend, s3: "S3Client", s3_bucket: str, chunk: int
) -> None:
    url = f"{s3_backend.url}/{s3_bucket}/k"
    headers = signed_headers(
        s3_backend,
        "PUT",
        url,
        {
            "content-encoding": "aws-chunked",
            "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            "x-amz-decoded-content-length": str(len(BODY)),
        },
    )
    body = signed_chunks(BODY, chunk, headers, s3_backend.secret_key, REGION)
    put = web.put(url, content=body, headers=headers)
    assert put.status_code == 200, put.text
    got = s3.get_object(Bucket=s3_bucket, Key="k")
    assert got["Body"].read() == BODY
    assert got["ETag"] == f'"{hashlib.md5(BODY).hexdigest()}"'
    assert not got.get("ContentEncoding")


def put_with_trailer(
    backend: S3Backend, bucket: str, checksum: str, encoding: str = "aws-chunked"
) -> httpx.Response:
    url = f"{backend.url}/{bucket}/k"
    headers = signed_headers(
        backend,
        "PUT",
        url,
        {
            "content-encoding": encoding,
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-decoded-content-length": str(len(BODY)),
            "x-amz-trailer": "x-amz-checksum-crc32",
        },
    )
    trailers = {"x-amz-checksum-crc32": checksum} if checksum else {}
    return web.put(url, content=unsigned_chunks(BODY, 10_000, trailers), headers=headers)


def test_put_object_aws_chunked_unsigned_trailer(
    s3_backend: S3Backend, s3: "S3Client", s3_bucket: str
) -> None:
    put = put_with_trailer(s3_backend, s3_bucket, crc32_base64(BODY), "aws-chunked,gzip")
    assert put.status_code == 200, put.text
    assert put.headers["x-amz-checksum-crc32"] == crc32_base64(BODY)
    got = s3.get_object(Bucket=s3_bucket, Key="k")
    assert (got["Body"].read(), got["ContentEncoding"]) == (BODY, "gzip")
    head = s3.head_object(Bucket=s3_bucket, Key="k", ChecksumMode="ENABLED")
    assert head["ChecksumCRC32"] == crc32_base64(BODY)


def test_put_object_aws_chunked_wrong_trailer(s3_backend: S3Backend, s3: "S3Client", s3_bucket: str) -> None:
    for checksum in (crc32_base64(b"other"), "not base64!", ""):
        assert put_with_trailer(s3_backend, s3_bucket, checksum).status_code == 400
    assert s3.list_objects_v2(Bucket=s3_bucket)["KeyCount"] == 0


def test_put_object_wrong_content_sha256(s3_backend: S3Backend, s3: "S3Client", s3_bucket: str) -> None:
    url = f"{s3_backend.url}/{s3_bucket}/k"
    digest = hashlib.sha256(b"other").hexdigest()
    headers = signed_headers(s3_backend, "PUT", url, {"x-amz-content-sha256": digest})
    put = web.put(url, content=BODY, headers=headers)
    assert (put.status_code, "XAmzContentSHA256Mismatch" in put.text) == (400, True)
    assert s3.list_objects_v2(Bucket=s3_bucket)["KeyCount"] == 0


def test_put_object_aws_chunked_shorter_than_declared(
    embedded_backend: S3Backend, embedded_s3: "S3Client", embedded_bucket: str
) -> None:
    # MinIO refuses the unsigned request.
    headers = {
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(len(BODY) + 1),
    }
    url = f"{embedded_backend.url}/{embedded_bucket}/k"
    for body in (unsigned_chunks(BODY, 10_000, {}), unsigned_chunks(BODY, 10_000, {})[:-8], b"zz\r\n"):
        put = web.put(url, content=body, headers=headers)
        assert (put.status_code, "IncompleteBody" in put.text) == (400, True)
    assert embedded_s3.list_objects_v2(Bucket=embedded_bucket)["KeyCount"] == 0


@pytest.mark.parametrize("coding", ["chunked", "aws-chunked"])
def test_an_upload_that_outgrows_the_limit_is_refused_as_it_comes(
    embedded_backend: S3Backend,
    embedded_s3: "S3Client",
    embedded_bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    coding: str,
) -> None:
    monkeypatch.setattr("emulator.embedded_s3.body.PUT_LIMIT", 100_000)
    for size, status in ((100_000, 200), (100_001, 400)):
        body = b"x" * size
        headers = {"x-amz-decoded-content-length": str(size)} if coding == "aws-chunked" else {}
        if headers:
            headers |= {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
            body = unsigned_chunks(body, 10_000, {})
        pieces = (body[at : at + 50_000] for at in range(0, len(body), 50_000))
        put = web.put(f"{embedded_backend.url}/{embedded_bucket}/{size}", content=pieces, headers=headers)
        assert (put.status_code, "EntityTooLarge" in put.text) == (status, status == 400)
    assert embedded_s3.list_objects_v2(Bucket=embedded_bucket)["KeyCount"] == 1


def test_error_is_xml_with_request_id(s3_backend: S3Backend, s3: "S3Client") -> None:
    answer = web.get(s3.generate_presigned_url("get_object", Params={"Bucket": "no-such", "Key": "a<b"}))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/xml"
    assert "<Code>NoSuchBucket</Code>" in answer.text
    assert f"<RequestId>{answer.headers['x-amz-request-id']}</RequestId>" in answer.text


def test_error_before_the_body_leaves_the_connection_usable(s3: "S3Client", s3_bucket: str) -> None:
    # boto3 waits for "100 Continue", and here gets the error instead.
    for _ in range(3):
        with pytest.raises(ClientError) as error:
            s3.put_object(Bucket=f"{s3_bucket}-missing", Key="k", Body=BODY)
        assert error.value.response["Error"]["Code"] == "NoSuchBucket"
        s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY)


def test_answer_headers_hold_no_line_breaks(embedded_backend: S3Backend, embedded_bucket: str) -> None:
    # MinIO refuses the unsigned request.
    url = f"{embedded_backend.url}/{embedded_bucket}/k"
    web.put(url, content=b"x")
    value = quote("text/plain\r\nx-injected: 1")
    got = web.get(f"{url}?response-content-type={value}&X-Amz-Credential=any")
    assert "x-injected" not in got.headers
    assert got.content == b"x"


def test_unknown_method_and_malformed_path(embedded_backend: S3Backend, embedded_bucket: str) -> None:
    # MinIO words these otherwise.
    url = f"{embedded_backend.url}/{embedded_bucket}"
    assert "MethodNotAllowed" in web.request("PATCH", f"{url}/k").text
    assert "InvalidURI" in web.get(f"{url}/%ff").text
    assert "NotImplemented" in web.post(url, files={"file": b"x"}).text
    for query in ("policyStatus", "renameObject", "future-feature"):
        assert "NotImplemented" in web.put(f"{url}/k?{query}", content=b"x").text
    assert web.get(f"{url}/k").status_code == 404
