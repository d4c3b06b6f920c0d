"""Reads of the log file. Plain functions of a connection, for Database.run."""

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from emulator.logs.filter_pattern import FilterPattern
from emulator.logs.log_event import LogGroup, LogGroupKey, LogStream, LogStreamKey, Position, StoredEvent
from emulator.logs.page_token import HEAD, TAIL, Cursor
from emulator.sqlite import Connection, Row

PAGE_BYTES = 1_048_576
"""CloudWatch's page: 1 MB of events, counted like event_size."""
SCANNED_EVENTS = 50_000
"""How many events one filter call looks at; a page may therefore be empty and yet have a next one."""


class Reading(NamedTuple):
    """What a caller wants of one or more streams: `start` and `end` are times in ns, `end` exclusive."""

    cursor: Cursor
    start_ns: int
    end_ns: int
    limit: int


class StreamsQuery(NamedTuple):
    prefix: str
    by_last_event: bool
    descending: bool
    after: tuple[int, str] | None
    """The last event's time, 0 without one, and the name of the stream that the page before ended with."""
    limit: int


class Mark(NamedTuple):
    """An event's place in a group; events of several streams are ordered by it."""

    timestamp_ns: int
    stream_id: int
    sequence: int


class Filtering(NamedTuple):
    """`after` is the mark that the page before ended with."""

    pattern: FilterPattern
    forward: bool
    after: Mark | None
    start_ns: int
    end_ns: int
    limit: int


class FilteredPage(NamedTuple):
    events: list[tuple[LogStream, StoredEvent]]
    next: Mark | None


def find_group(connection: Connection, key: LogGroupKey) -> bool:
    found = connection.execute(
        "SELECT 1 FROM log_groups WHERE account_id = ? AND region = ? AND name = ?", key
    )
    return found.fetchone() is not None


def select_groups(connection: Connection, account_id: str, region: str) -> list[LogGroup]:
    rows = connection.execute(
        """SELECT name, creation_ms,
               (SELECT coalesce(sum(stored_bytes), 0) FROM log_streams s
                WHERE s.account_id = g.account_id AND s.region = g.region AND s.group_name = g.name) AS bytes
           FROM log_groups g WHERE account_id = ? AND region = ? ORDER BY name""",
        (account_id, region),
    )
    return [
        LogGroup(LogGroupKey(account_id, region, row["name"]), row["creation_ms"], row["bytes"])
        for row in rows
    ]


def find_stream(connection: Connection, key: LogStreamKey) -> LogStream | None:
    row = connection.execute(
        "SELECT * FROM log_streams WHERE account_id = ? AND region = ? AND group_name = ? AND name = ?",
        (*key.group, key.name),
    ).fetchone()
    return _stream(row) if row else None


def select_streams(connection: Connection, group: LogGroupKey, query: StreamsQuery) -> list[LogStream]:
    """At most `limit` streams, in the order asked for."""
    order, than = ("DESC", "<") if query.descending else ("ASC", ">")
    keys = ["coalesce(last_event_ns, 0)", "name"] if query.by_last_event else ["name"]
    after = query.after[-len(keys) :] if query.after else ()
    position = f"AND ({', '.join(keys)}) {than} ({', '.join('?' for _ in keys)})" if after else ""
    rows = connection.execute(
        f"""SELECT * FROM log_streams
            WHERE account_id = ? AND region = ? AND group_name = ?
              AND name >= ? AND substr(name, 1, ?) = ? {position}
            ORDER BY {", ".join(f"{key} {order}" for key in keys)} LIMIT ?""",  # noqa: S608
        (*group, query.prefix, len(query.prefix), query.prefix, *after, query.limit),
    )
    return [_stream(row) for row in rows]


def select_events(connection: Connection, stream: LogStream, reading: Reading) -> list[StoredEvent]:
    """A page of events, the oldest first, also where it was read backward."""
    page = list(_page(_events(connection, stream, reading), reading.limit))
    return page if reading.cursor.forward else page[::-1]


def filter_events(connection: Connection, streams: Iterable[LogStream], wanted: Filtering) -> FilteredPage:
    """A page of matching events of all streams, merged by time."""
    by_id = {stream.id: stream for stream in streams}
    sources = [_marked(connection, stream, wanted) for stream in by_id.values()]
    merged = heapq.merge(*sources, key=lambda pair: pair[0], reverse=not wanted.forward)
    found: list[tuple[LogStream, StoredEvent]] = []
    size, last = 0, wanted.after
    for scanned, (mark, event) in enumerate(merged):
        is_match = wanted.pattern.matches(event.message)
        size += event.size if is_match else 0
        if scanned == SCANNED_EVENTS or len(found) == wanted.limit or (found and size > PAGE_BYTES):
            return FilteredPage(found, last)
        if is_match:
            found.append((by_id[mark.stream_id], event))
        last = mark
    return FilteredPage(found, None)


def _marked(
    connection: Connection, stream: LogStream, wanted: Filtering
) -> Iterator[tuple[Mark, StoredEvent]]:
    cursor = Cursor(wanted.forward, _resume_position(stream.id, wanted.forward, wanted.after))
    reading = Reading(cursor, wanted.start_ns, wanted.end_ns, -1)
    for event in _events(connection, stream, reading):
        yield Mark(event.position.timestamp_ns, stream.id, event.position.sequence), event


def _resume_position(stream_id: int, forward: bool, after: Mark | None) -> Position:
    """Where a stream goes on after a mark that may be another stream's."""
    if after is None:
        return HEAD if forward else TAIL
    if stream_id == after.stream_id:
        return Position(after.timestamp_ns, after.sequence)
    # At the mark's own time, streams with smaller ids come before it and those with greater ids after it.
    return Position(after.timestamp_ns, HEAD.sequence if stream_id > after.stream_id else TAIL.sequence)


def _events(connection: Connection, stream: LogStream, reading: Reading) -> Iterator[StoredEvent]:
    forward, position = reading.cursor
    low, high = Position(reading.start_ns, HEAD.sequence), Position(reading.end_ns, HEAD.sequence)
    low, high = (max(low, position), high) if forward else (low, min(high, position))
    order = "ASC" if forward else "DESC"
    rows = connection.execute(
        f"""SELECT timestamp_ns, sequence, ingestion_ms, message FROM log_events
            WHERE stream_id = ? AND (timestamp_ns, sequence) > (?, ?) AND (timestamp_ns, sequence) < (?, ?)
            ORDER BY timestamp_ns {order}, sequence {order} LIMIT ?""",  # noqa: S608
        (stream.id, *low, *high, reading.limit),
    )
    for row in rows:
        yield StoredEvent(Position(row[0], row[1]), row[2], row[3])


def _page(events: Iterable[StoredEvent], limit: int) -> Iterator[StoredEvent]:
    size = 0
    for number, event in enumerate(events):
        size += event.size
        if number == limit or (number > 0 and size > PAGE_BYTES):
            return
        yield event


def _stream(row: Row) -> LogStream:
    group = LogGroupKey(row["account_id"], row["region"], row["group_name"])
    return LogStream(
        id=row["id"],
        key=LogStreamKey(group, row["name"]),
        creation_ms=row["creation_ms"],
        first_event_ns=row["first_event_ns"],
        last_event_ns=row["last_event_ns"],
        last_ingestion_ms=row["last_ingestion_ms"],
    )
