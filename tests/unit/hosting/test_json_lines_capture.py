import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest

from emulator.hosting.json_lines_capture import (
    CaptureBuffer,
    CapturedData,
    CaptureFile,
    CaptureRules,
    Inference,
)

TIME = datetime(2022, 1, 11, 17, 0, 39, 820_999, tzinfo=UTC)
ID = "a9d22bacaac0419abdde689c6aa8189b"
RULES = CaptureRules(100, ["Input", "Output"], ["text/csv"], ["application/json"])


def inference(given: CapturedData, found: CapturedData, **ids: str) -> Inference:
    return Inference(ID, TIME, given, found, **ids)


def test_a_line_is_the_one_of_the_guide() -> None:
    captured = inference(
        CapturedData("text/csv", b"1.0,0.54\n"),
        CapturedData("text/csv; charset=utf-8", b"9.22"),
        inference_id="846-0123",
        custom_attributes="c000b4f9",
    )
    assert RULES.line(captured).decode() == (
        '{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"1.0,0.54\\n",'
        '"encoding":"CSV"},"endpointOutput":{"observedContentType":"text/csv; charset=utf-8","mode":"OUTPUT",'
        '"data":"9.22","encoding":"CSV"}},"eventMetadata":{"customAttributes":["c000b4f9"],'
        '"eventId":"a9d22bac-aac0-419a-bdde-689c6aa8189b","inferenceId":"846-0123",'
        '"inferenceTime":"2022-01-11T17:00:39Z"},"eventVersion":"0"}\n'
    )


def test_ids_that_nobody_gave_are_not_there() -> None:
    line = RULES.line(inference(CapturedData("a/b", b""), CapturedData("a/b", b"")))

    assert json.loads(line)["eventMetadata"] == {
        "eventId": "a9d22bac-aac0-419a-bdde-689c6aa8189b",
        "inferenceTime": "2022-01-11T17:00:39Z",
    }


@pytest.mark.parametrize(
    ("content_type", "data", "encoding"),
    [
        ("text/csv", "größe,1\r\n".encode(), "CSV"),
        ("TEXT/CSV;label_size=0", b"1", "CSV"),
        ("application/json", b'{"a":\n"\\u2028"}', "JSON"),
        ("application/json", "\u2028".encode(), "JSON"),
        ("application/jsonlines", b"{}", "BASE64"),
        ("image/png", b"\x89PNG\r\n\x1a\n\0", "BASE64"),
        ("", b"", "BASE64"),
        ("text/csv", b"\xff\xfe", "BASE64"),
    ],
)
def test_encodings_follow_the_content_type_and_lose_nothing(
    content_type: str, data: bytes, encoding: str
) -> None:
    line = RULES.line(inference(CapturedData(content_type, data), CapturedData("a/b", b"")))
    found = json.loads(line)["captureData"]["endpointInput"]

    assert line.count(b"\n") == 1
    assert (found["encoding"], found["observedContentType"]) == (encoding, content_type)
    assert (b64decode(found["data"]) if encoding == "BASE64" else found["data"].encode()) == data


def test_without_content_types_everything_is_base64() -> None:
    rules = CaptureRules(100, ["InputAndOutput"])
    line = json.loads(
        rules.line(inference(CapturedData("text/csv", b"1"), CapturedData("application/json", b"1")))
    )

    assert [side["encoding"] for side in line["captureData"].values()] == ["BASE64", "BASE64"]


@pytest.mark.parametrize(
    ("modes", "sides"),
    [
        (["Input"], ["endpointInput"]),
        (["Output"], ["endpointOutput"]),
        (["Output", "Input"], ["endpointInput", "endpointOutput"]),
        (["InputAndOutput"], ["endpointInput", "endpointOutput"]),
    ],
)
def test_only_the_wanted_sides_are_captured(modes: list[str], sides: list[str]) -> None:
    line = CaptureRules(100, modes).line(inference(CapturedData("a/b", b"1"), CapturedData("a/b", b"2")))

    assert list(json.loads(line)["captureData"]) == sides


@pytest.mark.parametrize(
    ("percentage", "draw", "is_sampled"),
    [(0, 0.0, False), (100, 0.999999, True), (20, 0.1999, True), (20, 0.2, False), (1, 0.0, True)],
)
def test_sampling(percentage: int, draw: float, is_sampled: bool) -> None:
    assert CaptureRules(percentage, ["Input"]).is_sampled(lambda: draw) is is_sampled


@pytest.mark.parametrize(("prefix", "begin"), [("a/b", "a/b/"), ("a/b/", "a/b/"), ("", "")])
def test_a_key_is_told_by_the_first_inference(prefix: str, begin: str) -> None:
    key = CaptureFile(TIME, b"").key(prefix, "my-endpoint", "AllTraffic", ID)

    assert (
        key
        == f"{begin}my-endpoint/AllTraffic/2022/01/11/17/00-39-820-a9d22bac-aac0-419a-bdde-689c6aa8189b.jsonl"
    )


def buffer() -> CaptureBuffer:
    return CaptureBuffer(flush_bytes=10, flush_after=timedelta(seconds=60), capacity_bytes=15)


def test_a_buffer_is_due_by_size_or_by_time() -> None:
    waiting = buffer()
    assert not waiting.due(TIME + timedelta(days=1))
    assert waiting.add(b"12345", TIME)
    assert waiting.add(b"6", TIME + timedelta(seconds=59))
    assert not waiting.due(TIME + timedelta(seconds=59))
    assert waiting.due(TIME + timedelta(seconds=60))
    assert waiting.add(b"7890", TIME)
    assert waiting.due(TIME)
    assert waiting.take() == [CaptureFile(TIME, b"1234567890")]
    assert not waiting.due(TIME + timedelta(days=1))
    assert waiting.take() == []


def test_hours_have_files_of_their_own() -> None:
    waiting = buffer()
    later = TIME.replace(hour=18)
    for line, time in ((b"18\n", later), (b"17\n", TIME), (b"x\n", later + timedelta(minutes=9))):
        assert waiting.add(line, time)

    assert waiting.take() == [CaptureFile(TIME, b"17\n"), CaptureFile(later, b"18\nx\n")]


def test_what_does_not_fit_is_not_captured() -> None:
    waiting = buffer()
    assert waiting.add(b"1" * 15, TIME)
    assert not waiting.add(b"2", TIME)
    assert waiting.take() == [CaptureFile(TIME, b"1" * 15)]
    assert waiting.add(b"2", TIME)
    assert waiting.take() == [CaptureFile(TIME, b"2")]
