"""What GetObject and HeadObject read of an object, and the headers that describe it."""

from emulator.domain.s3_browsing import NO_OVERRIDES, has_overrides
from emulator.embedded_s3 import errors
from emulator.embedded_s3.checksums import ObjectChecksum
from emulator.embedded_s3.description import checksum_headers
from emulator.embedded_s3.ranges import ByteRange, select_range
from emulator.embedded_s3.records import StoredObject, http_time
from emulator.embedded_s3.request import S3Request

_OVERRIDES = {
    "response-content-type": "content-type",
    "response-content-language": "content-language",
    "response-expires": "expires",
    "response-cache-control": "cache-control",
    "response-content-disposition": "content-disposition",
    "response-content-encoding": "content-encoding",
}

_OF_CACHES = ("cache-control", "expires")


def read_range(request: S3Request, stored: StoredObject) -> ByteRange | None:
    """The part of the object that is wanted; None for the whole. Raises InvalidRange, InvalidPartNumber."""
    requested = request.headers.get("range")
    number = request.query.get("partNumber")
    if number is None:
        return select_range(requested, stored.size)
    if requested is not None:
        raise errors.invalid_request("Cannot specify both Range header and partNumber query parameter")
    return _part_range(stored, request.number("partNumber", 1, 2**31))


def _part_range(stored: StoredObject, number: int) -> ByteRange:
    sizes = [part.size for part in stored.parts] or [stored.size]
    if not 1 <= number <= len(sizes):
        raise errors.invalid_part_number(number, len(sizes))
    return ByteRange(sum(sizes[: number - 1]), sizes[number - 1])


def read_headers(request: S3Request, stored: StoredObject, selected: ByteRange | None) -> dict[str, str]:
    """Raises InvalidRequest."""
    if has_overrides(request.query) and not request.caller.access_key:
        raise errors.invalid_request(NO_OVERRIDES)
    headers = {
        **stored.description.headers,
        "etag": f'"{stored.etag}"',
        "last-modified": http_time(stored.last_modified),
        "accept-ranges": "bytes",
    }
    if stored.description.tags:
        headers["x-amz-tagging-count"] = str(len(stored.description.tags))
    if selected is not None and selected.length:
        headers["content-range"] = selected.content_range(stored.size)
    if "partNumber" in request.query and stored.parts:
        headers["x-amz-mp-parts-count"] = str(len(stored.parts))
    if request.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
        headers |= checksum_headers(_read_checksum(request, stored, selected))
    overrides = {header: request.query[name] for name, header in _OVERRIDES.items() if name in request.query}
    return {**headers, **overrides}


def unmodified_headers(stored: StoredObject) -> dict[str, str]:
    """Of an answer 304: nothing that describes a body, which clients would look for."""
    kept = {name: value for name, value in stored.description.headers.items() if name in _OF_CACHES}
    return {**kept, "etag": f'"{stored.etag}"', "last-modified": http_time(stored.last_modified)}


def _read_checksum(
    request: S3Request, stored: StoredObject, selected: ByteRange | None
) -> ObjectChecksum | None:
    # S3 tells a checksum only with the whole of what it was made of: the object, or one part of it.
    if selected is None or stored.checksum is None:
        return stored.checksum
    if "partNumber" not in request.query:
        return None
    if not stored.parts:
        return stored.checksum
    part = stored.parts[request.number("partNumber", 1, 2**31) - 1]
    return (
        ObjectChecksum(stored.checksum.algorithm, part.checksum, stored.checksum.type)
        if part.checksum
        else None
    )
