"""The x-amz-checksum algorithms, verified by boto3 on the way up and down."""

import hashlib
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from botocore.exceptions import ClientError

from tests.support.s3_backends import S3Backend

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytest_plugins = ["tests.support.s3_fixtures"]

MIB = 1024 * 1024
BODY = b"123456789"
# The check values of the algorithms' own definitions, for "123456789".
CHECK_VALUES = {
    "CRC32": bytes.fromhex("cbf43926"),
    "CRC32C": bytes.fromhex("e3069283"),
    "CRC64NVME": bytes.fromhex("ae8b14860a799888"),
    "SHA1": hashlib.sha1(BODY).digest(),
    "SHA256": hashlib.sha256(BODY).digest(),
}
ALGORITHMS = sorted(CHECK_VALUES)


def base64(digest: bytes) -> str:
    return b64encode(digest).decode("ascii")


def fault(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    answer = error.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_put_object_checksum(s3: "S3Client", s3_bucket: str, algorithm: Any) -> None:
    put: Any = s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY, ChecksumAlgorithm=algorithm)
    expected = base64(CHECK_VALUES[algorithm])
    assert put[f"Checksum{algorithm}"] == expected
    got: Any = s3.get_object(Bucket=s3_bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == BODY
    assert (got[f"Checksum{algorithm}"], got["ChecksumType"]) == (expected, "FULL_OBJECT")
    head: Any = s3.head_object(Bucket=s3_bucket, Key="k", ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm}"] == expected
    assert f"Checksum{algorithm}" not in s3.head_object(Bucket=s3_bucket, Key="k")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_put_object_wrong_checksum(s3: "S3Client", s3_bucket: str, algorithm: str) -> None:
    wrong = base64(bytes(len(CHECK_VALUES[algorithm])))
    for value in (wrong, "not base64", base64(b"short")):
        with pytest.raises(ClientError) as error:
            s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY, **{f"Checksum{algorithm}": value})  # type: ignore[arg-type]
        assert fault(error)[0] == 400
    assert s3.list_objects_v2(Bucket=s3_bucket)["KeyCount"] == 0


