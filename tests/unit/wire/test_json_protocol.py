import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.model import ServiceModel

from emulator.domain.errors import ServiceError
from emulator.wire.json_protocol import parse, render
from emulator.wire.serialization import MAX_DEPTH

SHAPES = {
    "Thing": {
        "type": "structure",
        "members": {
            name: {"shape": name}
            for name in (
                "Text",
                "Count",
                "Big",
                "Ratio",
                "Small",
                "Flag",
                "When",
                "Data",
                "Names",
                "Map",
                "Thing",
            )
        },
    },
    "Text": {"type": "string"},
    "Count": {"type": "integer"},
    "Big": {"type": "long"},
    "Ratio": {"type": "double"},
    "Small": {"type": "float"},
    "Flag": {"type": "boolean"},
    "When": {"type": "timestamp"},
    "Data": {"type": "blob"},
    "Names": {"type": "list", "member": {"shape": "Text"}},
    "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Count"}},
}
THING = ServiceModel({"metadata": {}, "shapes": SHAPES}, "test").shape_for("Thing")


def parsed(member: str, value: Any) -> Any:
    return parse(THING, json.dumps({member: value}).encode())[member]


def refusal(body: bytes) -> str:
    with pytest.raises(ServiceError) as raised:
        parse(THING, body)
    assert (raised.value.code, raised.value.status) == ("SerializationException", 400)
    return raised.value.message


@pytest.mark.parametrize(
    ("member", "value", "expected"),
    [
        ("Text", "\u20ac\U0001f600", "\u20ac\U0001f600"),
        ("Count", 2**31 - 1, 2**31 - 1),
        ("Count", 3.0, 3),
        ("Big", -(2**63), -(2**63)),
        ("Ratio", 1, 1.0),
        ("Small", 0.5, 0.5),
        ("Flag", False, False),
        ("Data", "AAE=", b"\0\1"),
        ("Names", ["a", None], ["a", None]),
        ("Map", {"a": 1, "b": None}, {"a": 1, "b": None}),
        ("Thing", {"Thing": {}}, {"Thing": {}}),
    ],
)
def test_parse_types_values_by_shape(member: str, value: Any, expected: Any) -> None:
    assert parsed(member, value) == expected
    assert type(parsed(member, value)) is type(expected)


@pytest.mark.parametrize(
    "value",
    [1700000000.5, "2023-11-14T22:13:20.500Z", "2023-11-14T22:13:20.5", "2023-11-14T23:13:20.500+01:00"],
)
def test_parse_makes_aware_timestamps(value: Any) -> None:
    moment = parsed("When", value)
    assert moment == datetime(2023, 11, 14, 22, 13, 20, 500_000, UTC)
    assert moment.utcoffset() == timedelta(0)


def test_parse_drops_unknown_and_null_members() -> None:
    assert parse(THING, b'{"Unknown": {"x": [1e3]}, "Text": null, "Count": 1}') == {"Count": 1}


@pytest.mark.parametrize("body", [b"", b" \r\n", b"{}"])
def test_parse_empty_body_has_no_members(body: bytes) -> None:
    assert parse(THING, body) == {}


