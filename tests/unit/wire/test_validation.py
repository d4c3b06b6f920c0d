import time
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.model import ServiceModel

from emulator.domain.errors import ServiceError
from emulator.wire import constraint
from emulator.wire.validation import MAX_FAULTS, MAX_PRINTED, check, java_text

SHAPES = {
    "Input": {
        "type": "structure",
        "required": ["Name"],
        "members": {
            "Name": {"shape": "Name"},
            "Secret": {"shape": "Secret"},
            "Things": {"shape": "Things"},
            "ByName": {"shape": "ByName"},
            "Rates": {"shape": "Rates"},
            "Blob": {"shape": "Blob"},
            "Lists": {"shape": "Lists"},
        },
    },
    "Name": {"type": "string", "max": 3, "pattern": "[a-z]*"},
    "Secret": {"type": "string", "min": 8, "sensitive": True},
    "Thing": {"type": "structure", "required": ["Name"], "members": {"Name": {"shape": "Name"}}},
    "Things": {"type": "list", "member": {"shape": "Thing"}, "max": 200},
    "ByName": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Thing"}},
    "Rate": {"type": "double", "max": 1.0, "min": 0.0},
    "Rates": {"type": "list", "member": {"shape": "Rate"}},
    "Lists": {"type": "list", "member": {"shape": "Rates"}},
    "Blob": {"type": "blob", "max": 2},
}
INPUT = ServiceModel({"metadata": {}, "shapes": SHAPES}, "test").shape_for("Input")


def error_of(service: str = "sagemaker", **params: Any) -> ServiceError:
    with pytest.raises(ServiceError) as raised:
        check(service, INPUT, {"Name": "a", **params})
    return raised.value


def fault_of(**params: Any) -> str:
    head, _, fault = error_of(**params).message.partition(" detected: ")
    assert head == "1 validation error"
    return fault


def test_check_accepts_what_the_shape_allows() -> None:
    check("sagemaker", INPUT, {"Name": "abc", "Rates": [0, 1], "ByName": {"k": {"Name": ""}}, "Blob": b"xy"})


def test_check_without_input_shape_accepts() -> None:
    check("sagemaker", None, {})


def test_check_counts_faults_and_joins_them() -> None:
    assert error_of(Name="ABCD").message == (
        "2 validation errors detected: Value 'ABCD' at 'name' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-z]*; "
        "Value 'ABCD' at 'name' failed to satisfy constraint: Member must have length less than or equal to 3"
    )


def test_check_missing_member_has_value_null() -> None:
    expected = "Value null at 'things.2.member.name' failed to satisfy constraint: Member must not be null"
    assert fault_of(Things=[{"Name": "a"}, {}]) == expected


def test_check_null_in_a_list_or_map_is_a_fault() -> None:
    assert fault_of(Things=[None]).startswith("Value null at 'things.1.member' failed")
    assert fault_of(ByName={"k": None}).startswith("Value null at 'byName.k.member' failed")


def test_check_goes_into_maps_of_structures() -> None:
    assert fault_of(ByName={"k": {"Name": "A"}}).startswith("Value 'A' at 'byName.k.member.name' failed")


def test_check_names_all_constraints_of_list_items_once() -> None:
    assert fault_of(Rates=[2.0, -1.0, 3.0]) == (
        "Value '[2.0, -1.0, 3.0]' at 'rates' failed to satisfy constraint: Member must satisfy constraint: "
        "[Member must have value less than or equal to 1.0, "
        "Member must have value greater than or equal to 0.0]"
    )
    assert fault_of(Lists=[[0.5], [7.0]]).startswith("Value '[7.0]' at 'lists.2.member' failed")


def test_check_does_not_repeat_sensitive_values() -> None:
    expected = (
        "Value at 'secret' failed to satisfy constraint: Member must have length greater than or equal to 8"
    )
    assert fault_of(Secret="hunter2") == expected


def test_check_measures_blobs_in_bytes() -> None:
    printed = "java.nio.HeapByteBuffer[pos=0 lim=3 cap=3]"
    assert fault_of(Blob=b"xyz").startswith(f"Value '{printed}' at 'blob' failed")


@pytest.mark.parametrize(
    ("service", "code"),
    [("sagemaker", "ValidationException"), ("logs", "InvalidParameterException"), ("sts", "ValidationError")],
)
def test_check_uses_the_services_code(service: str, code: str) -> None:
    assert error_of(service, Name="A").code == code


