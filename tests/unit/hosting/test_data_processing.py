import json

import pytest

from emulator.domain.data_processing import DataProcessing
from emulator.hosting.data_processing import DataProcessor
from emulator.hosting.transform_fault import TransformFault

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"


def processor(
    input_filter: str = "$",
    join_source: str = "None",
    output_filter: str = "$",
    form: str = CSV,
    accept: str | None = None,
    split_type: str = "Line",
) -> DataProcessor:
    return DataProcessor(DataProcessing(input_filter, join_source, output_filter), form, accept, split_type)


def test_nothing_asked_for_changes_nothing() -> None:
    for form in (CSV, JSON, LINES, "image/png"):
        idle = processor(form=form)
        assert idle.for_model(b'\xff"\r\n\n') == b'\xff"\r\n\n'
        assert idle.result(b"", b'{"a" : 1}\n\n') == b'{"a" : 1}\n\n'


@pytest.mark.parametrize(
    ("path", "payload", "asked"),
    [
        ("$[1:]", b"id,1,2\nid2,3,4\n", b"1,2\n3,4\n"),
        ("$[1:]", b"id,1,2\r\n\r\nid2,3,4", b"1,2\n3,4"),
        ("$[0]", b'"a, ""quoted"" one",2', b'"a, ""quoted"" one"'),
        ("$[1,0]", b'"","' + "größe".encode() + b'"', b'"' + "größe".encode() + b'",""'),
        ("$[-1]", b"a,", b""),
        ("$[0:1]", b" a , b ,c", b" a , b "),
        ("$[*]", b"\xff,1", b"\xff,1"),
    ],
)
def test_csv_columns_are_filtered_as_they_are_written(path: str, payload: bytes, asked: bytes) -> None:
    assert processor(path).for_model(payload) == asked


def test_csv_is_joined_at_the_end_of_each_row() -> None:
    assert processor("$[1:]", "Input").result(b"1,2,3\r\n4,5,6\r\n", b"0.1\n0.2\n") == b"1,2,3,0.1\n4,5,6,0.2"
    assert processor("$[1:]", "Input", "$[0,-1]").result(b"1,2,3", b'"0,1"') == b'1,"0,1"'
    assert processor(output_filter="$[1]").result(b"anything", b"a,b\nc,d\n") == b"b\nd"


@pytest.mark.parametrize(
    ("payload", "answer", "text"),
    [
        (b"1\n2\n", b"0.1\n", r"mismatched line count between the input and the output \(2 and 1\)"),
        (b"1\n", b"0.1\n0.2", r"mismatched line count between the input and the output \(1 and 2\)"),
        (
            b"1\n",
            b'{"predictions": [[1.5, 2]]}',
            r"Failed to parse output from the algorithm as CSV: bare \" in non quoted field found near: {\"pred",
        ),
        (b'"1\n', b"1", "Failed to parse the input as CSV"),
        (b'"1"2,3\n', b"1", "Failed to parse the input as CSV"),
    ],
)
def test_csv_that_does_not_fit_fails_the_object(payload: bytes, answer: bytes, text: str) -> None:
    with pytest.raises(TransformFault, match=text):
        processor(join_source="Input").result(payload, answer)


def test_a_filter_that_finds_nothing_fails_the_object() -> None:
    with pytest.raises(
        TransformFault, match=r'OutputFilter "\$\[3\]" does not fit the data: Index 3 is outside of 2'
    ):
        processor(join_source="Input", output_filter="$[3]").result(b"1", b"2")
    with pytest.raises(
        TransformFault, match=r'InputFilter "\$.x" does not fit the data: There is no attribute'
    ):
        processor("$.x", form=LINES).for_model(b'{"y":1}')


def test_json_lines_are_filtered_and_joined_line_by_line() -> None:
    both = processor("$.features", "Input", "$['id','SageMakerOutput']", LINES)
    payload = '{"id": "ä", "features": [1, 2.50]}\n\n{"features": {}, "id": 12345678901234567890}\n'.encode()

    assert both.for_model(payload) == b"[1,2.5]\n{}\n"
    assert both.result(payload, b'{"label": 1}\n[2]\n').decode() == (
        '{"id":"ä","SageMakerOutput":{"label":1}}\n{"id":12345678901234567890,"SageMakerOutput":[2]}'
    )


