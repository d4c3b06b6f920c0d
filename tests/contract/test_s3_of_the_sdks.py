"""What the SageMaker SDKs ask of S3 beyond plain objects: encryption, owners, the default bucket."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from emulator.objects.pass_through import PassThrough
from tests.support import web
from tests.support.asgi_server import serving
from tests.support.minio_server import ACCESS_KEY, SECRET_KEY, running_minio
from tests.support.s3_backends import S3Backend, remove_bucket
from tests.support.s3_server import ACCOUNT, REGION, running_embedded_s3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OWNER, OTHER = "111122223333", "444455556666"
MINE = f"sagemaker-us-east-1-{OWNER}"
FIVE_MIB = 5 * 1024 * 1024


@pytest.fixture(scope="module", params=["embedded", pytest.param("minio", marks=pytest.mark.minio)])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Backend]:
    """The emulator's S3, with a MinIO without KMS behind it or without one."""
    directory = tmp_path_factory.mktemp(request.param)
    if request.param == "embedded":
        with running_embedded_s3(directory) as url:
            yield S3Backend("embedded", url, OWNER, "any")
    else:
        with running_minio(directory) as url:
            app = PassThrough(url, ACCESS_KEY, SECRET_KEY, REGION, ACCOUNT)
            with serving(app) as server:
                yield S3Backend("minio", server.url, OWNER, "any")
                server.portal.call(app.close)


@pytest.fixture
def s3(backend: S3Backend) -> Iterator["S3Client"]:
    client = backend.client()
    yield client
    client.close()


@pytest.fixture
def bucket(s3: "S3Client") -> Iterator[str]:
    """The default bucket, which nobody has created."""
    yield MINE
    remove_bucket(s3, MINE)


def status_of(error: pytest.ExceptionInfo[ClientError]) -> int:
    return int(error.value.response["ResponseMetadata"]["HTTPStatusCode"])


def test_upload_with_kms_encryption(s3: "S3Client", bucket: str) -> None:
    put = s3.put_object(
        Bucket=bucket,
        Key="source/sourcedir.tar.gz",
        Body=b"code",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId="key",
    )
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", "key")
    plain = s3.put_object(Bucket=bucket, Key="plain", Body=b"code")
    assert "ServerSideEncryption" not in plain
    assert s3.get_object(Bucket=bucket, Key="source/sourcedir.tar.gz")["Body"].read() == b"code"
    copy = s3.copy_object(
        Bucket=bucket, Key="copy", CopySource=f"{bucket}/plain", ServerSideEncryption="AES256"
    )
    assert copy["ServerSideEncryption"] == "AES256"


def test_multipart_upload_with_kms_encryption(s3: "S3Client", bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="large", ServerSideEncryption="aws:kms")
    assert upload["ServerSideEncryption"] == "aws:kms"
    where: dict[str, Any] = {"Bucket": bucket, "Key": "large", "UploadId": upload["UploadId"]}
    bodies = [b"a" * FIVE_MIB, b"b"]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**where, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate(bodies, 1)
    ]
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})  # type: ignore[typeddict-item]
    assert s3.head_object(Bucket=bucket, Key="large")["ContentLength"] == FIVE_MIB + 1


def test_head_bucket_makes_the_default_bucket(s3: "S3Client", bucket: str) -> None:
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=OWNER)
    assert bucket in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]


def test_listing_makes_the_default_bucket(s3: "S3Client", bucket: str) -> None:
    assert s3.list_objects_v2(Bucket=bucket, Prefix="p")["KeyCount"] == 0


def test_default_bucket_can_be_deleted_and_made_again(s3: "S3Client", bucket: str) -> None:
    for _ in range(2):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
        remove_bucket(s3, bucket)
        assert bucket not in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")


def test_presigned_upload_makes_the_default_bucket(s3: "S3Client", bucket: str) -> None:
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    assert web.put(url, content=b"x").status_code == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


@pytest.mark.parametrize(
    "name",
    [
        f"sagemaker-us-east-1-{OTHER}",
        f"sagemaker-eu-west-1-{OWNER}",
        f"sagemaker-us-east-1-{OWNER}-x",
        "sagemaker",
    ],
)
def test_other_buckets_are_not_made(s3: "S3Client", name: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket=name)
    assert status_of(error) == 404
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.put_object(Bucket=name, Key="k", Body=b"x")


def test_reading_does_not_make_the_default_bucket(s3: "S3Client") -> None:
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.get_object(Bucket=MINE, Key="k")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.delete_bucket(Bucket=MINE)


def test_expected_owner_of_a_default_bucket(s3: "S3Client", bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ExpectedBucketOwner=OWNER)
    calls = [
        lambda: s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=OTHER),
        lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"y", ExpectedBucketOwner=OTHER),
        lambda: s3.get_object(Bucket=bucket, Key="k", ExpectedBucketOwner=OTHER),
        lambda: s3.copy_object(
            Bucket=bucket, Key="c", CopySource=f"{bucket}/k", ExpectedSourceBucketOwner=OTHER
        ),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert status_of(error) == 403
    assert s3.get_object(Bucket=bucket, Key="k", ExpectedBucketOwner=OWNER)["Body"].read() == b"x"
