"""Buckets through boto3."""

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.support import web
from tests.support.s3_backends import S3Backend, new_name, remove_bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytest_plugins = ["tests.support.s3_fixtures"]


def fault(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    answer = error.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def test_create_list_head_delete_bucket(s3: "S3Client") -> None:
    name = new_name()
    s3.create_bucket(Bucket=name)
    s3.head_bucket(Bucket=name)
    assert name in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    s3.delete_bucket(Bucket=name)
    assert name not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket=name)
    assert fault(error) == (404, "404")
    with pytest.raises(ClientError) as error:
        s3.delete_bucket(Bucket=name)
    assert fault(error) == (404, "NoSuchBucket")


def test_delete_bucket_with_objects_fails(s3: "S3Client", s3_bucket: str) -> None:
    s3.put_object(Bucket=s3_bucket, Key="k")
    with pytest.raises(ClientError) as error:
        s3.delete_bucket(Bucket=s3_bucket)
    assert fault(error) == (409, "BucketNotEmpty")


def test_create_bucket_refuses_names(s3_backend: S3Backend) -> None:
    for name in ("ab", "Upper", "a..b", "1.2.3.4", "-a-", "a" * 64):
        answer = web.put(f"{s3_backend.url}/{name}")
        assert answer.status_code == 400
        assert "<Code>InvalidBucketName</Code>" in answer.text