def test_put_object_wrong_checksum_code(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO calls it XAmzContentChecksumMismatch.
    with pytest.raises(ClientError) as error:
        embedded_s3.put_object(Bucket=embedded_bucket, Key="k", Body=BODY, ChecksumCRC32=base64(bytes(4)))
    assert fault(error) == (400, "BadDigest")


@pytest.mark.parametrize("algorithm", ["SHA512", "XXHASH64", "XXHASH3", "XXHASH128"])
def test_put_object_newer_checksums(embedded_s3: "S3Client", embedded_bucket: str, algorithm: Any) -> None:
    # MinIO takes these headers, but keeps no such checksum.
    embedded_s3.put_object(Bucket=embedded_bucket, Key="k", Body=BODY, ChecksumAlgorithm=algorithm)
    got: Any = embedded_s3.get_object(Bucket=embedded_bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == BODY
    assert got[f"Checksum{algorithm}"]


def test_put_object_without_checksum_gets_crc64nvme(
    embedded_backend: S3Backend, embedded_bucket: str
) -> None:
    # MinIO keeps none where the client sends none.
    client = embedded_backend.client(request_checksum_calculation="when_required")
    client.put_object(Bucket=embedded_bucket, Key="k", Body=BODY)
    head = client.head_object(Bucket=embedded_bucket, Key="k", ChecksumMode="ENABLED")
    assert head["ChecksumCRC64NVME"] == base64(CHECK_VALUES["CRC64NVME"])
    client.close()


def multipart(
    client: "S3Client", bucket: str, algorithm: Any, checksum_type: Any, bodies: list[bytes]
) -> Any:
    created = client.create_multipart_upload(
        Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType=checksum_type
    )
    member = f"Checksum{algorithm}"
    parts = []
    for number, body in enumerate(bodies, start=1):
        sent: Any = client.upload_part(
            Bucket=bucket,
            Key="k",
            UploadId=created["UploadId"],
            PartNumber=number,
            Body=body,
            ChecksumAlgorithm=algorithm,
        )
        parts.append({"PartNumber": number, "ETag": sent["ETag"], member: sent[member]})
    return client.complete_multipart_upload(
        Bucket=bucket,
        Key="k",
        UploadId=created["UploadId"],
        MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]
    )


def test_multipart_composite_checksum(s3: "S3Client", s3_bucket: str) -> None:
    bodies = [b"a" * 5 * MIB, b"end"]
    done = multipart(s3, s3_bucket, "SHA256", "COMPOSITE", bodies)
    digests = b"".join(hashlib.sha256(body).digest() for body in bodies)
    expected = f"{base64(hashlib.sha256(digests).digest())}-2"
    assert done["ChecksumSHA256"] == expected
    head = s3.head_object(Bucket=s3_bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head["ChecksumType"]) == (expected, "COMPOSITE")
    got = s3.get_object(Bucket=s3_bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"".join(bodies)


def test_multipart_full_object_checksum(s3: "S3Client", s3_bucket: str) -> None:
    bodies = [b"a" * 5 * MIB, b"end"]
    done = multipart(s3, s3_bucket, "CRC32", "FULL_OBJECT", bodies)
    expected = base64(crc32(b"".join(bodies)).to_bytes(4, "big"))
    assert done["ChecksumCRC32"] == expected
    got = s3.get_object(Bucket=s3_bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"".join(bodies)
    assert (got["ChecksumCRC32"], got["ChecksumType"]) == (expected, "FULL_OBJECT")


def test_multipart_checksum_types_that_are_impossible(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO falls back to a possible one.
    impossible: list[tuple[Any, Any]] = [("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")]
    for algorithm, checksum_type in impossible:
        with pytest.raises(ClientError) as error:
            embedded_s3.create_multipart_upload(
                Bucket=embedded_bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType=checksum_type
            )
        assert fault(error)[0] == 400


def test_multipart_composite_needs_the_parts_checksums(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO calls it InvalidPart.
    created = embedded_s3.create_multipart_upload(Bucket=embedded_bucket, Key="k", ChecksumAlgorithm="SHA1")
    where: dict[str, Any] = {"Bucket": embedded_bucket, "Key": "k", "UploadId": created["UploadId"]}
    sent = embedded_s3.upload_part(**where, PartNumber=1, Body=BODY, ChecksumAlgorithm="SHA1")
    with pytest.raises(ClientError) as error:
        embedded_s3.complete_multipart_upload(
            **where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": sent["ETag"]}]}
        )
    assert fault(error) == (400, "InvalidRequest")
    with pytest.raises(ClientError) as error:
        embedded_s3.upload_part(**where, PartNumber=1, Body=BODY, ChecksumAlgorithm="CRC32")
    assert fault(error) == (400, "InvalidRequest")


def test_get_object_attributes(s3: "S3Client", s3_bucket: str) -> None:
    put = s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY, ChecksumAlgorithm="SHA256")
    attributes = s3.get_object_attributes(
        Bucket=s3_bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass"]
    )
    assert attributes["ETag"] == put["ETag"].strip('"')
    assert (attributes["ObjectSize"], attributes["StorageClass"]) == (len(BODY), "STANDARD")
    assert attributes["Checksum"]["ChecksumSHA256"] == base64(CHECK_VALUES["SHA256"])


def test_copy_object_checksum(s3: "S3Client", s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k", Body=BODY, ChecksumAlgorithm="CRC32")
    s3.copy_object(Bucket=s3_bucket, Key="c", CopySource=f"{s3_bucket}/k", ChecksumAlgorithm="SHA256")
    head = s3.head_object(Bucket=s3_bucket, Key="c", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == base64(CHECK_VALUES["SHA256"])
