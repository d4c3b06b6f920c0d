"""GetObjectAttributes."""

from emulator.embedded_s3 import errors
from emulator.embedded_s3.answer import Answer
from emulator.embedded_s3.object_index import require_object
from emulator.embedded_s3.records import ObjectPart, StoredObject, http_time
from emulator.embedded_s3.request import S3Request
from emulator.embedded_s3.store import Store
from emulator.embedded_s3.xml_document import document, element, text

_NAMES = {"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}
_PAGE_LIMIT = 1000


async def get_object_attributes(store: Store, request: S3Request) -> Answer:
    header = request.headers.get("x-amz-object-attributes", "")
    wanted = {name.strip() for name in header.split(",") if name.strip()}
    if not wanted or wanted - _NAMES:
        raise errors.invalid_argument("x-amz-object-attributes", header, "Invalid attribute name specified.")
    stored = await store.index.run(require_object, request.target, request.key)
    rows = {
        "ETag": text("ETag", stored.etag),
        "Checksum": _checksum(stored),
        "ObjectParts": _parts(request, stored) if stored.parts else "",
        "StorageClass": text(
            "StorageClass", stored.description.headers.get("x-amz-storage-class", "STANDARD")
        ),
        "ObjectSize": text("ObjectSize", stored.size),
    }
    body = document("GetObjectAttributesResponse", *(row for name, row in rows.items() if name in wanted))
    return Answer.xml(body, {"last-modified": http_time(stored.last_modified)})


def _checksum(stored: StoredObject) -> str:
    checksum = stored.checksum
    if checksum is None:
        return ""
    # Unlike the header, this value comes without the number of parts.
    value = text(checksum.element, checksum.value.partition("-")[0])
    return element("Checksum", value, text("ChecksumType", checksum.type))


def _parts(request: S3Request, stored: StoredObject) -> str:
    headers = request.headers
    after = _number(headers.get("x-amz-part-number-marker", "0"))
    limit = min(_number(headers.get("x-amz-max-parts", str(_PAGE_LIMIT))), _PAGE_LIMIT)
    rest = [part for part in stored.parts if part.number > after]
    shown = rest[:limit]
    return element(
        "ObjectParts",
        text("PartsCount", len(stored.parts)),
        text("PartNumberMarker", after),
        text("NextPartNumberMarker", shown[-1].number if shown else 0),
        text("MaxParts", limit),
        text("IsTruncated", "true" if len(rest) > limit else "false"),
        *(_part(part, stored) for part in shown),
    )


def _number(header: str) -> int:
    if not (header.isascii() and header.isdigit() and len(header) < 10):
        raise errors.invalid_request("A number was expected.")
    return int(header)


def _part(part: ObjectPart, stored: StoredObject) -> str:
    checksum = text(stored.checksum.element, part.checksum) if stored.checksum and part.checksum else ""
    return element("Part", text("PartNumber", part.number), text("Size", part.size), checksum)
