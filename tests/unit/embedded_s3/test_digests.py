import hashlib
from base64 import b64encode

import pytest

from emulator.embedded_s3.digests import Declared, Digests
from emulator.embedded_s3.errors import S3Error

BODY = b"123456789"
CRC32 = "y/Q5Jg=="
SHA256 = hashlib.sha256(BODY).hexdigest()
MD5 = b64encode(hashlib.md5(BODY).digest()).decode()


def verify(headers: dict[str, str], trailers: dict[str, str] | None = None, body: bytes = BODY) -> str:
    """The code of the fault, or an empty text."""
    try:
        declared = Declared.from_headers(headers)
        digests = Digests(declared.algorithms)
        digests.update(body)
        declared.verify(digests, len(body), trailers or {})
    except S3Error as error:
        return error.code
    return ""


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, ""),
        ({"content-md5": MD5}, ""),
        ({"content-md5": MD5[:8]}, "InvalidDigest"),
        ({"content-md5": "%"}, "InvalidDigest"),
        ({"content-md5": b64encode(bytes(16)).decode()}, "BadDigest"),
        ({"x-amz-content-sha256": SHA256}, ""),
        ({"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, ""),
        ({"x-amz-content-sha256": "0" * 64}, "XAmzContentSHA256Mismatch"),
        ({"x-amz-content-sha256": "short"}, "InvalidArgument"),
        ({"x-amz-checksum-crc32": CRC32}, ""),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"),
        ({"x-amz-checksum-crc32": "AAAA"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": CRC32, "x-amz-checksum-sha1": "x"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": CRC32, "x-amz-checksum-type": "FULL_OBJECT"}, ""),
        ({"x-amz-sdk-checksum-algorithm": "CRC32"}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "CRC32", "x-amz-checksum-crc32": CRC32}, ""),
        ({"x-amz-decoded-content-length": "9"}, ""),
        ({"x-amz-decoded-content-length": "10"}, "IncompleteBody"),
        ({"x-amz-decoded-content-length": "-1"}, "InvalidArgument"),
        ({"x-amz-trailer": "x-amz-checksum-crc99"}, "InvalidRequest"),
        ({"x-amz-trailer": "x-amz-meta-other"}, ""),
    ],
)
def test_declared_headers(headers: dict[str, str], expected: str) -> None:
    assert verify(headers) == expected


@pytest.mark.parametrize(
    ("trailers", "expected"),
    [
        ({"x-amz-checksum-crc32": CRC32}, ""),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"),
        ({"x-amz-checksum-crc32": "?"}, "InvalidRequest"),
        ({}, "MalformedTrailerError"),
    ],
)
def test_declared_trailer(trailers: dict[str, str], expected: str) -> None:
    assert verify({"x-amz-trailer": "x-amz-checksum-crc32"}, trailers) == expected


def test_digests_run_together() -> None:
    digests = Digests({"CRC32", "SHA256"})
    digests.update(BODY[:4])
    digests.update(BODY[4:])
    assert digests.md5 == hashlib.md5(BODY).hexdigest()
    assert digests.value("CRC32") == CRC32
    assert digests.digest("SHA256").hex() == SHA256
