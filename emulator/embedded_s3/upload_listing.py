"""ListParts and ListMultipartUploads."""

from emulator.embedded_s3.answer import Answer
from emulator.embedded_s3.bucket_index import require_bucket
from emulator.embedded_s3.listing import key_encoding
from emulator.embedded_s3.records import Bucket, BucketTarget, Upload, UploadedPart, iso_time, owner_id
from emulator.embedded_s3.request import S3Request
from emulator.embedded_s3.store import Store
from emulator.embedded_s3.upload_index import list_parts as list_part_rows
from emulator.embedded_s3.upload_index import list_uploads, require_upload
from emulator.embedded_s3.xml_document import document, element, text
from emulator.sqlite import Connection

_LIMIT = 1000

Parts = tuple[Upload, list[UploadedPart], Bucket]


async def list_parts(store: Store, request: S3Request) -> Answer:
    after, limit = request.number("part-number-marker", 0, 2**31), request.number("max-parts", _LIMIT, _LIMIT)
    upload, parts, bucket = await store.index.run(
        _read_parts, request.target, (request.key, request.query["uploadId"]), after, limit + 1
    )
    shown = parts[:limit]
    owner = text("ID", owner_id(bucket.account_id))
    rows = [
        text("Bucket", request.bucket),
        text("Key", request.key),
        text("UploadId", upload.upload_id),
        element("Initiator", owner),
        element("Owner", owner),
        text("StorageClass", "STANDARD"),
        text("PartNumberMarker", after),
        text("NextPartNumberMarker", shown[-1].number if shown else 0),
        text("MaxParts", limit),
        text("IsTruncated", "true" if len(parts) > limit > 0 else "false"),
    ]
    if upload.algorithm:
        rows += [text("ChecksumAlgorithm", upload.algorithm), text("ChecksumType", upload.checksum_type)]
    return Answer.xml(document("ListPartsResult", *rows, *(_part(part) for part in shown)))


def _read_parts(
    conn: Connection, target: BucketTarget, identity: tuple[str, str], after: int, limit: int
) -> Parts:
    upload = require_upload(conn, target, *identity)
    return upload, list_part_rows(conn, upload.upload_id, after, limit), require_bucket(conn, target)


def _part(part: UploadedPart) -> str:
    return element(
        "Part",
        text("PartNumber", part.number),
        text("LastModified", iso_time(part.last_modified)),
        text("ETag", f'"{part.etag}"'),
        text("Size", part.size),
        *(text(f"Checksum{name}", value) for name, value in part.checksums.items()),
    )


async def list_multipart_uploads(store: Store, request: S3Request) -> Answer:
    query, limit = request.query, request.number("max-uploads", _LIMIT, _LIMIT)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    marker = query.get("key-marker", "")
    # Without an upload id the marker stands for all uploads of its key.
    after = (marker, query.get("upload-id-marker") or ("\U0010ffff" if marker else ""))
    direct, rolled = await store.index.run(
        list_uploads, request.target, (prefix, delimiter), after, limit + 1
    )
    encode = key_encoding(request)
    shown = direct[:limit]
    rows = [
        text("Bucket", request.bucket),
        text("Prefix", encode(prefix)),
        text("KeyMarker", encode(marker)),
        text("UploadIdMarker", query.get("upload-id-marker", "")),
        text("MaxUploads", limit),
        text("IsTruncated", "true" if len(direct) > limit > 0 else "false"),
        *([text("Delimiter", encode(delimiter))] if delimiter else []),
        *([text("EncodingType", "url")] if "encoding-type" in query else []),
    ]
    if len(direct) > limit > 0:
        rows += [
            text("NextKeyMarker", encode(shown[-1].key)),
            text("NextUploadIdMarker", shown[-1].upload_id),
        ]
    rows += [_upload(upload, encode(upload.key)) for upload in shown]
    rows += [element("CommonPrefixes", text("Prefix", encode(name))) for name in rolled]
    return Answer.xml(document("ListMultipartUploadsResult", *rows))


def _upload(upload: Upload, key: str) -> str:
    return element(
        "Upload",
        text("Key", key),
        text("UploadId", upload.upload_id),
        text("StorageClass", "STANDARD"),
        text("Initiated", iso_time(upload.initiated)),
    )
