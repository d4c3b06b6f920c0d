"""The S3 servers that one contract-test body runs against."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
from botocore.config import Config

from tests.support.s3_server import REGION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class S3Backend:
    name: str
    url: str
    access_key: str
    secret_key: str

    def client(self, region: str = REGION, access_key: str | None = None, **config: Any) -> "S3Client":
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=access_key or self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(**{"retries": {"total_max_attempts": 1}, **config}),
        )


def new_name() -> str:
    return f"bucket-{uuid4().hex[:12]}"


def remove_bucket(client: "S3Client", name: str) -> None:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
        keys = [entry["Key"] for entry in page.get("Contents", [])]
        # XML has no way to write some characters.
        unwritable = [key for key in keys if not key.isprintable()]
        for key in unwritable:
            client.delete_object(Bucket=name, Key=key)
        rest = [{"Key": key} for key in keys if key not in unwritable]
        if rest:
            client.delete_objects(Bucket=name, Delete={"Objects": rest})  # type: ignore[typeddict-item]
    for upload in client.list_multipart_uploads(Bucket=name).get("Uploads", []):
        client.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    client.delete_bucket(Bucket=name)
