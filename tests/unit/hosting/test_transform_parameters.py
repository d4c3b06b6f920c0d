import json
from typing import Any

import pytest

from emulator.hosting.transform_parameters import Told, TransformParameters, decide, is_decided, read_wishes
from tests.support.hosting_requests import a_transform_job


def decided(told: dict[str, Any], **members: Any) -> TransformParameters:
    return decide(a_transform_job(**members).request, told)


def test_without_any_wish_there_are_aws_defaults() -> None:
    assert str(decided({})) == "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"


def test_the_request_wins_over_the_container_member_by_member() -> None:
    told = {"MaxConcurrentTransforms": 4, "MaxPayloadInMB": 10, "BatchStrategy": "SingleRecord"}
    assert decided(told) == (4, 10, "SingleRecord")
    assert decided(told, MaxConcurrentTransforms=2) == (2, 10, "SingleRecord")
    assert decided(told, MaxPayloadInMB=0, BatchStrategy="MultiRecord") == (4, 0, "MultiRecord")


def test_container_gets_no_more_at_a_time_than_100_mb() -> None:
    assert decided({"MaxConcurrentTransforms": 64}).max_concurrent_transforms == 16
    assert decided({"MaxConcurrentTransforms": 64}, MaxPayloadInMB=100).max_concurrent_transforms == 1
    assert decided({"MaxConcurrentTransforms": 640}, MaxPayloadInMB=0).max_concurrent_transforms == 100


@pytest.mark.parametrize("left_open", ["MaxConcurrentTransforms", "MaxPayloadInMB", "BatchStrategy"])
def test_the_container_is_asked_where_anything_is_open(left_open: str) -> None:
    members = {"MaxConcurrentTransforms": 1, "MaxPayloadInMB": 0, "BatchStrategy": "MultiRecord"}
    assert is_decided(a_transform_job(**members).request)
    assert not is_decided(a_transform_job(**{**members, left_open: None}).request)


def test_wishes_are_read_as_the_guide_spells_them() -> None:
    answer = {"MaxConcurrentTransforms": 8, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 6, "More": 1}
    wished = {"MaxConcurrentTransforms": 8, "BatchStrategy": "SingleRecord", "MaxPayloadInMB": 6}
    assert read_wishes(json.dumps(answer).encode()) == Told(wished)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_told_of(content: bytes) -> None:
    told = read_wishes(content)
    assert (told.values, len(told.remarks)) == ({}, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MaxConcurrentTransforms", 0),
        ("MaxConcurrentTransforms", True),
        ("MaxConcurrentTransforms", "4"),
        ("MaxPayloadInMB", 101),
        ("MaxPayloadInMB", 1.5),
        ("BatchStrategy", "MultiRecord"),
        ("BatchStrategy", ["SINGLE_RECORD"]),
    ],
)
def test_a_wish_that_is_not_valid_is_told_of_and_the_others_count(name: str, value: Any) -> None:
    valid = {"MaxConcurrentTransforms": 2, "MaxPayloadInMB": 3, "BatchStrategy": "MULTI_RECORD"}
    told = read_wishes(json.dumps({**valid, name: value}).encode())
    assert set(told.values) == set(valid) - {name}
    [remark] = told.remarks
    assert remark.startswith(f"{name} {json.dumps(value)} ")
