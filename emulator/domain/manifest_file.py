"""Pure: what a manifest of S3DataType ManifestFile names.

API S3DataSource$S3Uri: a JSON array whose first element is `{"prefix": "s3://bucket/some/prefix/"}`; every further
element is a string that is appended to the prefix. The prefix precludes objects of several buckets.
Errors count elements and lines from 1.
"""

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from emulator.domain.object_path import object_path
from emulator.domain.s3_uri import S3Uri

MAX_ENTRIES = 1_000_000

MAX_MANIFEST_BYTES = 64 * 2**20
"""Ours; AWS publishes no limit."""
SHOWN = 80
"""Characters of a name that an error repeats."""


class ManifestEntry(NamedTuple):
    element: int
    """Which element of the array; the prefix is 1."""
    name: str
    """As the manifest spells it, relative to the prefix."""
    uri: S3Uri


class ManifestFile(NamedTuple):
    prefix: S3Uri
    entries: list[ManifestEntry]
    """In the manifest's order; an object may be named twice."""


def read_manifest(content: bytes) -> ManifestFile:
    """Raises ValueError with the place and the reason. `content` may be cut off after MAX_MANIFEST_BYTES + 1."""
    if len(content) > MAX_MANIFEST_BYTES:
        raise ValueError(f"it has more than {MAX_MANIFEST_BYTES // 2**20} MiB")
    array = _parse(content)
    if not isinstance(array, list):
        raise ValueError('it is not a JSON array; write [{"prefix": "s3://bucket/prefix/"}, "name", ...]')
    prefix_text = _prefix(array)
    if len(array) == 1:
        raise ValueError("it has no element behind the prefix, so it names no object")
    prefix = S3Uri.parse(prefix_text)
    if len(array) > MAX_ENTRIES:
        raise ValueError(f"it has more than {MAX_ENTRIES} elements")
    entries = [_entry(number, name, prefix_text) for number, name in enumerate(array[1:], start=2)]
    return ManifestFile(prefix, entries)


def entry_paths(entries: Sequence[ManifestEntry]) -> list[PurePosixPath | None]:
    """Each entry's path below the channel's directory: its name. None for a folder marker.

    Raises ValueError for a name that would leave the directory, and for two with one path.
    """
    paths: list[PurePosixPath | None] = []
    taken: dict[PurePosixPath, int] = {}
    for entry in entries:
        try:
            path = object_path(entry.name, "")
        except ValueError as error:
            raise ValueError(f"element {entry.element}: {error}") from error
        if path is not None and taken.setdefault(path, entry.element) != entry.element:
            raise ValueError(
                f"elements {taken[path]} and {entry.element} would be the same path "
                f"{str(path)[:SHOWN]} in the container"
            )
        paths.append(path)
    return paths


def decode(content: bytes, first_line: int = 1) -> str:
    """UTF-8 text. Raises ValueError that names the line; `first_line` is the number of the first one."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + content.count(b"\n", 0, error.start)
        raise ValueError(f"line {line}: byte 0x{content[error.start]:02x} is not UTF-8") from error


def _parse(content: bytes) -> Any:
    text = decode(content)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno} column {error.colno}: invalid JSON: {error.msg}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:  # Python's limit on the digits of a number
        raise ValueError("it has a number of too many digits") from error


def _prefix(array: list[Any]) -> str:
    first = array[0] if array else None
    prefix = first.get("prefix") if isinstance(first, dict) else None
    if not isinstance(prefix, str):
        raise ValueError('element 1 is not the prefix; write {"prefix": "s3://bucket/prefix/"}')
    try:
        _require_text(prefix)
        S3Uri.parse(prefix)
    except ValueError as error:
        raise ValueError(f"element 1: the prefix {prefix[:SHOWN]!r} is not an S3 URI") from error
    return prefix


def _entry(element: int, name: object, prefix: str) -> ManifestEntry:
    if not isinstance(name, str):
        raise ValueError(f"element {element} is not a string: {json.dumps(name)[:SHOWN]}")
    if not name:
        raise ValueError(f"element {element} is an empty string, so it names no object")
    try:
        _require_text(name)
    except ValueError as error:
        raise ValueError(f"element {element} is not valid Unicode: {name[:SHOWN]!r}") from error
    uri = S3Uri.parse(prefix + name)
    if uri.bucket != S3Uri.parse(prefix).bucket:
        raise ValueError(
            f"element {element}: the prefix {prefix[:SHOWN]!r} ends in the name of the bucket; end it with a slash"
        )
    return ManifestEntry(element, name, uri)


def _require_text(text: str) -> None:
    """JSON can write half a character, which no key can have. Raises UnicodeEncodeError, a ValueError."""
    text.encode()