def test_get_bucket_location_us_east_1(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO names us-east-1; S3 leaves it empty.
    assert embedded_s3.get_bucket_location(Bucket=embedded_bucket)["LocationConstraint"] is None


def test_bucket_versioning_was_never_enabled(s3: "S3Client", s3_bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=s3_bucket)


def test_bucket_tagging(s3: "S3Client", s3_bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.get_bucket_tagging(Bucket=s3_bucket)
    assert fault(error) == (404, "NoSuchTagSet")
    tags = [{"Key": "team", "Value": "a : b"}]
    s3.put_bucket_tagging(Bucket=s3_bucket, Tagging={"TagSet": tags})  # type: ignore[typeddict-item]
    assert s3.get_bucket_tagging(Bucket=s3_bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=s3_bucket)
    with pytest.raises(ClientError) as error:
        s3.get_bucket_tagging(Bucket=s3_bucket)
    assert fault(error) == (404, "NoSuchTagSet")


def test_bucket_has_no_policy(s3: "S3Client", s3_bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.get_bucket_policy(Bucket=s3_bucket)
    assert fault(error) == (404, "NoSuchBucketPolicy")
    with pytest.raises(ClientError) as error:
        s3.get_bucket_lifecycle_configuration(Bucket=s3_bucket)
    assert fault(error) == (404, "NoSuchLifecycleConfiguration")


def test_bucket_in_another_region(embedded_backend: S3Backend) -> None:
    # MinIO has one Region, and refuses all others.
    frankfurt = embedded_backend.client(region="eu-central-1")
    name = new_name()
    frankfurt.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    assert frankfurt.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-central-1"
    head = frankfurt.head_bucket(Bucket=name)
    assert head["BucketRegion"] == "eu-central-1"
    with pytest.raises(ClientError) as error:
        frankfurt.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    assert fault(error) == (409, "BucketAlreadyOwnedByYou")
    remove_bucket(frankfurt, name)


def test_create_bucket_location_must_fit_the_region(embedded_backend: S3Backend) -> None:
    # MinIO takes a missing constraint in any Region.
    frankfurt = embedded_backend.client(region="eu-central-1")
    with pytest.raises(ClientError) as error:
        frankfurt.create_bucket(Bucket=new_name())
    assert fault(error) == (400, "IllegalLocationConstraintException")
    with pytest.raises(ClientError) as error:
        frankfurt.create_bucket(
            Bucket=new_name(), CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
        )
    assert fault(error) == (400, "IllegalLocationConstraintException")


def test_create_bucket_again_us_east_1(embedded_s3: "S3Client", embedded_bucket: str) -> None:
    # MinIO answers BucketAlreadyOwnedByYou here as well.
    embedded_s3.put_object(Bucket=embedded_bucket, Key="k", Body=b"kept")
    embedded_s3.create_bucket(Bucket=embedded_bucket)
    assert embedded_s3.get_object(Bucket=embedded_bucket, Key="k")["Body"].read() == b"kept"


def test_bucket_belongs_to_the_callers_account(embedded_backend: S3Backend) -> None:
    # MinIO has no accounts.
    mine = embedded_backend.client(access_key="111111111111")
    yours = embedded_backend.client(access_key="222222222222")
    name = new_name()
    mine.create_bucket(Bucket=name)
    with pytest.raises(ClientError) as error:
        yours.create_bucket(Bucket=name)
    assert fault(error) == (409, "BucketAlreadyExists")
    assert [bucket["Name"] for bucket in mine.list_buckets()["Buckets"]] == [name]
    assert yours.list_buckets()["Buckets"] == []
    remove_bucket(mine, name)


def test_expected_bucket_owner(embedded_backend: S3Backend) -> None:
    # MinIO has no accounts.
    mine = embedded_backend.client(access_key="111111111111")
    name = new_name()
    mine.create_bucket(Bucket=name)
    right, wrong = "111111111111", "222222222222"
    mine.head_bucket(Bucket=name, ExpectedBucketOwner=right)
    mine.put_object(Bucket=name, Key="k", Body=b"x", ExpectedBucketOwner=right)
    calls = [
        lambda: mine.head_bucket(Bucket=name, ExpectedBucketOwner=wrong),
        lambda: mine.put_object(Bucket=name, Key="k", Body=b"y", ExpectedBucketOwner=wrong),
        lambda: mine.get_object(Bucket=name, Key="k", ExpectedBucketOwner=wrong),
        lambda: mine.list_objects_v2(Bucket=name, ExpectedBucketOwner=wrong),
        lambda: mine.delete_object(Bucket=name, Key="k", ExpectedBucketOwner=wrong),
        lambda: mine.delete_bucket(Bucket=name, ExpectedBucketOwner=wrong),
        lambda: mine.copy_object(
            Bucket=name, Key="c", CopySource=f"{name}/k", ExpectedSourceBucketOwner=wrong
        ),
        lambda: mine.create_multipart_upload(Bucket=name, Key="k", ExpectedBucketOwner=wrong),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert fault(error)[0] == 403
    assert mine.get_object(Bucket=name, Key="k")["Body"].read() == b"x"
    remove_bucket(mine, name)


def test_bucket_configuration_that_is_missing_answers_not_implemented(
    embedded_s3: "S3Client", embedded_bucket: str
) -> None:
    # MinIO has versioning, policies and object lock.
    calls = [
        lambda: embedded_s3.put_bucket_versioning(
            Bucket=embedded_bucket, VersioningConfiguration={"Status": "Enabled"}
        ),
        lambda: embedded_s3.put_bucket_policy(Bucket=embedded_bucket, Policy="{}"),
        lambda: embedded_s3.put_bucket_acl(Bucket=embedded_bucket, ACL="private"),
        lambda: embedded_s3.list_object_versions(Bucket=embedded_bucket),
        lambda: embedded_s3.create_bucket(Bucket=new_name(), ObjectLockEnabledForBucket=True),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert fault(error) == (501, "NotImplemented")


def test_list_buckets_pages(embedded_backend: S3Backend) -> None:
    # An account of its own, which MinIO has not, keeps other buckets out of the list.
    client = embedded_backend.client(access_key="333333333333")
    names = sorted(new_name() for _ in range(5))
    for name in names:
        client.create_bucket(Bucket=name)
    pages = list(client.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 2}))
    assert [[bucket["Name"] for bucket in page["Buckets"]] for page in pages] == [
        names[:2],
        names[2:4],
        names[4:],
    ]
    for name in names:
        client.delete_bucket(Bucket=name)
