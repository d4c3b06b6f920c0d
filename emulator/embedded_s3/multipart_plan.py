"""What a multipart upload becomes: pure rules of CompleteMultipartUpload."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree.ElementTree import Element

from emulator.embedded_s3 import checksums, errors
from emulator.embedded_s3.checksums import COMPOSITE, DEFAULT_ALGORITHM, FULL_OBJECT, ObjectChecksum
from emulator.embedded_s3.records import ObjectPart, Upload, UploadedPart
from emulator.embedded_s3.xml_document import parse, required

PART_MINIMUM = 5 * 1024 * 1024
"""Bytes of every part but the last."""
PART_NUMBER_LIMIT = 10_000
_PART_ELEMENTS = 8
"""Of a Part: itself, PartNumber, ETag, and checksums."""


@dataclass(frozen=True)
class RequestedPart:
    number: int
    etag: str
    checksums: Mapping[str, str]
    """Algorithm -> base64."""


@dataclass(frozen=True)
class Completion:
    """The object to make."""

    blobs: Sequence[str]
    size: int
    etag: str
    checksum: ObjectChecksum | None
    parts: tuple[ObjectPart, ...]


def read_requested_parts(body: bytes) -> list[RequestedPart]:
    """Raises MalformedXML."""
    document = parse(body, "CompleteMultipartUpload", _PART_ELEMENTS * PART_NUMBER_LIMIT + 10)
    parts = [_requested_part(part) for part in document.findall("Part")]
    if not parts or len(parts) > PART_NUMBER_LIMIT:
        raise errors.malformed_xml()
    return parts


def _requested_part(part: Element) -> RequestedPart:
    number = required(part, "PartNumber").strip()
    if not (number.isascii() and number.isdigit() and len(number) < 6):
        raise errors.malformed_xml()
    named = {child.tag.removeprefix("Checksum"): child.text or "" for child in part if child.tag != "ETag"}
    given = {name: value for name, value in named.items() if checksums.is_algorithm(name)}
    return RequestedPart(int(number), required(part, "ETag").strip().strip('"'), given)


def plan_completion(
    upload: Upload, requested: Sequence[RequestedPart], uploaded: Sequence[UploadedPart]
) -> Completion:
    """Raises InvalidPart, InvalidPartOrder, EntityTooSmall, InvalidRequest."""
    if any(left.number >= right.number for left, right in pairwise(requested)):
        raise errors.invalid_part_order(upload.upload_id)
    by_number = {part.number: part for part in uploaded}
    chosen = [_choose_part(upload, part, by_number.get(part.number)) for part in requested]
    for part in chosen[:-1]:
        if part.size < PART_MINIMUM:
            raise errors.entity_too_small(part.number, part.etag, part.size, PART_MINIMUM)
    etags = b"".join(bytes.fromhex(part.etag) for part in chosen)
    algorithm = upload.algorithm or DEFAULT_ALGORITHM
    return Completion(
        blobs=[part.blob for part in chosen],
        size=sum(part.size for part in chosen),
        etag=f"{hashlib.md5(etags, usedforsecurity=False).hexdigest()}-{len(chosen)}",
        checksum=_whole_checksum(upload, chosen),
        parts=tuple(ObjectPart(p.number, p.size, p.checksums.get(algorithm, "")) for p in chosen),
    )


def _choose_part(upload: Upload, requested: RequestedPart, part: UploadedPart | None) -> UploadedPart:
    if part is None or part.etag != requested.etag:
        raise errors.invalid_part(upload.upload_id, requested.number, requested.etag)
    for algorithm, value in requested.checksums.items():
        if part.checksums.get(algorithm) != value:
            raise errors.invalid_part(upload.upload_id, requested.number, requested.etag)
    needed = upload.algorithm if upload.checksum_type == COMPOSITE else None
    if needed is not None and needed not in requested.checksums:
        text = (
            f"The upload was created using a {needed.lower()} checksum. The complete request must include "
            f"the checksum for each part. It was missing for part {requested.number} in the request."
        )
        raise errors.invalid_request(text)
    return part


def _whole_checksum(upload: Upload, parts: Sequence[UploadedPart]) -> ObjectChecksum | None:
    algorithm = upload.algorithm or DEFAULT_ALGORITHM
    values = [part.checksums[algorithm] for part in parts]
    if upload.checksum_type == FULL_OBJECT:
        sizes = (part.size for part in parts)
        return checksums.full_object_checksum(algorithm, zip(values, sizes, strict=True))
    return checksums.composite_checksum(algorithm, values)


def check_completion(completion: Completion, headers: Mapping[str, str], given: Mapping[str, str]) -> None:
    """Compare with what the request says of the whole; `given` is checksums by algorithm.

    Raises BadDigest, InvalidRequest.
    """
    size = headers.get("x-amz-mp-object-size")
    if size is not None and size != str(completion.size):
        text = f"The provided 'x-amz-mp-object-size' header value {size} does not match what was computed: "
        raise errors.invalid_request(text + str(completion.size))
    checksum = completion.checksum
    declared = headers.get("x-amz-checksum-type")
    if checksum is None:
        return
    if declared is not None and declared.upper() != checksum.type:
        text = f"Checksum Type mismatch occurred, expected checksum Type: {checksum.type}, "
        raise errors.invalid_request(f"{text}actual checksum Type: {declared}")
    if given.get(checksum.algorithm, checksum.value) != checksum.value:
        raise errors.bad_digest(checksum.algorithm)


def checksum_type(algorithm: str | None, declared: str | None) -> str:
    """The checksum type of a new upload (S3 User Guide, "Full object and composite checksum types").

    Raises InvalidRequest where the algorithm has no such type.
    """
    if algorithm is None:
        return FULL_OBJECT
    only_full = algorithm == "CRC64NVME"
    chosen = (declared or (FULL_OBJECT if only_full else COMPOSITE)).upper()
    impossible = {(COMPOSITE, True): only_full, (FULL_OBJECT, False): True}
    if chosen not in (COMPOSITE, FULL_OBJECT) or impossible.get((chosen, checksums.can_combine(algorithm))):
        text = f"The {chosen} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        raise errors.invalid_request(text)
    return chosen
