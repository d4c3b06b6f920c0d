"""The x-amz-checksum algorithms, running and combined (S3 User Guide, "Checking object integrity")."""

import hashlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from awscrt import checksums as crt  # type: ignore[import-untyped]

FULL_OBJECT = "FULL_OBJECT"
COMPOSITE = "COMPOSITE"
DEFAULT_ALGORITHM = "CRC64NVME"
"""What S3 computes where the client has declared nothing."""

HEADER_PREFIX = "x-amz-checksum-"


class RunningChecksum(Protocol):
    def update(self, data: bytes, /) -> object: ...

    def digest(self) -> bytes: ...


class ObjectChecksum(NamedTuple):
    algorithm: str
    value: str
    """Base64; with `-<parts>` behind it where the type is COMPOSITE."""
    type: str

    @property
    def header(self) -> str:
        return HEADER_PREFIX + self.algorithm.lower()

    @property
    def element(self) -> str:
        return f"Checksum{self.algorithm}"


class _Crc:
    def __init__(self, function: Callable[[bytes, int], int], width: int) -> None:
        self._function = function
        self._width = width
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._width, "big")


class _XxHash:
    def __init__(self, running: crt.XXHash) -> None:
        self._running = running

    def update(self, data: bytes, /) -> None:
        self._running.update(data)

    def digest(self) -> bytes:
        return bytes(self._running.finalize())


_ALGORITHMS: Mapping[str, tuple[int, Callable[[], RunningChecksum]]] = {
    "CRC32": (4, lambda: _Crc(crt.crc32, 4)),
    "CRC32C": (4, lambda: _Crc(crt.crc32c, 4)),
    "CRC64NVME": (8, lambda: _Crc(crt.crc64nvme, 8)),
    "SHA1": (20, lambda: hashlib.sha1(usedforsecurity=False)),
    "SHA256": (32, hashlib.sha256),
    "SHA512": (64, hashlib.sha512),
    "MD5": (16, lambda: hashlib.md5(usedforsecurity=False)),
    "XXHASH64": (8, lambda: _XxHash(crt.XXHash.new_xxhash64())),
    "XXHASH3": (8, lambda: _XxHash(crt.XXHash.new_xxhash3_64())),
    "XXHASH128": (16, lambda: _XxHash(crt.XXHash.new_xxhash3_128())),
}

_COMBINE: Mapping[str, Callable[[int, int, int], int]] = {
    "CRC32": crt.combine_crc32,
    "CRC32C": crt.combine_crc32c,
    "CRC64NVME": crt.combine_crc64nvme,
}


def is_algorithm(name: str) -> bool:
    return name in _ALGORITHMS


def can_combine(algorithm: str) -> bool:
    """Whether the checksum of a whole follows from those of its parts, hence FULL_OBJECT from parts."""
    return algorithm in _COMBINE


def new_checksum(algorithm: str) -> RunningChecksum:
    return _ALGORITHMS[algorithm][1]()


def encode(digest: bytes) -> str:
    return b64encode(digest).decode("ascii")


def is_value(algorithm: str, value: str) -> bool:
    """Whether `value` is base64 of as many bytes as `algorithm` gives."""
    try:
        return len(b64decode(value, validate=True)) == _ALGORITHMS[algorithm][0]
    except (Base64Error, ValueError):
        return False


def full_object_checksum(algorithm: str, parts: Iterable[tuple[str, int]]) -> ObjectChecksum:
    """The checksum of a whole from its parts' (value, size in bytes); only for `can_combine` algorithms."""
    combine, width = _COMBINE[algorithm], _ALGORITHMS[algorithm][0]
    whole = 0
    for value, size in parts:
        whole = combine(whole, int.from_bytes(b64decode(value), "big"), size)
    return ObjectChecksum(algorithm, encode(whole.to_bytes(width, "big")), FULL_OBJECT)


def composite_checksum(algorithm: str, values: list[str]) -> ObjectChecksum:
    """The checksum of the parts' checksums."""
    running = new_checksum(algorithm)
    for value in values:
        running.update(b64decode(value))
    return ObjectChecksum(algorithm, f"{encode(running.digest())}-{len(values)}", COMPOSITE)
