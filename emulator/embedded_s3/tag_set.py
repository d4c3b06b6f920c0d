"""Tags of objects and buckets, as a header and as XML."""

from collections import Counter
from collections.abc import Iterable, Mapping
from unicodedata import category
from urllib.parse import parse_qsl

from emulator.embedded_s3 import errors
from emulator.embedded_s3.xml_document import document, element, parse, required, text

OBJECT_LIMIT = 10
BUCKET_LIMIT = 50


def check_tags(pairs: Iterable[tuple[str, str]], limit: int = OBJECT_LIMIT) -> dict[str, str]:
    """S3 User Guide, "Categorizing your storage using tags". Raises InvalidTag, BadRequest."""
    listed = list(pairs)
    if len(listed) > limit:
        kind = "Object" if limit == OBJECT_LIMIT else "Bucket"
        raise errors.S3Error(400, "BadRequest", f"{kind} tags cannot be greater than {limit}")
    for key, value in listed:
        if not 1 <= len(key) <= 128 or not _is_allowed(key):
            raise errors.invalid_tag("The TagKey you have provided is invalid")
        if len(value) > 256 or not _is_allowed(value):
            raise errors.invalid_tag("The TagValue you have provided is invalid")
    if any(count > 1 for count in Counter(key for key, _ in listed).values()):
        raise errors.invalid_tag("Cannot provide multiple Tags with the same key")
    return dict(listed)


def _is_allowed(text: str) -> bool:
    """Letters, digits, spaces and a few signs (S3 User Guide, "Categorizing your storage using tags")."""
    return all(char in "_.:/=+-@" or category(char)[0] in "LNZ" for char in text)


def read_tag_header(header: str) -> dict[str, str]:
    """Parse `x-amz-tagging`, which is a URL query. Raises InvalidTag, InvalidArgument."""
    try:
        pairs = parse_qsl(header, keep_blank_values=True, errors="strict")
    except ValueError as error:
        text = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters"
        raise errors.invalid_argument("x-amz-tagging", header, text) from error
    return check_tags(pairs)


def read_tag_document(body: bytes, limit: int = OBJECT_LIMIT) -> dict[str, str]:
    """Raises MalformedXML, InvalidTag."""
    tag_set = parse(body, "Tagging").find("TagSet")
    if tag_set is None:
        raise errors.malformed_xml()
    tags = tag_set.findall("Tag")
    return check_tags([(required(tag, "Key"), required(tag, "Value")) for tag in tags], limit)


def read_bucket_tags(body: bytes) -> dict[str, str]:
    """Raises MalformedXML, InvalidTag."""
    return read_tag_document(body, BUCKET_LIMIT)


def tag_document(tags: Mapping[str, str]) -> bytes:
    rows = [element("Tag", text("Key", key), text("Value", value)) for key, value in tags.items()]
    return document("Tagging", element("TagSet", *rows))
