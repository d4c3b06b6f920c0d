"""ListObjects and ListObjectsV2."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from urllib.parse import quote

from emulator.embedded_s3 import errors
from emulator.embedded_s3.answer import Answer
from emulator.embedded_s3.bucket_index import require_bucket
from emulator.embedded_s3.key_pages import (
    PAGE_LIMIT,
    ListedObject,
    Page,
    Selection,
    behind_key,
    behind_prefix,
    common_prefix,
    list_page,
)
from emulator.embedded_s3.records import Bucket, BucketTarget, from_epoch, iso_time, owner_id
from emulator.embedded_s3.request import S3Request
from emulator.embedded_s3.store import Store
from emulator.embedded_s3.xml_document import document, element, text
from emulator.sqlite import Connection

Encode = Callable[[str], str]


async def list_objects_v2(store: Store, request: S3Request) -> Answer:
    token, start_after = request.query.get("continuation-token"), request.query.get("start-after", "")
    start = behind_key(start_after) if start_after else b""
    selection = read_selection(request, start if token is None else _read_token(token))
    bucket, page = await store.index.run(read_page, request.target, selection)
    encode = key_encoding(request)
    body = [
        *_head(request, bucket, selection, encode),
        text("KeyCount", len(page.entries)),
        *([text("ContinuationToken", token)] if token is not None else []),
        *([text("StartAfter", encode(start_after))] if start_after else []),
        text("IsTruncated", _boolean(page.next_start is not None)),
        *([text("NextContinuationToken", _token(page.next_start))] if page.next_start is not None else []),
    ]
    owner = bucket.account_id if request.query.get("fetch-owner") == "true" else None
    return Answer.xml(document("ListBucketResult", *body, *_entries(page, encode, owner)))


async def list_objects(store: Store, request: S3Request) -> Answer:
    marker = request.query.get("marker", "")
    selection = read_selection(request, b"")
    selection = read_selection(request, _marker_start(marker, selection))
    bucket, page = await store.index.run(read_page, request.target, selection)
    encode = key_encoding(request)
    body = [
        *_head(request, bucket, selection, encode),
        text("Marker", encode(marker)),
        text("IsTruncated", _boolean(page.next_start is not None)),
    ]
    if page.next_start is not None and selection.delimiter:  # S3 gives no NextMarker without a delimiter
        last = page.entries[-1]
        body.append(text("NextMarker", encode(last if isinstance(last, str) else last.key)))
    return Answer.xml(document("ListBucketResult", *body, *_entries(page, encode, bucket.account_id)))


def read_page(conn: Connection, target: BucketTarget, selection: Selection) -> tuple[Bucket, Page]:
    """Raises NoSuchBucket, AccessDenied."""
    return require_bucket(conn, target), list_page(conn, target.name, selection)


def read_selection(request: S3Request, start: bytes) -> Selection:
    """Raises InvalidArgument."""
    prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
    return Selection(prefix, delimiter, start, request.number("max-keys", PAGE_LIMIT, PAGE_LIMIT))


def key_encoding(request: S3Request) -> Encode:
    """How keys are written in the answer: as they are, or as in URLs. Raises InvalidArgument."""
    encoding = request.query.get("encoding-type", "")
    if encoding not in ("", "url"):
        text = "Invalid Encoding Method specified in Request"
        raise errors.invalid_argument("encoding-type", encoding, text)
    return (lambda key: quote(key, safe="/*")) if encoding else (lambda key: key)


def _marker_start(marker: str, selection: Selection) -> bytes:
    # A marker that is a common prefix, as NextMarker may be, stands for all the keys with it.
    if marker.startswith(selection.prefix) and common_prefix(marker, selection) == marker:
        return behind_prefix(marker)
    return behind_key(marker) if marker else b""


def _token(start: bytes) -> str:
    return urlsafe_b64encode(start).decode("ascii")


def _read_token(token: str) -> bytes:
    try:
        start = urlsafe_b64decode(token.encode("ascii"))
    except (Base64Error, ValueError):
        start = b""
    if not start:
        text = "The continuation token provided is incorrect"
        raise errors.invalid_argument("continuation-token", token, text)
    return start


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _head(request: S3Request, bucket: Bucket, selection: Selection, encode: Encode) -> list[str]:
    head = [
        text("Name", bucket.name),
        text("Prefix", encode(selection.prefix)),
        text("MaxKeys", selection.limit),
    ]
    if selection.delimiter:
        head.append(text("Delimiter", encode(selection.delimiter)))
    if "encoding-type" in request.query:
        head.append(text("EncodingType", "url"))
    return head


def _entries(page: Page, encode: Encode, owner: str | None) -> list[str]:
    owner_xml = element("Owner", text("ID", owner_id(owner))) if owner else ""
    contents = [_contents(listed, encode, owner_xml) for listed in page.contents]
    prefixes = [element("CommonPrefixes", text("Prefix", encode(name))) for name in page.common_prefixes]
    return contents + prefixes


def _contents(listed: ListedObject, encode: Encode, owner_xml: str) -> str:
    checksum = ""
    if listed.checksum_algorithm:
        checksum = (
            f"<ChecksumAlgorithm>{listed.checksum_algorithm}</ChecksumAlgorithm>"
            f"<ChecksumType>{listed.checksum_type}</ChecksumType>"
        )
    return (
        f"<Contents>{text('Key', encode(listed.key))}"
        f"<LastModified>{iso_time(from_epoch(listed.last_modified))}</LastModified>"
        f"<ETag>&quot;{listed.etag}&quot;</ETag>{checksum}<Size>{listed.size}</Size>"
        f"{owner_xml}<StorageClass>STANDARD</StorageClass></Contents>"
    )
