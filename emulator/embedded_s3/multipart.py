"""Create/Complete/AbortMultipartUpload, UploadPart and UploadPartCopy."""

from contextlib import closing

from emulator.blocking import blocking
from emulator.embedded_s3 import checksums, errors
from emulator.embedded_s3.answer import Answer
from emulator.embedded_s3.checksums import DEFAULT_ALGORITHM
from emulator.embedded_s3.copying import copy_range, open_source
from emulator.embedded_s3.description import encryption_headers, read_description
from emulator.embedded_s3.digests import Digests
from emulator.embedded_s3.digests import checksum_headers as given_checksums
from emulator.embedded_s3.multipart_plan import (
    PART_NUMBER_LIMIT,
    Completion,
    check_completion,
    checksum_type,
    plan_completion,
    read_requested_parts,
)
from emulator.embedded_s3.objects import check_put_size
from emulator.embedded_s3.ranges import select_copy_range
from emulator.embedded_s3.records import (
    BucketTarget,
    StoredObject,
    Upload,
    UploadedPart,
    iso_time,
    whole_seconds,
)
from emulator.embedded_s3.request import S3Request
from emulator.embedded_s3.store import Store
from emulator.embedded_s3.upload_index import (
    complete_upload,
    delete_upload,
    find_completed,
    insert_upload,
    list_parts,
    put_part,
    require_upload,
)
from emulator.embedded_s3.xml_document import document, text
from emulator.sqlite import Connection


async def create_multipart_upload(store: Store, request: S3Request) -> Answer:
    algorithm = request.headers.get("x-amz-checksum-algorithm", "").upper() or None
    if algorithm is not None and not checksums.is_algorithm(algorithm):
        raise errors.invalid_request("Checksum algorithm provided is unsupported.")
    upload = Upload(
        upload_id=store.clock.new_id(),
        bucket=request.bucket,
        key=request.key,
        initiated=whole_seconds(store.clock.now()),
        description=read_description(request.headers),
        algorithm=algorithm,
        checksum_type=checksum_type(algorithm, request.headers.get("x-amz-checksum-type")),
    )
    await store.index.run(insert_upload, request.target, upload)
    body = document(
        "InitiateMultipartUploadResult",
        text("Bucket", upload.bucket),
        text("Key", upload.key),
        text("UploadId", upload.upload_id),
    )
    headers = encryption_headers(upload.description)
    if algorithm is not None:
        headers |= {"x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": upload.checksum_type}
    return Answer.xml(body, headers)


def _part_number(request: S3Request) -> int:
    number = request.number("partNumber", 0, 2**31)
    if not 1 <= number <= PART_NUMBER_LIMIT:
        text = f"Part number must be an integer between 1 and {PART_NUMBER_LIMIT}, inclusive"
        raise errors.invalid_argument("partNumber", request.query["partNumber"], text)
    return number


async def _require_upload(store: Store, request: S3Request) -> Upload:
    return await store.index.run(require_upload, request.target, request.key, request.query["uploadId"])


async def upload_part(store: Store, request: S3Request) -> Answer:
    check_put_size(request)
    number, upload = _part_number(request), await _require_upload(store, request)
    declared = request.body.declared().algorithm
    if upload.algorithm and declared not in (None, upload.algorithm):
        text = f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, "
        raise errors.invalid_request(f"{text}actual checksum Type: {str(declared).lower()}")
    kept = {name for name in (declared, upload.algorithm or DEFAULT_ALGORITHM) if name}
    blob, sink = await store.receive_blob(request.body, kept)
    part = await _keep_part(store, request, number, (blob, sink.size, sink.digests), kept)
    shown = declared or upload.algorithm
    headers = {f"x-amz-checksum-{shown.lower()}": part.checksums[shown]} if shown else {}
    return Answer(headers={"etag": f'"{part.etag}"', **headers, **encryption_headers(upload.description)})


