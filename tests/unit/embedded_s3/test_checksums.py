import pytest

from emulator.embedded_s3 import checksums

BODY = bytes(range(256)) * 50


def value(algorithm: str, body: bytes) -> str:
    running = checksums.new_checksum(algorithm)
    running.update(body)
    return checksums.encode(running.digest())


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("CRC32", "cbf43926"),
        ("CRC32C", "e3069283"),
        ("CRC64NVME", "ae8b14860a799888"),
        ("SHA1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        ("XXHASH64", "8cb841db40e6ae83"),
    ],
)
def test_checksum_of_the_check_string(algorithm: str, expected: str) -> None:
    running = checksums.new_checksum(algorithm)
    running.update(b"12345")
    running.update(b"6789")
    assert running.digest().hex() == expected


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
def test_full_object_checksum_follows_from_parts(algorithm: str) -> None:
    pieces = [BODY[:100], BODY[100:5000], b"", BODY[5000:]]
    parts = [(value(algorithm, piece), len(piece)) for piece in pieces]
    whole = checksums.full_object_checksum(algorithm, parts)
    assert whole == (algorithm, value(algorithm, BODY), "FULL_OBJECT")
    assert checksums.can_combine(algorithm)


def test_composite_checksum_is_of_the_parts_digests() -> None:
    parts = [value("SHA256", b"a"), value("SHA256", b"b")]
    whole = checksums.composite_checksum("SHA256", parts)
    assert whole.value.endswith("-2")
    assert whole.type == "COMPOSITE"
    assert whole.header == "x-amz-checksum-sha256"
    assert not checksums.can_combine("SHA256")


@pytest.mark.parametrize(
    ("given", "expected"),
    [("y/Q5Jg==", True), ("y/Q5", False), ("not base64", False), ("", False), ("é", False)],
)
def test_is_value(given: str, expected: bool) -> None:
    assert checksums.is_value("CRC32", given) is expected