@pytest.mark.parametrize(
    ("member", "value", "message"),
    [
        ("Text", 1, "NUMBER_VALUE can not be converted to a String"),
        ("Text", True, "TRUE_VALUE can not be converted to a String"),
        ("Text", [], "Start of list found where not expected"),
        ("Text", {}, "Start of structure or map found where not expected"),
        ("Count", "1", "STRING_VALUE can not be converted to an Integer"),
        ("Count", False, "FALSE_VALUE can not be converted to an Integer"),
        ("Count", 1.5, "NUMBER_VALUE can not be converted to an Integer"),
        ("Count", 2**31, "NUMBER_VALUE can not be converted to an Integer"),
        ("Count", -(2**31) - 1, "NUMBER_VALUE can not be converted to an Integer"),
        ("Count", 10**400, "NUMBER_VALUE can not be converted to an Integer"),
        ("Big", 2**63, "NUMBER_VALUE can not be converted to a Long"),
        ("Big", -(10**400), "NUMBER_VALUE can not be converted to a Long"),
        ("Ratio", "1", "STRING_VALUE can not be converted to a Double"),
        ("Ratio", 10**400, "NUMBER_VALUE can not be converted to a Double"),
        ("Small", {}, "Start of structure or map found where not expected"),
        ("Flag", "true", "STRING_VALUE can not be converted to a Boolean"),
        ("Flag", 0, "NUMBER_VALUE can not be converted to a Boolean"),
        ("When", "soon", "STRING_VALUE can not be converted to a Date"),
        ("When", True, "TRUE_VALUE can not be converted to a Date"),
        ("When", 10**30, "NUMBER_VALUE can not be converted to a Date"),
        ("Data", "A", "STRING_VALUE can not be converted to a Blob"),
        ("Data", "\u20ac", "STRING_VALUE can not be converted to a Blob"),
        ("Data", 1, "NUMBER_VALUE can not be converted to a Blob"),
        ("Names", "a", "Unexpected field type"),
        ("Names", {}, "Start of structure or map found where not expected"),
        ("Map", [], "Start of list found where not expected"),
        ("Thing", "x", "Unexpected field type"),
    ],
)
def test_parse_wrong_type_is_a_serialization_exception(member: str, value: Any, message: str) -> None:
    assert refusal(json.dumps({member: value}).encode()) == message


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"\xff\xfe{}",
        b'{"Text": "\xff"}',
        b"\xef\xbb\xbf{}",
        b'{"Ratio": NaN}',
        b'{"Ratio": -Infinity}',
        b'{"Ratio": 1e999}',
        b'{"Count": ' + b"1" * 10_000 + b"}",
        b'{"Count": 1} {}',
        b'{"Text": "\x00"}',
    ],
)
def test_parse_malformed_json_is_a_serialization_exception(body: bytes) -> None:
    assert refusal(body) == "The request body is not valid JSON"


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null", b"true"])
def test_parse_top_level_is_an_object(body: bytes) -> None:
    assert refusal(body) in ("Start of list found where not expected", "Unexpected field type")


@pytest.mark.parametrize("body", [b'{"Text": "\\ud800"}', b'{"Map": {"\\udfff": 1}}'])
def test_parse_half_surrogates_are_refused(body: bytes) -> None:
    assert refusal(body) == "Invalid UTF-16 surrogate in a string"


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 200_000])
def test_parse_deep_nesting_is_refused(depth: int) -> None:
    known = b'{"Thing":' * depth + b"{}" + b"}" * depth
    unknown = b'{"Unknown":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    assert refusal(known) == refusal(unknown) == "The request is nested too deeply"


def test_parse_depth_limit_is_beyond_use() -> None:
    assert parse(THING, b'{"Thing":' * MAX_DEPTH + b"{}" + b"}" * MAX_DEPTH)


def test_render_writes_every_type() -> None:
    moment = datetime(2023, 11, 14, 23, 13, 20, 123_456, timezone(timedelta(hours=1)))
    result = {
        "Text": "\u20ac",
        "Big": 2**62,
        "Ratio": float("nan"),
        "Small": float("-inf"),
        "When": moment,
        "Data": b"\0\1",
        "Names": ["a"],
        "Map": {"k": 1},
        "Thing": {"Flag": True, "Ratio": 0.1},
        "Count": None,
    }
    body = render(THING, result)
    assert json.loads(body) == {
        "Text": "\u20ac",
        "Big": 2**62,
        "Ratio": "NaN",
        "Small": "-Infinity",
        "When": 1700000000.123,
        "Data": "AAE=",
        "Names": ["a"],
        "Map": {"k": 1},
        "Thing": {"Flag": True, "Ratio": 0.1},
    }
    assert "\u20ac".encode() in body


def test_render_without_output_shape_is_empty() -> None:
    assert render(None, {}) == b""


def test_render_half_surrogate_does_not_fail() -> None:
    assert json.loads(render(THING, {"Text": "a\ud800"})) == {"Text": "a?"}


def test_render_unknown_member_is_dropped_or_a_fault_when_strict() -> None:
    result = {"Thing": {"Txet": "x"}}
    assert render(THING, result) == b'{"Thing":{}}'
    with pytest.raises(ValueError, match="Thing has no member Txet"):
        render(THING, result, strict=True)


def test_render_time_without_zone_is_a_fault() -> None:
    with pytest.raises(ValueError, match="without time zone"):
        render(THING, {"When": datetime(2023, 1, 1)})


def test_parse_reads_back_what_render_wrote() -> None:
    params = {"When": datetime(2030, 2, 3, 4, 5, 6, 789_000, UTC), "Data": b"x", "Ratio": 1e-300, "Names": []}
    assert parse(THING, render(THING, params)) == params