async def _keep_part(
    store: Store, request: S3Request, number: int, received: tuple[str, int, Digests], kept: set[str]
) -> UploadedPart:
    blob, size, digests = received
    values = {name: digests.value(name) for name in sorted(kept)}
    now = whole_seconds(store.clock.now())
    part = UploadedPart(number, blob, size, digests.md5, now, values)
    await store.commit(blob, put_part, request.target, request.key, request.query["uploadId"], part)
    return part


async def upload_part_copy(store: Store, request: S3Request) -> Answer:
    number, upload = _part_number(request), await _require_upload(store, request)
    algorithm = upload.algorithm or DEFAULT_ALGORITHM
    original, source = await open_source(store, request)
    with closing(source):
        wanted = select_copy_range(request.headers.get("x-amz-copy-source-range"), original.size)
        digests = Digests({algorithm})
        blob, sink = await blocking(store.threads, copy_range, store.blobs, source, wanted, digests)
    part = await _keep_part(store, request, number, (blob, sink.size, digests), {algorithm})
    rows = [text("ETag", f'"{part.etag}"'), text("LastModified", iso_time(part.last_modified))]
    if upload.algorithm:
        rows.append(text(f"Checksum{algorithm}", part.checksums[algorithm]))
    return Answer.xml(document("CopyPartResult", *rows), encryption_headers(upload.description))


async def complete_multipart_upload(store: Store, request: S3Request) -> Answer:
    requested = await store.read(await request.body.document(), read_requested_parts)
    try:
        upload, uploaded = await store.index.run(
            _read_upload, request.target, request.key, _upload_id(request)
        )
        completion = plan_completion(upload, requested, uploaded)
        check_completion(completion, request.headers, given_checksums(request.headers))
        stored = await _join_parts(store, request, upload, completion)
    except (FileNotFoundError, errors.S3Error) as error:
        if isinstance(error, errors.S3Error) and error.code != "NoSuchUpload":
            raise
        # Completed already, maybe by a request that ran at the same time: then this one succeeds, too.
        stored = await store.index.run(find_completed, request.target, request.key, _upload_id(request))
    return _completed(request, stored)


def _upload_id(request: S3Request) -> str:
    return request.query["uploadId"]


def _read_upload(
    conn: Connection, target: BucketTarget, key: str, upload_id: str
) -> tuple[Upload, list[UploadedPart]]:
    upload = require_upload(conn, target, key, upload_id)
    return upload, list_parts(conn, upload_id, 0, PART_NUMBER_LIMIT)


async def _join_parts(
    store: Store, request: S3Request, upload: Upload, completion: Completion
) -> StoredObject:
    """Raises FileNotFoundError where a part went away meanwhile."""
    blob = await blocking(store.threads, store.blobs.concatenate, completion.blobs)
    stored = StoredObject(
        key=upload.key,
        blob=blob,
        size=completion.size,
        etag=completion.etag,
        last_modified=whole_seconds(store.clock.now()),
        checksum=completion.checksum,
        description=upload.description,
        parts=completion.parts,
        upload_id=upload.upload_id,
    )
    await store.commit(blob, complete_upload, request.target, stored, request.headers)
    return stored


def _completed(request: S3Request, stored: StoredObject) -> Answer:
    rows = [
        text("Location", f"http://{request.headers.get('host', '')}/{request.bucket}/{stored.key}"),
        text("Bucket", request.bucket),
        text("Key", stored.key),
        text("ETag", f'"{stored.etag}"'),
    ]
    if stored.checksum:
        rows.append(text(stored.checksum.element, stored.checksum.value))
        rows.append(text("ChecksumType", stored.checksum.type))
    body = document("CompleteMultipartUploadResult", *rows)
    return Answer.xml(body, encryption_headers(stored.description))


async def abort_multipart_upload(store: Store, request: S3Request) -> Answer:
    await store.remove(await store.index.run(delete_upload, request.target, request.key, _upload_id(request)))
    return Answer(204)
