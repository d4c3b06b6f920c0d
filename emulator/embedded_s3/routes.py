"""Which operation a request asks for: by method, by what it addresses, and by subresource."""

from collections.abc import Awaitable, Callable, Mapping

from emulator.embedded_s3 import (
    acl,
    attributes,
    buckets,
    configuration,
    copying,
    errors,
    listing,
    multipart,
    objects,
    tagging,
    upload_listing,
)
from emulator.embedded_s3.answer import Answer
from emulator.embedded_s3.request import S3Request
from emulator.embedded_s3.store import Store

Operation = Callable[[Store, S3Request], Awaitable[Answer]]

_COPY = "PUT from x-amz-copy-source"

ROUTES: Mapping[tuple[str, str, str], Operation] = {
    ("GET", "service", ""): buckets.list_buckets,
    ("PUT", "bucket", ""): buckets.create_bucket,
    ("HEAD", "bucket", ""): buckets.head_bucket,
    ("DELETE", "bucket", ""): buckets.delete_bucket,
    ("GET", "bucket", ""): listing.list_objects,
    ("GET", "bucket", "list-type"): listing.list_objects_v2,
    ("GET", "bucket", "location"): buckets.get_bucket_location,
    ("GET", "bucket", "acl"): acl.get_bucket_acl,
    ("GET", "bucket", "uploads"): upload_listing.list_multipart_uploads,
    ("GET", "bucket", "tagging"): tagging.get_bucket_tagging,
    ("PUT", "bucket", "tagging"): tagging.put_bucket_tagging,
    ("DELETE", "bucket", "tagging"): tagging.delete_bucket_tagging,
    ("POST", "bucket", "delete"): objects.delete_objects,
    **{("GET", "bucket", name): configuration.get_absent for name in configuration.ABSENT},
    **{("GET", "bucket", name): configuration.get_empty for name in configuration.EMPTY},
    ("GET", "object", ""): objects.get_object,
    ("HEAD", "object", ""): objects.head_object,
    ("PUT", "object", ""): objects.put_object,
    ("DELETE", "object", ""): objects.delete_object,
    (_COPY, "object", ""): copying.copy_object,
    ("GET", "object", "attributes"): attributes.get_object_attributes,
    ("GET", "object", "acl"): acl.get_object_acl,
    ("GET", "object", "tagging"): tagging.get_object_tagging,
    ("PUT", "object", "tagging"): tagging.put_object_tagging,
    ("DELETE", "object", "tagging"): tagging.delete_object_tagging,
    ("POST", "object", "uploads"): multipart.create_multipart_upload,
    ("PUT", "object", "uploadId"): multipart.upload_part,
    (_COPY, "object", "uploadId"): multipart.upload_part_copy,
    ("GET", "object", "uploadId"): upload_listing.list_parts,
    ("POST", "object", "uploadId"): multipart.complete_multipart_upload,
    ("DELETE", "object", "uploadId"): multipart.abort_multipart_upload,
}

SUBRESOURCES = frozenset(
    {
        "abac",
        "accelerate",
        "acl",
        "analytics",
        "annotation",
        "attributes",
        "cors",
        "delete",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "legal-hold",
        "lifecycle",
        "list-type",
        "location",
        "logging",
        "metadataAnnotationTable",
        "metadataConfiguration",
        "metadataInventoryTable",
        "metadataJournalTable",
        "metadataTable",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "renameObject",
        "replication",
        "requestPayment",
        "restore",
        "retention",
        "select",
        "session",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versioning",
        "versions",
        "website",
    }
)
"""All that S3 has, whether emulated or not (source: botocore's model of S3)."""

_PLAIN = frozenset({"partNumber", "versionId", "x-id"})


def find_operation(request: S3Request) -> Operation:
    """Raises NotImplemented, MethodNotAllowed, NoSuchVersion."""
    level = "object" if request.key else "bucket" if request.bucket else "service"
    subresource = _subresource(request)
    is_copy = request.method == "PUT" and "x-amz-copy-source" in request.headers
    operation = ROUTES.get((_COPY if is_copy else request.method, level, subresource))
    if operation is None and (subresource or _is_form(request)):
        raise errors.feature_not_implemented(subresource or "POST Object")
    if operation is None:
        raise errors.method_not_allowed(request.method)
    version = request.query.get("versionId", "null")
    if version != "null":
        raise errors.no_such_version(request.key, version)
    return operation


def _subresource(request: S3Request) -> str:
    known = next((name for name in request.query if name in SUBRESOURCES), "")
    if known or request.method in ("GET", "HEAD"):
        return known
    # A bare name that S3 may learn one day must not turn, say, `PUT ?archive` into a PutObject.
    bare = (name for name, value in request.query.items() if not value and name not in _PLAIN)
    return next(bare, "")


def _is_form(request: S3Request) -> bool:
    return request.method == "POST" and "multipart/form-data" in request.headers.get("content-type", "")
