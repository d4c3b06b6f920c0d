"""Create/Head/List/DeleteBucket and GetBucketLocation."""

import re

from emulator.domain.bucket_name import can_be_created
from emulator.embedded_s3 import errors
from emulator.embedded_s3.answer import Answer
from emulator.embedded_s3.bucket_index import delete_bucket as delete_rows
from emulator.embedded_s3.bucket_index import insert_bucket, require_bucket
from emulator.embedded_s3.bucket_index import list_buckets as list_rows
from emulator.embedded_s3.records import Bucket, iso_time, owner_id, whole_seconds
from emulator.embedded_s3.request import S3Request
from emulator.embedded_s3.store import Store
from emulator.embedded_s3.xml_document import document, element, parse, text

DEFAULT_REGION = "us-east-1"
"""It has no name in location constraints, and is told by an empty one."""

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d{1,2}")
_LIST_LIMIT = 10_000


def check_name(name: str) -> None:
    """Raises InvalidBucketName."""
    if not can_be_created(name):
        raise errors.invalid_bucket_name(name)


async def create_bucket(store: Store, request: S3Request) -> Answer:
    check_name(request.bucket)
    if request.headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true":
        raise errors.feature_not_implemented("x-amz-bucket-object-lock-enabled")
    constraint = await store.read(await request.body.document(), _constraint)
    region = _location(constraint, request.caller.region)
    now = whole_seconds(store.clock.now())
    bucket = Bucket(request.bucket, request.caller.account_id, region, now)
    present = await store.index.run(insert_bucket, bucket)
    if present is not None and present.account_id != bucket.account_id:
        raise errors.bucket_already_exists(bucket.name)
    if present is not None and (region != DEFAULT_REGION or present.region != DEFAULT_REGION):
        raise errors.bucket_already_owned(bucket.name)
    return Answer(headers={"location": f"/{bucket.name}"})


def _constraint(body: bytes) -> str | None:
    """Raises MalformedXML."""
    configuration = parse(body, "CreateBucketConfiguration") if body.strip() else None
    return configuration.findtext("LocationConstraint") if configuration is not None else None


def _location(constraint: str | None, region: str) -> str:
    """The Region to create a bucket in, by a request to `region`.

    As on S3, only us-east-1 takes requests for other Regions, and only it needs no constraint. Raises
    IllegalLocationConstraintException, InvalidLocationConstraint.
    """
    if not constraint:
        if region != DEFAULT_REGION:
            raise errors.illegal_location("unspecified")
        return region
    constraint = "eu-west-1" if constraint == "EU" else constraint
    if constraint == DEFAULT_REGION or not _REGION.fullmatch(constraint):
        raise errors.invalid_location(constraint)
    if region not in (DEFAULT_REGION, constraint):
        raise errors.illegal_location(constraint)
    return constraint


async def head_bucket(store: Store, request: S3Request) -> Answer:
    bucket = await store.index.run(require_bucket, request.target)
    headers = {"x-amz-bucket-region": bucket.region, "x-amz-access-point-alias": "false"}
    return Answer(headers={**headers, "content-type": "application/xml"})


async def get_bucket_location(store: Store, request: S3Request) -> Answer:
    bucket = await store.index.run(require_bucket, request.target)
    return Answer.xml(
        document("LocationConstraint", "" if bucket.region == DEFAULT_REGION else bucket.region)
    )


async def delete_bucket(store: Store, request: S3Request) -> Answer:
    await store.remove(await store.index.run(delete_rows, request.target))
    return Answer(204)


async def list_buckets(store: Store, request: S3Request) -> Answer:
    """The caller's own buckets."""
    query, account_id = request.query, request.caller.account_id
    prefix, after = query.get("prefix", ""), query.get("continuation-token", "")
    limit = request.number("max-buckets", _LIST_LIMIT, _LIST_LIMIT)
    found = await store.index.run(list_rows, account_id, prefix, after, limit + 1)
    rows = [
        element(
            "Bucket",
            text("Name", bucket.name),
            text("CreationDate", iso_time(bucket.creation_time)),
            text("BucketRegion", bucket.region),
        )
        for bucket in found[:limit]
        if query.get("bucket-region", bucket.region) == bucket.region
    ]
    more = [text("ContinuationToken", found[limit - 1].name)] if len(found) > limit > 0 else []
    owner = element("Owner", text("ID", owner_id(account_id)))
    return Answer.xml(document("ListAllMyBucketsResult", element("Buckets", *rows), owner, *more))
