from typing import Any

import pytest

from emulator.domain.caller import Caller
from emulator.embedded_s3.body import RequestBody
from emulator.embedded_s3.errors import S3Error
from emulator.embedded_s3.request import (
    S3Request,
    bucket_of_host,
    read_address,
    read_caller,
    read_headers,
    read_query,
)
from emulator.embedded_s3.server import HOST_SUFFIXES

DEFAULT = Caller("000000000000", "us-east-1", "", "request")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:9000", ""),
        ("127.0.0.1:9000", ""),
        ("[::1]:9000", ""),
        ("[::1]", ""),
        ("s3.localhost:9000", ""),
        ("host.docker.internal", ""),
        ("s3.host.docker.internal:80", ""),
        ("bucket.localhost:9000", "bucket"),
        ("my.bucket.localhost", "my.bucket"),
        ("bucket.s3.localhost:9000", "bucket"),
        ("bucket.host.docker.internal:9000", "bucket"),
        ("bucket.s3.host.docker.internal:9000", "bucket"),
        ("Bucket.LOCALHOST", "bucket"),
        ("bucket.example.com", ""),
        ("", ""),
    ],
)
def test_bucket_of_host(host: str, expected: str) -> None:
    assert bucket_of_host(host, HOST_SUFFIXES) == expected


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("localhost", b"/", ("", "")),
        ("localhost", b"/bucket", ("bucket", "")),
        ("localhost", b"/bucket/", ("bucket", "")),
        ("localhost", b"/bucket/a/b", ("bucket", "a/b")),
        ("localhost", b"/bucket//a/", ("bucket", "/a/")),
        ("localhost", b"/bucket/a+b%20c%2Fd%25", ("bucket", "a+b c/d%")),
        ("localhost", b"/bucket/../a/./b", ("bucket", "../a/./b")),
        ("localhost", "/bucket/ü".encode(), ("bucket", "ü")),
        ("b.localhost", b"/", ("b", "")),
        ("b.localhost", b"/k/%C3%BC", ("b", "k/ü")),
        ("b.localhost", b"//k", ("b", "/k")),
    ],
)
def test_read_address(host: str, path: bytes, expected: tuple[str, str]) -> None:
    assert read_address(host, path, HOST_SUFFIXES) == expected


def test_read_address_refuses() -> None:
    with pytest.raises(S3Error) as error:
        read_address("localhost", b"/bucket/%ff", ())
    assert error.value.code == "InvalidURI"
    read_address("localhost", b"/bucket/" + b"k" * 1024, ())
    with pytest.raises(S3Error) as error:
        read_address("localhost", b"/bucket/" + b"%C3%BC" * 513, ())
    assert error.value.code == "KeyTooLongError"


def test_read_query() -> None:
    assert read_query(b"") == {}
    assert read_query(b"acl&prefix=a%2Fb&x=") == {"acl": "", "prefix": "a/b", "x": ""}
    with pytest.raises(S3Error) as error:
        read_query(b"prefix=%ff")
    assert error.value.code == "InvalidURI"


def test_read_headers_joins_repeated_ones() -> None:
    assert read_headers([(b"A", b"1"), (b"b", b"2"), (b"a", b"3")]) == {"a": "1,3", "b": "2"}


def scope(credential: str) -> dict[str, str]:
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"}


@pytest.mark.parametrize(
    ("headers", "query", "expected"),
    [
        ({}, {}, ("000000000000", "us-east-1", "")),
        (
            scope("111122223333/20260101/eu-west-1/s3/aws4_request"),
            {},
            ("111122223333", "eu-west-1", "111122223333"),
        ),
        (scope("AKIAX/20260101/eu-west-1/s3/aws4_request"), {}, ("000000000000", "eu-west-1", "AKIAX")),
        (scope("AKIAX/20260101/EU\r\nx/s3/aws4_request"), {}, ("000000000000", "us-east-1", "AKIAX")),
        (scope("AKIAX"), {}, ("000000000000", "us-east-1", "AKIAX")),
        (
            {},
            {"X-Amz-Credential": "111122223333/20260101/eu-west-1/s3/aws4_request"},
            ("111122223333", "eu-west-1", "111122223333"),
        ),
        ({}, {"AWSAccessKeyId": "111122223333"}, ("111122223333", "us-east-1", "111122223333")),
    ],
)
def test_read_caller(headers: dict[str, str], query: dict[str, str], expected: tuple[str, str, str]) -> None:
    caller = read_caller(headers, query, DEFAULT)
    assert (caller.account_id, caller.region, caller.access_key) == expected
    assert caller.request_id == "request"


def request_with(query: dict[str, str]) -> S3Request:
    async def receive() -> Any:
        raise AssertionError("nothing reads the body")

    return S3Request("GET", "bucket", "key", query, {}, DEFAULT, RequestBody(receive, {}))


@pytest.mark.parametrize(
    ("text", "number"), [("", 7), ("0", 0), ("5", 5), ("0" * 5000 + "12", 12), ("99", 50)]
)
def test_number(text: str, number: int) -> None:
    assert request_with({"n": text}).number("n", 7, 50) == number


@pytest.mark.parametrize("text", ["-1", "1.5", "x", "\u0661", str(2**31), "1" * 5012])
def test_number_refuses(text: str) -> None:
    with pytest.raises(S3Error) as error:
        request_with({"n": text}).number("n", 7, 50)
    assert error.value.code == "InvalidArgument"
