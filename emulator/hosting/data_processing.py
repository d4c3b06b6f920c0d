"""Pure: what of its input the model gets, and what of input and answer is stored (DG batch-transform-data-processing).

CSV fields stay as they are written, quotes included. Its rules are those of RFC 4180 without line breaks in fields,
and a line with nothing in it is no row. JSON is written compactly, in the input's order of attributes.
"""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from emulator.domain.data_processing import DataProcessing, RecordForm, check_data_processing
from emulator.domain.json_path import JsonPath
from emulator.hosting.transform_fault import TransformFault

_FIELD = re.compile(rb'("(?:[^"]|"")*+"|[^",]*+)(,|\Z)')
_NEAR = 80
"""Bytes of damaged data that an error shows."""


class DataProcessor:
    """For one transform job; works on the payloads of its requests, one at a time."""

    def __init__(
        self, processing: DataProcessing, content_type: str | None, accept: str | None, split_type: str
    ) -> None:
        """Raises ServiceError where CreateTransformJob should have refused this."""
        self._input_form, self._output_form = check_data_processing(processing, content_type, accept)
        self._input_filter = JsonPath(processing.input_filter)
        self._output_filter = JsonPath(processing.output_filter)
        self._is_joined = processing.is_joined
        self._is_split = split_type == "Line"
        if self._input_form is RecordForm.JSON and self._is_split:
            self._input_form = RecordForm.JSON_LINES

    def for_model(self, payload: bytes) -> bytes:
        """What the model is asked with. Raises TransformFault."""
        if self._input_filter.is_root or self._input_form is None:
            return payload
        filtered = [
            _selected(self._input_filter, "InputFilter", value)
            for value in _values(payload, self._input_form, "the input")
        ]
        ending = b"\n" if payload.endswith(b"\n") else b""
        return _written(filtered, self._input_form) + ending

    def result(self, payload: bytes, answer: bytes) -> bytes:
        """What is stored of the model's answer to `payload`, which is meant as it was before `for_model`.

        Raises TransformFault.
        """
        if self._output_form is None or (self._output_filter.is_root and not self._is_joined):
            return answer
        form = self._output_form
        values = self._joined(payload, answer) if self._is_joined else self._answered(answer, form)
        filtered = [_selected(self._output_filter, "OutputFilter", value) for value in values]
        return _written(filtered, self._output_form)

    def _answered(self, answer: bytes, form: RecordForm) -> list[Any]:
        """Choice: JSON that answers split records is one document, or else one in each line."""
        try:
            return _values(answer, form, "output from the algorithm")
        except TransformFault:
            if form is RecordForm.JSON and self._is_split:
                with suppress(TransformFault):
                    return _values(answer, RecordForm.JSON_LINES, "output from the algorithm")
            raise

    def _joined(self, payload: bytes, answer: bytes) -> list[Any]:
        assert self._input_form is not None
        assert self._output_form is not None
        inputs = _values(payload, self._input_form, "the input")
        form = self._output_form
        if form is not RecordForm.CSV:
            form = RecordForm.JSON if len(inputs) == 1 else RecordForm.JSON_LINES
        outputs = _values(answer, form, "output from the algorithm")
        if len(inputs) != len(outputs):
            raise TransformFault(
                "Fail to join data: mismatched line count between the input and the output "
                f"({len(inputs)} and {len(outputs)})."
            )
        return [_join(given, found) for given, found in zip(inputs, outputs, strict=True)]


def _join(given: Any, found: Any) -> Any:
    if isinstance(given, _Row):
        return _Row([*given, *found])
    if isinstance(given, Mapping):
        return {**given, "SageMakerOutput": found}
    return {"SageMakerInput": given, "SageMakerOutput": found}


class _Row(list[bytes]):
    """The fields of a row of CSV, as they are written."""


def _values(data: bytes, form: RecordForm, what: str) -> list[Any]:
    if form is RecordForm.JSON:
        return [_parsed_json(data, what)]
    lines = (line.removesuffix(b"\r") for line in data.split(b"\n"))
    if form is RecordForm.CSV:
        return [_parsed_row(line, what) for line in lines if line]
    return [_parsed_json(line, what) for line in lines if line.strip()]


def _parsed_row(line: bytes, what: str) -> _Row:
    if b'"' not in line:
        return _Row(line.split(b","))
    fields, position, separator = _Row(), 0, b","
    while separator:
        field = _FIELD.match(line, position)
        if field is None:
            raise _unparsed(what, "CSV", 'bare " in non quoted field', line[position:])
        fields.append(field[1])
        position, separator = field.end(), field[2]
    return fields


def _parsed_json(data: bytes, what: str) -> Any:
    try:
        return json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _unparsed(what, "JSON", str(error), data) from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _unparsed(what: str, form: str, why: str, data: bytes) -> TransformFault:
    """AWS's text for CSV from the algorithm (sagemaker-tensorflow-serving-container#154)."""
    near = data[:_NEAR].decode("utf-8", "replace")
    return TransformFault(f"Failed to parse {what} as {form}: {why} found near: {near}")


def _selected(path: JsonPath, member: str, value: Any) -> Any:
    try:
        part = path.select(value)
    except LookupError as error:
        raise TransformFault(f'{member} "{path.text}" does not fit the data: {error.args[0]}') from None
    if isinstance(value, _Row):
        return _Row(part if isinstance(part, list) else [part])
    return part


def _written(values: Iterable[Any], form: RecordForm) -> bytes:
    if form is RecordForm.CSV:
        return b"\n".join(b",".join(row) for row in values)
    return b"\n".join(_json(value) for value in values)


def _json(value: Any) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:
        raise TransformFault(f"The data cannot be written as JSON: {error}.") from None
