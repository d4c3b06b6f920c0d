"""Put/Get/Head/DeleteObject and DeleteObjects."""

from emulator.blocking import blocking
from emulator.embedded_s3 import conditions, errors
from emulator.embedded_s3.answer import Answer, BlobBody
from emulator.embedded_s3.blobs import CHUNK, OpenBlob
from emulator.embedded_s3.body import PUT_LIMIT
from emulator.embedded_s3.bucket_index import require_bucket
from emulator.embedded_s3.checksums import DEFAULT_ALGORITHM, FULL_OBJECT, ObjectChecksum
from emulator.embedded_s3.description import checksum_headers, encryption_headers, read_description
from emulator.embedded_s3.object_index import delete_object as delete_row
from emulator.embedded_s3.object_index import delete_objects as delete_rows
from emulator.embedded_s3.object_index import open_object, require_object
from emulator.embedded_s3.object_index import put_object as put_row
from emulator.embedded_s3.object_reading import read_headers, read_range, unmodified_headers
from emulator.embedded_s3.ranges import ByteRange
from emulator.embedded_s3.records import StoredObject, whole_seconds
from emulator.embedded_s3.request import S3Request
from emulator.embedded_s3.store import Store
from emulator.embedded_s3.xml_document import document, element, parse, required, text

_DELETE_LIMIT = 1000
_DELETE_ELEMENTS = _DELETE_LIMIT * 6 + 10
"""Of an Object: itself, Key, VersionId, ETag, LastModifiedTime, Size."""


async def put_object(store: Store, request: S3Request) -> Answer:
    description = read_description(request.headers)
    check_put_size(request)
    if "expect" in request.headers or declared_size(request) > CHUNK:  # rather before the body than after
        await store.index.run(require_bucket, request.target)
    algorithm = request.body.declared().algorithm or DEFAULT_ALGORITHM
    blob, sink = await store.receive_blob(request.body, {algorithm})
    stored = StoredObject(
        key=request.key,
        blob=blob,
        size=sink.size,
        etag=sink.digests.md5,
        last_modified=whole_seconds(store.clock.now()),
        checksum=ObjectChecksum(algorithm, sink.digests.value(algorithm), FULL_OBJECT),
        description=description,
    )
    await store.commit(blob, put_row, request.target, stored, request.headers)
    return Answer(headers=written_headers(stored))


def declared_size(request: S3Request) -> int:
    """The bytes that the request announces; without a length, as many as may come."""
    coded = request.headers.get("content-length", "")
    length = request.headers.get("x-amz-decoded-content-length", coded)
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else PUT_LIMIT


def check_put_size(request: S3Request) -> None:
    """Raises EntityTooLarge."""
    if declared_size(request) > PUT_LIMIT:
        raise errors.entity_too_large(declared_size(request), PUT_LIMIT)


def written_headers(stored: StoredObject) -> dict[str, str]:
    etag = {"etag": f'"{stored.etag}"'}
    return {**etag, **checksum_headers(stored.checksum), **encryption_headers(stored.description)}


async def head_object(store: Store, request: S3Request) -> Answer:
    stored = await store.index.run(require_object, request.target, request.key)
    if not conditions.check_read(request.headers, stored.etag, stored.last_modified):
        return Answer(304, unmodified_headers(stored))
    selected = read_range(request, stored)
    length = selected.length if selected else stored.size
    headers = {**read_headers(request, stored, selected), "content-length": str(length)}
    return Answer(206 if selected else 200, headers)


async def get_object(store: Store, request: S3Request) -> Answer:
    stored, blob = await store.index.run(open_object, store.blobs, request.target, request.key)
    try:
        if not conditions.check_read(request.headers, stored.etag, stored.last_modified):
            blob.close()
            return Answer(304, unmodified_headers(stored))
        selected = read_range(request, stored)
        headers = read_headers(request, stored, selected)
        wanted = selected or ByteRange(0, stored.size)
        body = await _read(store, blob, wanted)
    except BaseException:
        blob.close()
        raise
    return Answer(206 if selected else 200, headers, body)


async def _read(store: Store, blob: OpenBlob, wanted: ByteRange) -> bytes | BlobBody:
    if wanted.length > CHUNK:
        return BlobBody(blob, wanted)
    if blob.content is not None:
        blob.close()
        body = blob.content[wanted.start : wanted.start + wanted.length]
    else:
        body = await blocking(store.threads, blob.read_and_close, *wanted)
    if len(body) != wanted.length:
        raise OSError("A blob is shorter than its row says.")
    return body


async def delete_object(store: Store, request: S3Request) -> Answer:
    dead = await store.index.run(delete_row, request.target, request.key, request.headers)
    await store.remove(dead)
    return Answer(204)


async def delete_objects(store: Store, request: S3Request) -> Answer:
    keys, is_quiet = await store.read(await request.body.document(), _read_keys)
    await store.remove(await store.index.run(delete_rows, request.target, keys))
    if is_quiet:
        return Answer.xml(document("DeleteResult"))
    return Answer.xml(document("DeleteResult", *(element("Deleted", text("Key", key)) for key in keys)))


def _read_keys(body: bytes) -> tuple[list[str], bool]:
    """The keys to delete, and whether the answer shall name none. Raises MalformedXML."""
    wanted = parse(body, "Delete", _DELETE_ELEMENTS)
    keys = [required(entry, "Key") for entry in wanted.findall("Object")]
    if not 1 <= len(keys) <= _DELETE_LIMIT:
        raise errors.malformed_xml()
    return keys, wanted.findtext("Quiet") == "true"
