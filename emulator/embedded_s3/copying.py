"""CopyObject, and the source of UploadPartCopy."""

from contextlib import closing
from typing import NamedTuple
from urllib.parse import unquote

from emulator.blocking import blocking
from emulator.embedded_s3 import checksums, conditions, errors
from emulator.embedded_s3.answer import Answer
from emulator.embedded_s3.blobs import CHUNK, BlobSink, BlobStore, OpenBlob
from emulator.embedded_s3.body import PUT_LIMIT
from emulator.embedded_s3.bucket_index import require_bucket
from emulator.embedded_s3.checksums import FULL_OBJECT, ObjectChecksum
from emulator.embedded_s3.description import encryption_headers, read_description, restate
from emulator.embedded_s3.digests import Digests
from emulator.embedded_s3.object_index import open_object, put_object
from emulator.embedded_s3.ranges import ByteRange
from emulator.embedded_s3.records import (
    BucketTarget,
    ObjectDescription,
    StoredObject,
    iso_time,
    whole_seconds,
)
from emulator.embedded_s3.request import S3Request
from emulator.embedded_s3.store import Store
from emulator.embedded_s3.xml_document import document, text

_UNCHANGED = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the "
    "object's metadata, storage class, website redirect location or encryption attributes."
)


class Copied(NamedTuple):
    blob: str
    size: int
    etag: str
    checksum: ObjectChecksum | None


async def copy_object(store: Store, request: S3Request) -> Answer:
    source, key = read_source(request)
    await store.index.run(require_bucket, request.target)
    if (source.name, key) == (request.bucket, request.key) and not _changes_something(request):
        raise errors.invalid_request(_UNCHANGED)
    original, blob = await open_source(store, request)
    with closing(blob):
        description = _copied_description(request, original.description)
        copied = await _copy(store, request, original, blob)
    stored = StoredObject(
        key=request.key,
        blob=copied.blob,
        size=copied.size,
        etag=copied.etag,
        last_modified=whole_seconds(store.clock.now()),
        checksum=copied.checksum,
        description=description,
    )
    await store.commit(stored.blob, put_object, request.target, stored, request.headers)
    return Answer.xml(copy_result("CopyObjectResult", stored), encryption_headers(description))


def copy_result(name: str, stored: StoredObject) -> bytes:
    rows = [text("ETag", f'"{stored.etag}"'), text("LastModified", iso_time(stored.last_modified))]
    if stored.checksum:
        rows.append(text(stored.checksum.element, stored.checksum.value))
        rows.append(text("ChecksumType", stored.checksum.type))
    return document(name, *rows)


def read_source(request: S3Request) -> tuple[BucketTarget, str]:
    """The bucket and key that `x-amz-copy-source` names. Raises InvalidArgument, NoSuchVersion."""
    header = request.headers["x-amz-copy-source"]
    path, _, version = header.partition("?versionId=")
    try:
        bucket, _, key = unquote(path, errors="strict").removeprefix("/").partition("/")
    except UnicodeDecodeError:
        bucket, key = "", ""
    if not bucket or not key:
        message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        raise errors.invalid_argument("x-amz-copy-source", header, message)
    if version not in ("", "null"):
        raise errors.no_such_version(key, version)
    return BucketTarget(bucket, request.headers.get("x-amz-source-expected-bucket-owner")), key


async def open_source(store: Store, request: S3Request) -> tuple[StoredObject, OpenBlob]:
    """The object to copy, if the conditions on it hold. Raises NoSuchKey, PreconditionFailed, ..."""
    stored, blob = await store.index.run(open_object, store.blobs, *read_source(request))
    try:
        conditions.check_copy_source(request.headers, stored.etag, stored.last_modified)
        if stored.size > PUT_LIMIT and "x-amz-copy-source-range" not in request.headers:
            message = f"The specified copy source is larger than the maximum allowable size: {PUT_LIMIT}"
            raise errors.invalid_request(message)
    except BaseException:
        blob.close()
        raise
    return stored, blob


def copy_range(
    blobs: BlobStore, source: OpenBlob, wanted: ByteRange, digests: Digests
) -> tuple[str, BlobSink]:
    """A new blob with a range of another one; blocks."""
    sink = blobs.sink(digests)
    try:
        position, end = wanted.start, wanted.start + wanted.length
        while position < end:
            data = source.read(position, min(CHUNK, end - position))
            if not data:
                raise OSError("A blob is shorter than its row says.")
            sink.write(data)
            position += len(data)
        return sink.keep(), sink
    finally:
        sink.discard()


async def _copy(store: Store, request: S3Request, original: StoredObject, blob: OpenBlob) -> Copied:
    wanted = request.headers.get("x-amz-checksum-algorithm", "").upper()
    if wanted and not checksums.is_algorithm(wanted):
        raise errors.invalid_request("Checksum algorithm provided is unsupported.")
    present = original.checksum
    is_plain = present is not None and present.type == FULL_OBJECT and not original.parts
    if is_plain and present is not None and wanted in ("", present.algorithm):
        new = await blocking(store.threads, store.blobs.clone, blob)
        return Copied(new, original.size, original.etag, present)
    # What came in parts becomes one piece, with the ETag and the checksum of such.
    algorithm = wanted or (present.algorithm if present else checksums.DEFAULT_ALGORITHM)
    whole = ByteRange(0, original.size)
    new, sink = await blocking(store.threads, copy_range, store.blobs, blob, whole, Digests({algorithm}))
    checksum = ObjectChecksum(algorithm, sink.digests.value(algorithm), FULL_OBJECT)
    return Copied(new, sink.size, sink.digests.md5, checksum)


def _is_replaced(request: S3Request, directive: str) -> bool:
    """Raises InvalidArgument."""
    value = request.headers.get(directive, "COPY").upper()
    if value not in ("COPY", "REPLACE"):
        message = "Unknown metadata directive." if "metadata" in directive else "Unknown tagging directive."
        raise errors.invalid_argument(directive, value, message)
    return value == "REPLACE"


def _changes_something(request: S3Request) -> bool:
    names = ("x-amz-storage-class", "x-amz-website-redirect-location", "x-amz-checksum-algorithm")
    changed = any(name in request.headers for name in names)
    encrypted = any(name.startswith("x-amz-server-side-encryption") for name in request.headers)
    return changed or encrypted or _is_replaced(request, "x-amz-metadata-directive")


def _copied_description(request: S3Request, original: ObjectDescription) -> ObjectDescription:
    """Of the copy: metadata and tags from the source or the request, all else from the request."""
    given = read_description(request.headers)
    source = given if _is_replaced(request, "x-amz-metadata-directive") else original
    tags = given.tags if _is_replaced(request, "x-amz-tagging-directive") else original.tags
    return restate(source, given, tags)
