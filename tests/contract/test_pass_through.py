"""What only shows when the external S3 behind the emulator fails; the rest is in the S3 tests, which run through it."""

import socket
from collections.abc import Iterator

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.objects.pass_through import PassThrough
from tests.support import web
from tests.support.asgi_server import serving
from tests.support.minio_server import running_minio
from tests.support.ports import free_port
from tests.support.s3_pass_through import passing_through


@pytest.fixture
def dead() -> Iterator[str]:
    """The emulator's S3 where nothing answers behind it."""
    app = PassThrough(f"http://127.0.0.1:{free_port()}", "key", "secret", "us-east-1", "123456789012")
    with serving(app) as server:
        yield server.url
        server.portal.call(app.close)


def test_an_s3_that_does_not_answer_is_told_in_s3s_words_each_time(dead: str) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=dead,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )
    for _ in range(3):
        with pytest.raises(ClientError) as fault:
            s3.put_object(Bucket="bucket", Key="key", Body=b"x" * 100_000)
        assert fault.value.response["Error"]["Code"] == "ServiceUnavailable"
    s3.close()


def test_a_chunked_body_without_its_length_is_refused(dead: str) -> None:
    headers = {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding": "aws-chunked",
    }
    answer = web.put(f"{dead}/bucket/key", content=b"0\r\n\r\n", headers=headers)
    assert answer.status_code == 411
    assert "MissingContentLength" in answer.text


CHUNKED = {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "content-encoding": "aws-chunked"}


@pytest.mark.parametrize("length", ["", "x", "-1", "1.5", "9" * 30, "9" * 5000])
def test_what_is_no_length_of_a_chunked_body_is_refused(dead: str, length: str) -> None:
    headers = {**CHUNKED, "x-amz-decoded-content-length": length}
    answer = web.put(f"{dead}/bucket/key", content=b"0\r\n\r\n", headers=headers)
    assert (answer.status_code, "InvalidArgument" in answer.text) == (400, True)


def test_a_header_that_is_not_utf8_is_refused(dead: str) -> None:
    answer = web.put(f"{dead}/bucket/key", headers=[(b"x-amz-meta-a", b"\xfc")])
    assert (answer.status_code, "InvalidArgument" in answer.text) == (400, True)


@pytest.fixture(scope="module")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The emulator's S3 with a bucket in a MinIO behind it."""
    with running_minio(tmp_path_factory.mktemp("minio")) as url, passing_through(url) as through:
        assert web.put(f"{through}/bucket").status_code == 200
        yield through


@pytest.mark.minio
@pytest.mark.parametrize("length", ["4", "6", "999999999999"])
def test_a_chunked_body_of_another_length_is_incomplete(minio: str, length: str) -> None:
    headers = {**CHUNKED, "x-amz-decoded-content-length": length}
    answer = web.put(f"{minio}/bucket/key", content=b"5\r\nhello\r\n0\r\n\r\n", headers=headers)
    assert (answer.status_code, "IncompleteBody" in answer.text) == (400, True)
    assert web.get(f"{minio}/bucket/key").status_code == 404


@pytest.mark.minio
def test_headers_of_any_language_are_passed_on(minio: str) -> None:
    put = web.put(f"{minio}/bucket/named", content=b"x", headers=[(b"x-amz-meta-a", "ü".encode())])
    assert put.status_code == 200
    assert web.head(f"{minio}/bucket/named").headers["x-amz-meta-a"] == "=?UTF-8?q?=C3=BC?="


def asked(url: str, target: str, host: str = "localhost", method: str = "GET") -> tuple[int, str]:
    """Status and code of an answer; `target` is sent as it is."""
    address = httpx.URL(url)
    with socket.create_connection((address.host, address.port or 80), timeout=60) as connection:
        head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    return int(answer.split()[1]), answer.partition("<Code>")[2].partition("<")[0]


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("/minio/admin/v3/info", "localhost"),
        ("/%6dinio/admin/v3/info", "localhost"),
        ("/minio%2Fadmin%2Fv3%2Finfo", "localhost"),
        ("/admin/v3/info", "minio.localhost"),
        ("/v3/info", "minio/admin.localhost"),
        ("//minio/admin/v3/info", "localhost"),
        ("/rustfs/admin/v3/info", "localhost"),
        ("/Minio/admin/v3/info", "localhost"),
        ("/x", "bucket?x.localhost"),
    ],
)
def test_what_is_no_bucket_is_not_asked_for_with_our_key(dead: str, target: str, host: str) -> None:
    assert asked(dead, target, host) == (400, "InvalidBucketName")


@pytest.mark.parametrize(
    "target", ["/bucket/../minio/admin", "/bucket/%2e%2e/minio", "/bucket/.", "/../bucket"]
)
def test_no_path_leads_out_of_its_bucket(dead: str, target: str) -> None:
    assert asked(dead, target) == (400, "InvalidURI")
    assert asked(dead, "/../minio/x", "bucket.localhost") == (400, "InvalidURI")


def test_buckets_are_listed_and_nothing_else_is_asked_of_the_service(dead: str) -> None:
    assert asked(dead, "/?Action=AssumeRole", method="POST") == (405, "MethodNotAllowed")
    assert asked(dead, "/") == (503, "ServiceUnavailable")
    assert asked(dead, "/bucket/a../minio/...") == (503, "ServiceUnavailable")
