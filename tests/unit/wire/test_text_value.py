"""Scalars from text."""

from datetime import UTC, datetime

import pytest
from botocore.model import Shape

from emulator.domain.errors import ServiceError
from emulator.wire.text_value import value_of_text

MOMENT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "-7", -7),
        ("long", str(-(2**63)), -(2**63)),
        ("double", "1e3", 1000.0),
        ("boolean", "True", True),
        ("string", "7", "7"),
        ("blob", "AQI=", b"\x01\x02"),
        ("timestamp", "2024-01-02T03:04:05Z", MOMENT),
        ("timestamp", "2024-01-02T04:04:05+01:00", MOMENT),
        ("timestamp", "1704164645", MOMENT),
        ("timestamp", "Tue, 02 Jan 2024 03:04:05 GMT", MOMENT),
    ],
)
def test_text_becomes_a_value(kind: str, text: str, value: object) -> None:
    assert value_of_text(Shape("S", {"type": kind}), text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "1.5"),
        ("integer", str(2**31)),
        ("long", str(2**63)),
        ("long", "9" * 5000),
        ("double", "x"),
        ("boolean", "1"),
        ("blob", "?"),
        ("timestamp", "soon"),
        ("timestamp", "9" * 30),
    ],
)
def test_wrong_text_is_refused(kind: str, text: str) -> None:
    with pytest.raises(ServiceError, match="SerializationException"):
        value_of_text(Shape("S", {"type": kind}), text)
