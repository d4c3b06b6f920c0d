"""Filters and join of a batch transform (API DataProcessing), and which of them CreateTransformJob takes."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from emulator.domain.errors import ServiceError, validation_error
from emulator.domain.json_path import JsonPath

JSON_OPERATORS = ("$", "[", "]", "*", ".", " ", ",", ":", "-", "'")
CSV_OPERATORS = ("$", "[", "]", "*", " ", ",", ":", "-")
"""Choice: "only index based JSONPaths can be applied" (DG batch-transform-data-processing)."""


class RecordForm(StrEnum):
    """The forms of data that can be filtered and joined, by their content types."""

    CSV = "text/csv"
    JSON = "application/json"
    JSON_LINES = "application/jsonlines"


class DataProcessing(NamedTuple):
    input_filter: str = "$"
    join_source: str = "None"
    output_filter: str = "$"

    @classmethod
    def of(cls, members: Mapping[str, Any] | None) -> "DataProcessing":
        """From the member DataProcessing of a request."""
        given = members or {}
        return cls(
            given.get("InputFilter", "$"), given.get("JoinSource", "None"), given.get("OutputFilter", "$")
        )

    @property
    def is_joined(self) -> bool:
        return self.join_source == "Input"


def record_form(content_type: str | None) -> RecordForm | None:
    """None for all other content types; parameters as in `text/csv; charset=utf-8` do not count."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    return RecordForm(media_type) if media_type in list(RecordForm) else None


def check_data_processing(
    processing: DataProcessing, content_type: str | None, accept: str | None
) -> tuple[RecordForm | None, RecordForm | None]:
    """The forms of input and output, None where nothing asks for one; without `accept` the output is as the input.

    Raises ServiceError.
    """
    source = record_form(content_type)
    result = record_form(accept) if accept else source
    filters_input = _checked("InputFilter", processing.input_filter, source)
    filters_output = _checked("OutputFilter", processing.output_filter, result)
    if (filters_input or processing.is_joined) and source is None:
        raise _unknown_form("ContentType", content_type)
    if (filters_output or processing.is_joined) and result is None:
        raise _unknown_form("Accept", accept or content_type)
    if processing.is_joined and (source is RecordForm.CSV) != (result is RecordForm.CSV):
        raise validation_error(
            f"JoinSource Input cannot join {content_type} with {accept}: both have to be text/csv, or both JSON."
        )
    return source, result


def _checked(member: str, text: str, form: RecordForm | None) -> bool:
    """Whether the filter asks for anything. The first error has AWS's text (boto3#3136), `_` included."""
    operators = CSV_OPERATORS if form is RecordForm.CSV else JSON_OPERATORS
    for character in text:
        if character not in operators and not _is_allowed(character, form):
            raise _invalid(member, text, _unexpected(character, form or RecordForm.JSON, operators))
    try:
        return not JsonPath(text).is_root
    except ValueError as error:
        raise _invalid(member, text, str(error)) from None


def _unexpected(character: str, form: RecordForm, operators: tuple[str, ...]) -> str:
    known = ", ".join(f"'{operator}'" for operator in operators)
    return f'Unexpected "{character}" in JsonPath. Supported operators for "{form}" are [{known}].'


def _is_allowed(character: str, form: RecordForm | None) -> bool:
    return character.isdecimal() if form is RecordForm.CSV else character.isalnum()


def _invalid(member: str, text: str, why: str) -> ServiceError:
    return validation_error(f'Invalid {member}: "{text}". {why}')


def _unknown_form(member: str, value: str | None) -> ServiceError:
    known = ", ".join(RecordForm)
    return validation_error(
        f"DataProcessing needs {member} to be one of {known}; it is {value}."
        if value
        else f"DataProcessing needs {member}, one of {known}."
    )
