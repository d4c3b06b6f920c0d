"""CBOR against the examples of RFC 8949, appendix A."""

import math
import random

import pytest

from emulator.wire.cbor import (
    decode,
    encode_bytes,
    encode_float,
    encode_head,
    encode_integer,
    encode_text,
    encode_time,
)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("00", 0),
        ("1818", 24),
        ("1bffffffffffffffff", 2**64 - 1),
        ("3903e7", -1000),
        ("f93e00", 1.5),
        ("fa47c35000", 100000.0),
        ("fb3ff199999999999a", 1.1),
        ("f4", False),
        ("f6", None),
        ("c1fb41d452d9ec200000", 1363896240.5),
        ("4401020304", b"\x01\x02\x03\x04"),
        ("63e6b0b4", "水"),
        ("826161a161626163", ["a", {"b": "c"}]),
        ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
        ("7f657374726561646d696e67ff", "streaming"),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
        ("bf6346756ef563416d7421ff", {"Fun": True, "Amt": -2}),
    ],
)
def test_decode(data: str, value: object) -> None:
    assert decode(bytes.fromhex(data)) == value


@pytest.mark.parametrize(
    "data",
    [
        "",
        "1c",
        "18",
        "62ff",
        "9bffffffffffffffff",
        "a1",
        "ff",
        "0000",
        "81" * 200,
        "a18000",
        "62c328",
        "f8ff",
    ],
)
def test_what_is_no_cbor_is_refused(data: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(bytes.fromhex(data))


def test_noise_ends_in_a_value_or_an_error() -> None:
    noise = random.Random(7)
    for _ in range(2000):
        try:
            decode(noise.randbytes(noise.randrange(40)))
        except (ValueError, RecursionError):
            continue


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (encode_integer(-(2**40)), -(2**40)),
        (encode_integer(65536), 65536),
        (encode_text("ü" * 300), "ü" * 300),
        (encode_bytes(b"x" * 24), b"x" * 24),
        (encode_float(-math.inf), -math.inf),
        (encode_time(1.5), 1.5),
        (encode_head(4, 0), []),
    ],
)
def test_what_is_encoded_can_be_decoded(data: bytes, value: object) -> None:
    assert decode(data) == value
