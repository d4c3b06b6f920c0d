"""Pages of a bucket's keys, straight from the index."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from emulator.sqlite import Connection

PAGE_LIMIT = 1000
"""Entries; S3 gives no more at once."""


class ListedObject(NamedTuple):
    key: str
    size: int
    etag: str
    last_modified: int
    """Seconds since the epoch."""
    checksum_algorithm: str | None
    checksum_type: str | None


@dataclass(frozen=True)
class Selection:
    """Which keys of a bucket to list: those with `prefix`, from the position `start` (UTF-8) on.

    Keys that share a text up to the `delimiter` after the prefix count as one entry, their common prefix.
    """

    prefix: str = ""
    delimiter: str = ""
    start: bytes = b""
    limit: int = PAGE_LIMIT


class Page(NamedTuple):
    entries: list[ListedObject | str]
    """Objects and common prefixes, in UTF-8 binary order."""
    next_start: bytes | None
    """Where the next page starts; None where there is no more."""

    @property
    def contents(self) -> list[ListedObject]:
        return [entry for entry in self.entries if not isinstance(entry, str)]

    @property
    def common_prefixes(self) -> list[str]:
        return [entry for entry in self.entries if isinstance(entry, str)]


def behind_key(key: str) -> bytes:
    """The least position behind `key`."""
    return key.encode("utf-8") + b"\x00"


def behind_prefix(prefix: str) -> bytes:
    """The least position behind all keys with `prefix`; UTF-8 has no byte 0xff that could overflow."""
    raw = prefix.encode("utf-8")
    return raw[:-1] + bytes([raw[-1] + 1]) if raw else b"\xff"


def list_page(conn: Connection, bucket: str, selection: Selection) -> Page:
    """One page of the bucket, which must exist."""
    entries = _entries(conn, bucket, selection)
    taken = list(islice(entries, selection.limit))
    if not taken or next(entries, None) is None:
        return Page(taken, None)
    last = taken[-1]
    return Page(taken, behind_prefix(last) if isinstance(last, str) else behind_key(last.key))


def _entries(conn: Connection, bucket: str, selection: Selection) -> Iterator[ListedObject | str]:
    position: bytes | None = max(selection.start, selection.prefix.encode("utf-8"))
    while position is not None:
        rows = conn.execute(
            "SELECT key, size, etag, last_modified, checksum_algorithm, checksum_type FROM objects"
            " WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key",
            (bucket, position, behind_prefix(selection.prefix)),
        )
        position = None
        for raw, *facts in rows:  # rows are read one by one, as they are asked for
            key = raw.decode("utf-8")
            common = common_prefix(key, selection)
            if common is None:
                yield ListedObject(key, *facts)
                continue
            yield common
            position = behind_prefix(common)  # seek past all that it stands for
            break


def common_prefix(key: str, selection: Selection) -> str | None:
    """What `key`, which has the prefix, counts as; None where it counts by itself."""
    if not selection.delimiter:
        return None
    found = key.find(selection.delimiter, len(selection.prefix))
    return None if found < 0 else key[: found + len(selection.delimiter)]
