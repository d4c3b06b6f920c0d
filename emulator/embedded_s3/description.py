"""What a request's headers say of the object that it writes."""

from collections.abc import Mapping

from emulator.embedded_s3 import errors
from emulator.embedded_s3.checksums import ObjectChecksum
from emulator.embedded_s3.records import ObjectDescription
from emulator.embedded_s3.tag_set import read_tag_header

DEFAULT_CONTENT_TYPE = "binary/octet-stream"
METADATA = "x-amz-meta-"
_METADATA_LIMIT = 2048

CONTENT = (
    "content-type",
    "content-encoding",
    "content-disposition",
    "content-language",
    "cache-control",
    "expires",
)
ENCRYPTION = (
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-server-side-encryption-customer-key-md5",
)
_OTHER = ("x-amz-storage-class", "x-amz-website-redirect-location")
_REFUSED = (
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-lock-legal-hold",
    "x-amz-write-offset-bytes",
)


def read_description(headers: Mapping[str, str]) -> ObjectDescription:
    """Raises MetadataTooLarge, InvalidArgument, InvalidTag, NotImplemented."""
    for name in _REFUSED:
        if name in headers:
            raise errors.feature_not_implemented(name)
    kept = {name: headers[name] for name in (*CONTENT, *ENCRYPTION, *_OTHER) if headers.get(name)}
    kept["content-type"] = kept.get("content-type", DEFAULT_CONTENT_TYPE)
    kept |= _without_aws_chunked(kept.pop("content-encoding", ""))
    if kept.get("x-amz-storage-class") == "STANDARD":  # S3 doesn't tell the class of those
        del kept["x-amz-storage-class"]
    return ObjectDescription(
        {**kept, **_metadata(headers)}, read_tag_header(headers.get("x-amz-tagging", ""))
    )


def _without_aws_chunked(header: str) -> dict[str, str]:
    codings = [coding.strip() for coding in header.split(",")]
    rest = ",".join(coding for coding in codings if coding and coding != "aws-chunked")
    return {"content-encoding": rest} if rest else {}


def _metadata(headers: Mapping[str, str]) -> dict[str, str]:
    metadata = {name: value for name, value in headers.items() if name.startswith(METADATA)}
    size = sum(len(name) - len(METADATA) + len(value) for name, value in metadata.items())
    if size > _METADATA_LIMIT:
        raise errors.metadata_too_large(size)
    return metadata


def encryption_headers(description: ObjectDescription) -> dict[str, str]:
    """The server-side-encryption headers, which are echoed; nothing is encrypted."""
    return {name: value for name, value in description.headers.items() if name in ENCRYPTION}


def checksum_headers(checksum: ObjectChecksum | None) -> dict[str, str]:
    if checksum is None:
        return {}
    return {checksum.header: checksum.value, "x-amz-checksum-type": checksum.type}


def restate(
    source: ObjectDescription, given: ObjectDescription, tags: Mapping[str, str]
) -> ObjectDescription:
    """The description of a copy: content headers and metadata of `source`, all other headers as `given`."""
    kept = {name: value for name, value in source.headers.items() if name in CONTENT or _is_metadata(name)}
    own = {
        name: value for name, value in given.headers.items() if name not in CONTENT and not _is_metadata(name)
    }
    return ObjectDescription({**kept, **own}, tags)


def _is_metadata(name: str) -> bool:
    return name.startswith(METADATA)
