"""Bucket configurations that can't be set here: their absence is told truthfully, as S3 tells it."""

from collections.abc import Mapping

from emulator.embedded_s3 import errors
from emulator.embedded_s3.answer import Answer
from emulator.embedded_s3.bucket_index import require_bucket
from emulator.embedded_s3.request import S3Request
from emulator.embedded_s3.store import Store
from emulator.embedded_s3.xml_document import document, text

ABSENT: Mapping[str, tuple[str, str]] = {
    "cors": ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    "encryption": (
        "ServerSideEncryptionConfigurationNotFoundError",
        "The server side encryption configuration was not found",
    ),
    "lifecycle": ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    "object-lock": (
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
    ),
    "ownershipControls": (
        "OwnershipControlsNotFoundError",
        "The bucket ownership controls were not found",
    ),
    "policy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "publicAccessBlock": (
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    ),
    "replication": (
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
    ),
    "website": (
        "NoSuchWebsiteConfiguration",
        "The specified bucket does not have a website configuration",
    ),
}

EMPTY: Mapping[str, bytes] = {
    "accelerate": document("AccelerateConfiguration"),
    "logging": document("BucketLoggingStatus"),
    "notification": document("NotificationConfiguration"),
    "requestPayment": document("RequestPaymentConfiguration", text("Payer", "BucketOwner")),
    "versioning": document("VersioningConfiguration"),
}


async def get_absent(store: Store, request: S3Request) -> Answer:
    await store.index.run(require_bucket, request.target)
    code, message = next(ABSENT[name] for name in request.query if name in ABSENT)
    raise errors.S3Error(404, code, message, {"BucketName": request.bucket})


async def get_empty(store: Store, request: S3Request) -> Answer:
    await store.index.run(require_bucket, request.target)
    return Answer.xml(next(EMPTY[name] for name in request.query if name in EMPTY))
