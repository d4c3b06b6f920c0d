"""What a request declares of its body, and what the body turns out to be."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from re import compile as pattern

from emulator.embedded_s3 import checksums, errors

_SHA256 = pattern(r"[0-9a-fA-F]{64}")
_SDK_ALGORITHM = "x-amz-sdk-checksum-algorithm"


class Digests:
    """MD5 and any number of other checksums of the same bytes, running."""

    def __init__(self, algorithms: Iterable[str] = ()) -> None:
        self._running = {name: checksums.new_checksum(name) for name in {"MD5", *algorithms}}

    def update(self, data: bytes) -> None:
        for running in self._running.values():
            running.update(data)

    def digest(self, algorithm: str) -> bytes:
        return self._running[algorithm].digest()

    def value(self, algorithm: str) -> str:
        """In base64."""
        return checksums.encode(self.digest(algorithm))

    @property
    def md5(self) -> str:
        """In hexadecimal: the ETag of what was uploaded at once."""
        return self.digest("MD5").hex()


@dataclass(frozen=True)
class Declared:
    """What a request's headers promise of its body."""

    md5: bytes | None = None
    sha256: str | None = None
    """Hexadecimal, from x-amz-content-sha256."""
    algorithm: str | None = None
    checksum: str | None = None
    """Base64; None where it comes in a trailer."""
    size: int | None = None
    """Bytes of the payload of an aws-chunked body."""

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> "Declared":
        """Raises InvalidRequest, InvalidDigest, InvalidArgument."""
        algorithm, checksum = _declared_checksum(headers)
        size = headers.get("x-amz-decoded-content-length")
        if size is not None and not (size.isascii() and size.isdigit() and len(size) < 19):
            raise errors.invalid_argument("x-amz-decoded-content-length", size, "Invalid length.")
        return cls(
            md5=_declared_md5(headers.get("content-md5")),
            sha256=_declared_sha256(headers.get("x-amz-content-sha256")),
            algorithm=algorithm,
            checksum=checksum,
            size=None if size is None else int(size),
        )

    @property
    def algorithms(self) -> set[str]:
        """The checksums to run so that the promises can be verified."""
        return {name for name in (self.algorithm, "SHA256" if self.sha256 else None) if name}

    def verify(self, digests: Digests, size: int, trailers: Mapping[str, str]) -> None:
        """Raises BadDigest, XAmzContentSHA256Mismatch, IncompleteBody, MalformedTrailerError."""
        if self.size is not None and self.size != size:
            raise errors.incomplete_body()
        if self.md5 is not None and self.md5 != digests.digest("MD5"):
            raise errors.bad_digest("Content-MD5")
        if self.sha256 is not None and self.sha256.lower() != digests.digest("SHA256").hex():
            raise errors.content_sha256_mismatch(self.sha256, digests.digest("SHA256").hex())
        if self.algorithm is not None:
            self._verify_checksum(self.algorithm, digests.value(self.algorithm), trailers)

    def _verify_checksum(self, algorithm: str, computed: str, trailers: Mapping[str, str]) -> None:
        declared = self.checksum
        if declared is None:
            declared = trailers.get(checksums.HEADER_PREFIX + algorithm.lower())
            if declared is None:
                raise errors.malformed_trailer()
            if not checksums.is_value(algorithm, declared):
                raise _invalid_value(algorithm)
        if declared != computed:
            raise errors.bad_digest(algorithm)


def _invalid_value(algorithm: str) -> errors.S3Error:
    return errors.invalid_request(f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")


def _algorithm(header: str) -> str | None:
    name = header.strip().lower().removeprefix(checksums.HEADER_PREFIX).upper()
    return name if header.strip().lower().startswith(checksums.HEADER_PREFIX) else None


def checksum_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The x-amz-checksum-<algorithm> headers, by algorithm."""
    named = {_algorithm(header): value for header, value in headers.items()}
    return {name: value for name, value in named.items() if name and checksums.is_algorithm(name)}


def _declared_checksum(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    given = checksum_headers(headers)
    names = [_algorithm(name) for name in headers.get("x-amz-trailer", "").split(",")]
    trailing = [name for name in names if name]
    if len(given) + len(trailing) > 1:
        text = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        raise errors.invalid_request(text)
    for algorithm, value in given.items():
        if not checksums.is_value(algorithm, value):
            raise _invalid_value(algorithm)
        return algorithm, value
    if trailing:
        if not checksums.is_algorithm(trailing[0]):
            raise errors.invalid_request("The value specified in the x-amz-trailer header is not supported")
        return trailing[0], None
    if _SDK_ALGORITHM in headers:
        text = f"{_SDK_ALGORITHM} specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers"
        raise errors.invalid_request(text + " were found.")
    return None, None


def _declared_md5(header: str | None) -> bytes | None:
    if header is None:
        return None
    try:
        digest = b64decode(header, validate=True)
    except (Base64Error, ValueError) as error:
        raise errors.invalid_digest(header) from error
    if len(digest) != 16:
        raise errors.invalid_digest(header)
    return digest


def _declared_sha256(header: str | None) -> str | None:
    if header is None or header == "UNSIGNED-PAYLOAD" or header.startswith("STREAMING-"):
        return None
    if not _SHA256.fullmatch(header):
        text = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-* or a valid sha256 value."
        raise errors.invalid_argument("x-amz-content-sha256", header, text)
    return header
