import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.embedded_s3.checksums import DEFAULT_ALGORITHM, encode, new_checksum
from emulator.embedded_s3.errors import S3Error
from emulator.embedded_s3.multipart_plan import (
    PART_MINIMUM,
    RequestedPart,
    check_completion,
    checksum_type,
    plan_completion,
    read_requested_parts,
)
from emulator.embedded_s3.records import ObjectDescription, Upload, UploadedPart

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def an_upload(algorithm: str | None = None, kind: str = "FULL_OBJECT") -> Upload:
    return Upload("upload", "bucket", "k", NOW, ObjectDescription(), algorithm, kind)


def a_part(number: int, size: int, algorithm: str = DEFAULT_ALGORITHM) -> UploadedPart:
    running = new_checksum(algorithm)
    running.update(b"x" * size)
    etag = hashlib.md5(b"%d" % number).hexdigest()
    return UploadedPart(number, f"blob{number}", size, etag, NOW, {algorithm: encode(running.digest())})


def ask(*parts: UploadedPart, with_checksums: bool = False) -> list[RequestedPart]:
    return [RequestedPart(part.number, part.etag, part.checksums if with_checksums else {}) for part in parts]


def fault(call: Any, *args: Any) -> str:
    with pytest.raises(S3Error) as error:
        call(*args)
    return error.value.code


def test_plan_completion_joins_the_requested_parts() -> None:
    uploaded = [a_part(1, PART_MINIMUM), a_part(2, 7), a_part(5, 3)]
    planned = plan_completion(an_upload(), ask(uploaded[0], uploaded[2]), uploaded)
    digests = b"".join(bytes.fromhex(part.etag) for part in (uploaded[0], uploaded[2]))
    assert planned.blobs == ["blob1", "blob5"]
    assert planned.size == PART_MINIMUM + 3
    assert planned.etag == f"{hashlib.md5(digests).hexdigest()}-2"
    assert [(part.number, part.size) for part in planned.parts] == [(1, PART_MINIMUM), (5, 3)]
    whole = new_checksum(DEFAULT_ALGORITHM)
    whole.update(b"x" * planned.size)
    assert planned.checksum == (DEFAULT_ALGORITHM, encode(whole.digest()), "FULL_OBJECT")


def test_plan_completion_refuses() -> None:
    large, small, last = a_part(1, PART_MINIMUM), a_part(2, PART_MINIMUM - 1), a_part(3, 1)
    uploaded = [large, small, last]
    assert fault(plan_completion, an_upload(), ask(large, small, last), uploaded) == "EntityTooSmall"
    assert fault(plan_completion, an_upload(), ask(last, large), uploaded) == "InvalidPartOrder"
    assert fault(plan_completion, an_upload(), ask(large, large), uploaded) == "InvalidPartOrder"
    assert fault(plan_completion, an_upload(), ask(large, last), [large]) == "InvalidPart"
    other = RequestedPart(1, last.etag, {})
    assert fault(plan_completion, an_upload(), [other], uploaded) == "InvalidPart"
    wrong = RequestedPart(1, large.etag, {DEFAULT_ALGORITHM: "x"})
    assert fault(plan_completion, an_upload(), [wrong], uploaded) == "InvalidPart"


def test_plan_completion_composite() -> None:
    part, upload = a_part(1, 3, "SHA1"), an_upload("SHA1", "COMPOSITE")
    planned = plan_completion(upload, ask(part, with_checksums=True), [part])
    assert planned.checksum is not None
    assert (planned.checksum.type, planned.checksum.value[-2:]) == ("COMPOSITE", "-1")
    assert fault(plan_completion, upload, ask(part), [part]) == "InvalidRequest"


def test_check_completion() -> None:
    part = a_part(1, 3)
    planned = plan_completion(an_upload(), ask(part), [part])
    check_completion(planned, {"x-amz-mp-object-size": "3", "x-amz-checksum-type": "FULL_OBJECT"}, {})
    check_completion(planned, {}, part.checksums)
    assert fault(check_completion, planned, {"x-amz-mp-object-size": "4"}, {}) == "InvalidRequest"
    assert fault(check_completion, planned, {"x-amz-checksum-type": "COMPOSITE"}, {}) == "InvalidRequest"
    assert fault(check_completion, planned, {}, {DEFAULT_ALGORITHM: "x"}) == "BadDigest"


def test_read_requested_parts() -> None:
    body = (
        b'<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Part><ETag>&quot;e&quot;</ETag>'
        b"<PartNumber>1</PartNumber><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part></CompleteMultipartUpload>"
    )
    assert read_requested_parts(body) == [RequestedPart(1, "e", {"CRC32": "AAAAAA=="})]
    for part in ("", "<Part><ETag>e</ETag></Part>", "<Part><ETag>e</ETag><PartNumber>x</PartNumber></Part>"):
        wrong = f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>".encode()
        assert fault(read_requested_parts, wrong) == "MalformedXML"


@pytest.mark.parametrize(
    ("algorithm", "declared", "expected"),
    [
        (None, None, "FULL_OBJECT"),
        ("CRC32", None, "COMPOSITE"),
        ("CRC32", "full_object", "FULL_OBJECT"),
        ("CRC64NVME", None, "FULL_OBJECT"),
        ("SHA256", None, "COMPOSITE"),
        ("SHA256", "COMPOSITE", "COMPOSITE"),
    ],
)
def test_checksum_type(algorithm: str | None, declared: str | None, expected: str) -> None:
    assert checksum_type(algorithm, declared) == expected


def test_checksum_type_refuses() -> None:
    assert fault(checksum_type, "SHA256", "FULL_OBJECT") == "InvalidRequest"
    assert fault(checksum_type, "CRC64NVME", "COMPOSITE") == "InvalidRequest"
    assert fault(checksum_type, "CRC32", "OTHER") == "InvalidRequest"
