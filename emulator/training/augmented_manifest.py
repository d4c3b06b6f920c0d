"""Pure: the lines of a manifest of S3DataType AugmentedManifestFile.

DG augmented-manifest: JSON Lines; of every line the attributes that AttributeNames lists are sent, in its order. The
value of an attribute whose name ends in `-ref` is an S3 URI, and what is sent is that object; of others the value.
Errors count lines from 1.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from emulator.domain.manifest_file import SHOWN, decode
from emulator.domain.s3_uri import S3Uri

MAX_AUGMENTED_MANIFEST_BYTES = 256 * 2**20
"""Ours; AWS publishes no limit."""
REFERENCE = "-ref"


class AugmentedLine(NamedTuple):
    number: int
    values: tuple[bytes | S3Uri, ...]
    """One for each attribute name: what is sent, or where the object is."""


def read_lines(lines: Iterable[bytes], attribute_names: Sequence[str]) -> Iterator[AugmentedLine]:
    """One line at a time, blank ones left out. Raises ValueError with the line and the reason."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _read_line(number, line, attribute_names)


def _read_line(number: int, line: bytes, attribute_names: Sequence[str]) -> AugmentedLine:
    document = _parse(number, line)
    if not isinstance(document, dict):
        raise ValueError(f"line {number} is not a JSON object")
    try:
        return AugmentedLine(number, tuple(_value(document, name) for name in attribute_names))
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from error


def _parse(number: int, line: bytes) -> Any:
    text = decode(line, number)
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {number} column {error.colno}: invalid JSON: {error.msg}") from error
    except RecursionError as error:
        raise ValueError(f"line {number} is nested too deeply") from error
    except ValueError as error:  # _refuse_constant, or Python's limit on the digits of a number
        raise ValueError(f"line {number}: invalid JSON: {error}") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _value(document: dict[str, Any], name: str) -> bytes | S3Uri:
    if name not in document:
        raise ValueError(f"the attribute {name[:SHOWN]!r}, which AttributeNames lists, is missing")
    value = document[name]
    if name.endswith(REFERENCE):
        return _reference(name, value)
    text = value if isinstance(value, str) else _compact(value)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"the value of {name[:SHOWN]!r} is not valid Unicode") from error


def _compact(value: object) -> str:
    """JSON without spaces; raises ValueError for a number beyond what a float can be."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _reference(name: str, value: object) -> S3Uri:
    try:
        uri = S3Uri.parse(value) if isinstance(value, str) and value.encode() else None
    except ValueError:
        uri = None
    if uri is None or not uri.key:
        shown = json.dumps(value)[:SHOWN]
        raise ValueError(f"the value of {name[:SHOWN]!r} is not the S3 URI of an object: {shown}")
    return uri