def test_what_is_no_object_is_wrapped() -> None:
    joined = processor(join_source="Input", form=LINES)

    assert joined.result(b'[1]\n"text"\nnull', b"5\n6\n7") == (
        b'{"SageMakerInput":[1],"SageMakerOutput":5}\n{"SageMakerInput":"text","SageMakerOutput":6}\n'
        b'{"SageMakerInput":null,"SageMakerOutput":7}'
    )
    assert joined.result(b'{"SageMakerOutput": "mine", "b": 1}', b"5") == b'{"SageMakerOutput":5,"b":1}'


@pytest.mark.parametrize("split_type", ["None", "Line"])
def test_one_record_of_json_may_have_an_answer_of_several_lines(split_type: str) -> None:
    joined = processor(join_source="Input", form=JSON, split_type=split_type)

    assert (
        joined.result(b'{"key":1}\n', b'{\n  "label": 1\n}\n') == b'{"key":1,"SageMakerOutput":{"label":1}}'
    )


def test_json_of_several_split_records_is_answered_with_one_document_or_a_line_for_each() -> None:
    filtered = processor(output_filter="$.b", form=JSON)
    payload = b'{"a":1}\n{"a":2}\n'

    assert filtered.result(payload, b'{"b": 1}\n\n{"b": [2, 3]}\n') == b"1\n[2,3]"
    assert filtered.result(payload, b'{\n  "b": [1, 2]\n}\n') == b"[1,2]"
    with pytest.raises(TransformFault, match=r"as JSON: Extra data: line 2 .* found near: {\"b\": 1}"):
        filtered.result(payload, b'{"b": 1}\nrubbish\n')
    with pytest.raises(TransformFault, match="as JSON: Extra data: line 2"):
        processor(output_filter="$.b", form=JSON, split_type="None").result(payload, b'{"b": 1}\n{"b": 2}')


def test_json_that_is_not_split_is_one_document() -> None:
    whole = processor("$.rows", "Input", "$.SageMakerOutput", JSON, split_type="None")
    payload = json.dumps({"rows": [1, 2]}, indent=2).encode()

    assert whole.for_model(payload) == b"[1,2]"
    assert whole.result(payload, b"[\n3\n]") == b"[3]"
    assert processor(output_filter="$.predictions[*].x", form=CSV, accept=JSON).result(
        b"1\n2\n", b'{"predictions": [{"x": 1},\n {"x": 2}]}'
    ) == (b"[1,2]")


@pytest.mark.parametrize(
    ("payload", "answer", "text"),
    [
        (
            b'{"a":1}',
            b"not json",
            "Failed to parse output from the algorithm as JSON: .* found near: not json",
        ),
        (b"{a}", b"1", "Failed to parse the input as JSON"),
        (b"\xff\xfe\xfd", b"1", "Failed to parse the input as JSON"),
        (b'{"a":1}', b"NaN", "NaN is not JSON"),
        (b'{"a":1}', b"1e999", "cannot be written as JSON"),
        (b'{"a":1}', b"[" * 100_000, "Failed to parse output"),
        (b'{"a":1}', b"1" * 10_000, "Failed to parse output"),
        (b'{"a":1}\n{"a":2}', b"1", r"mismatched line count between the input and the output \(2 and 1\)"),
    ],
)
def test_json_that_does_not_fit_fails_the_object(payload: bytes, answer: bytes, text: str) -> None:
    with pytest.raises(TransformFault, match=text) as fault:
        processor(join_source="Input", form=LINES).result(payload, answer)
    assert len(str(fault.value)) < 500


def test_text_that_utf_8_cannot_tell_is_escaped() -> None:
    assert processor("$.a", form=LINES).for_model(b'{"a": "\\ud800"}') == b'"\\ud800"'