def test_check_bounds_its_message() -> None:
    message = error_of(Things=[{}] * 150, Name="x" * 200_000).message
    assert message.startswith(f"{MAX_FAULTS} validation errors detected: ")
    assert len(message) < MAX_PRINTED + 20_000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (0.5, "0.5"),
        ([1, "a", []], "[1, a, []]"),
        ({"a": 1, "b": {"c": None}}, "{a=1, b={c=null}}"),
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "Tue Jan 02 03:04:05 UTC 2024"),
    ],
)
def test_java_text_prints_like_java(value: Any, text: str) -> None:
    assert java_text(value) == text


@pytest.mark.parametrize(
    ("pattern", "printed"),
    [
        ("[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"),
        ("(https|s3)://([^/]+)/?(.*)", "^(https|s3)://([^/]+)/?(.*)$"),
        (".*", ".*"),
        ("arn:aws[a-z\\-]*:sagemaker:.*", "arn:aws[a-z\\-]*:sagemaker:.*"),
    ],
)
def test_printed_pattern_has_sagemakers_anchors(pattern: str, printed: str) -> None:
    assert constraint.printed_pattern("sagemaker", pattern) == printed
    assert constraint.printed_pattern("logs", pattern) == pattern


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"\d+", "12", True),
        (r"\d+", "\u0663", False),
        (r"[a-z]*", "abcD", False),
        (r"^a$", "a\n", False),
        (r".*", "a\nb", False),
        (r".*", "a\rb", False),
        (r".*", "a\u2028b", False),
        (r".*", "a\tb", True),
        (r"[.\]]*\.", "\r].", False),
        (r"[.\]]*\.", ".].", True),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "caf\u00e9 1", True),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "a$", False),
    ],
)
def test_pattern_matches_as_in_java(pattern: str, text: str, matches: bool) -> None:
    compiled = constraint.compile_pattern(pattern)
    assert compiled is not None
    assert (compiled.fullmatch(text) is not None) is matches


def test_time_in_which_others_have_the_cpu_is_not_the_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    class Waits:
        def fullmatch(self, value: str, timeout: float) -> str:
            time.sleep(5 * timeout)
            return value

    monkeypatch.setattr(constraint, "PATTERN_SECONDS", 0.02)
    patterns: Any = Waits()
    budget = constraint.PatternTime()
    assert [budget.matches(patterns, "a") for _ in range(3)] == [True] * 3


def test_pattern_that_takes_too_long_is_not_matched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constraint, "PATTERN_SECONDS", 1e-6)
    shapes = {"Name": {"type": "string", "pattern": "(a|a|aa)*(a|aa)*b"}}
    shape = ServiceModel({"metadata": {}, "shapes": shapes}, "test").shape_for("Name")
    (rule,) = constraint.constraints("sagemaker", shape)
    assert not rule.is_met("a" * 5000)


SLOW = {"type": "string", "pattern": "(a|a)*[bc]"}


def test_patterns_of_a_request_have_their_time_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constraint, "PATTERN_SECONDS", 0.5)
    members = {f"M{number}": {"shape": "Slow"} for number in range(20)}
    shapes = {"Input": {"type": "structure", "members": members}, "Slow": SLOW}
    shape = ServiceModel({"metadata": {}, "shapes": shapes}, "test").shape_for("Input")
    began = time.thread_time()
    with pytest.raises(ServiceError, match="20 validation errors"):
        check("sagemaker", shape, dict.fromkeys(members, "a" * 5000))
    assert time.thread_time() - began < 5  # with 0.5 s for each of them it would take 10
    check("sagemaker", shape, {"M1": "aab"})


@pytest.mark.parametrize("kind", ["Slow", "Slows"])
def test_pattern_is_not_tried_on_what_is_much_too_long(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constraint, "PATTERN_SECONDS", 20.0)
    shapes = {
        "Input": {"type": "structure", "members": {"M": {"shape": kind}}},
        "Slow": {**SLOW, "max": 3},
        "Slows": {"type": "list", "member": {"shape": "Slow"}},
    }
    shape = ServiceModel({"metadata": {}, "shapes": shapes}, "test").shape_for("Input")
    began = time.thread_time()
    with pytest.raises(
        ServiceError, match=r"1 validation error .*Member must have length less than or equal to 3"
    ):
        check("sagemaker", shape, {"M": "a" * 5000 if kind == "Slow" else ["a" * 5000]})
    assert time.thread_time() - began < 10


def test_uncompilable_pattern_accepts_everything() -> None:
    shapes = {"Name": {"type": "string", "pattern": "["}}
    shape = ServiceModel({"metadata": {}, "shapes": shapes}, "test").shape_for("Name")
    (rule,) = constraint.constraints("sagemaker", shape)
    assert rule.is_met("anything")
