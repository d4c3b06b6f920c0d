import pytest

from emulator.domain.data_processing import DataProcessing, RecordForm, check_data_processing, record_form
from emulator.domain.errors import ServiceError

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"


def said(processing: DataProcessing, content_type: str | None, accept: str | None) -> str:
    with pytest.raises(ServiceError) as error:
        check_data_processing(processing, content_type, accept)
    assert error.value.code == "ValidationException"
    return error.value.message


def test_of_a_request() -> None:
    assert DataProcessing.of(None) == DataProcessing.of({}) == DataProcessing("$", "None", "$")
    assert DataProcessing.of({"InputFilter": "$[1:]", "JoinSource": "Input"}) == DataProcessing(
        "$[1:]", "Input", "$"
    )


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("text/csv", RecordForm.CSV),
        ("Text/CSV ; charset=utf-8", RecordForm.CSV),
        ("application/jsonlines", RecordForm.JSON_LINES),
        ("text/csvx", None),
        ("", None),
        (None, None),
    ],
)
def test_record_form(content_type: str | None, form: RecordForm | None) -> None:
    assert record_form(content_type) == form


@pytest.mark.parametrize(
    ("processing", "content_type", "accept"),
    [
        (DataProcessing(), None, None),
        (DataProcessing(), "image/png", "image/png"),
        (DataProcessing("$[1:]", "Input", "$[0,-1]"), CSV, CSV),
        (DataProcessing("$[1:]", "Input", "$[0,-1]"), CSV, None),
        (DataProcessing("$.features", "Input", "$['id','SageMakerOutput']"), LINES, JSON),
        (DataProcessing("$.features"), JSON, "image/png"),
        (DataProcessing(output_filter="$.label"), "image/png", JSON),
    ],
)
def test_what_fits_is_taken(processing: DataProcessing, content_type: str | None, accept: str | None) -> None:
    assert check_data_processing(processing, content_type, accept) == (
        record_form(content_type),
        record_form(accept or content_type),
    )


def test_a_character_that_is_no_operator_is_refused_in_awss_words() -> None:
    assert said(DataProcessing(output_filter="$['account_id','SageMakerOutput']"), LINES, LINES) == (
        "Invalid OutputFilter: \"$['account_id','SageMakerOutput']\". Unexpected \"_\" in JsonPath. Supported "
        "operators for \"application/jsonlines\" are ['$', '[', ']', '*', '.', ' ', ',', ':', '-', ''']."
    )
    assert 'Invalid InputFilter: "$.features". Unexpected "."' in said(DataProcessing("$.features"), CSV, CSV)
    assert 'Unexpected "i"' in said(DataProcessing("$[id]"), CSV, CSV)
    assert 'Unexpected "?"' in said(DataProcessing("$[?(@.x)]"), JSON, JSON)


@pytest.mark.parametrize(
    ("processing", "content_type", "accept", "text"),
    [
        (DataProcessing("$[1"), CSV, CSV, 'Invalid InputFilter: "$[1". The path is not understood'),
        (
            DataProcessing(output_filter=""),
            CSV,
            CSV,
            "Invalid OutputFilter: \"\". A JsonPath begins with '$'.",
        ),
        (DataProcessing(output_filter="$[0:1,3]"), CSV, CSV, "only single range filters"),
        (
            DataProcessing("$[1:]"),
            "image/png",
            CSV,
            "needs ContentType to be one of text/csv, application/json",
        ),
        (DataProcessing("$[1:]"), None, None, "needs ContentType, one of text/csv"),
        (DataProcessing(join_source="Input"), CSV, "image/png", "needs Accept to be one of"),
        (DataProcessing(output_filter="$[0]"), None, None, "needs Accept, one of"),
        (DataProcessing(join_source="Input"), CSV, JSON, "cannot join text/csv with application/json"),
        (DataProcessing(join_source="Input"), LINES, CSV, "cannot join application/jsonlines with text/csv"),
    ],
)
def test_what_does_not_fit_is_refused(
    processing: DataProcessing, content_type: str | None, accept: str | None, text: str
) -> None:
    assert text in said(processing, content_type, accept)
