"""CloudWatch Logs: groups, streams and events in a SQLite file of their own.

A log storm here never delays a status write, because SQLite locks per file.
"""

from collections.abc import Sequence
from datetime import datetime

from emulator.domain.reset_scope import ResetScope
from emulator.logs.log_event import (
    LogEvent,
    LogGroup,
    LogGroupKey,
    LogStream,
    LogStreamKey,
    StoredEvent,
    event_size,
    split_message,
)
from emulator.logs.log_queries import (
    FilteredPage,
    Filtering,
    Reading,
    StreamsQuery,
    filter_events,
    find_group,
    find_stream,
    select_events,
    select_groups,
    select_streams,
)
from emulator.sqlite import Connection, Database

MIGRATIONS = "emulator.logs.migrations"
DELETED_AT_ONCE = 50_000
"""Events that one transaction deletes, so that others wait a fraction of a second at most."""


class LogStore:
    """Groups and streams that do not exist are None, never an exception."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_stream(self, key: LogStreamKey, now: datetime) -> None:
        """Create the stream and its group, as far as they do not exist."""
        await self._database.run(_create_stream, key, _milliseconds(now))

    async def put(self, key: LogStreamKey, events: Sequence[LogEvent], now: datetime) -> None:
        """Append events, in one transaction, to a stream that is created where it does not exist.

        A time before the stream's last is lifted to it, so that reading order is arrival order. Messages
        longer than CloudWatch allows become several events.
        """
        if events:
            await self._database.run(_put, key, events, _milliseconds(now))

    async def last_timestamp_ns(self, key: LogStreamKey) -> int | None:
        """The time of the newest event; None for a stream without events, too."""
        stream = await self._database.run(find_stream, key)
        return stream.last_event_ns if stream else None

    async def describe_groups(self, account_id: str, region: str) -> list[LogGroup]:
        """All groups, by name."""
        return await self._database.run(select_groups, account_id, region)

    async def describe_streams(self, group: LogGroupKey, query: StreamsQuery) -> list[LogStream] | None:
        return await self._database.run(_describe_streams, group, query)

    async def get_events(self, key: LogStreamKey, reading: Reading) -> list[StoredEvent] | None:
        return await self._database.run(_get_events, key, reading)

    async def filter_prefix(self, group: LogGroupKey, prefix: str, wanted: Filtering) -> FilteredPage | None:
        """Filter the events of all streams whose name begins with `prefix`."""
        return await self._database.run(_filter_prefix, group, prefix, wanted)

    async def filter_streams(
        self, group: LogGroupKey, names: Sequence[str], wanted: Filtering
    ) -> FilteredPage | None:
        """Filter the events of the named streams; None where one of them does not exist."""
        return await self._database.run(_filter_streams, group, names, wanted)

    async def delete_all(self, scope: ResetScope) -> None:
        """Delete the scope's groups with all that they hold."""
        for group in await self._database.run(_groups, scope):
            await self.delete_streams(group, "")
            await self._database.run(_delete_group, group)

    async def delete_streams(self, group: LogGroupKey, prefix: str) -> None:
        """Delete the streams whose name begins with `prefix`, in steps that others can come between."""
        while await self._database.run(_delete_some, group, prefix):
            pass


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _create_stream(connection: Connection, key: LogStreamKey, now_ms: int) -> None:
    connection.execute("INSERT OR IGNORE INTO log_groups VALUES (?, ?, ?, ?)", (*key.group, now_ms))
    connection.execute(
        """INSERT INTO log_streams (account_id, region, group_name, name, creation_ms)
           VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING""",
        (*key.group, key.name, now_ms),
    )


def _put(connection: Connection, key: LogStreamKey, events: Sequence[LogEvent], now_ms: int) -> None:
    _create_stream(connection, key, now_ms)
    stream_id, last_ns, sequence = connection.execute(
        """SELECT id, coalesce(last_event_ns, 0), last_sequence FROM log_streams
           WHERE account_id = ? AND region = ? AND group_name = ? AND name = ?""",
        (*key.group, key.name),
    ).fetchone()
    rows = []
    for event in events:
        last_ns = max(last_ns, event.timestamp_ns)
        for message in split_message(event.message):
            sequence += 1
            rows.append((stream_id, last_ns, sequence, now_ms, message))
    connection.executemany("INSERT INTO log_events VALUES (?, ?, ?, ?, ?)", rows)
    connection.execute(
        """UPDATE log_streams SET first_event_ns = coalesce(first_event_ns, ?), last_event_ns = ?,
               last_ingestion_ms = ?, last_sequence = ?, stored_bytes = stored_bytes + ? WHERE id = ?""",
        (rows[0][1], last_ns, now_ms, sequence, sum(event_size(row[4]) for row in rows), stream_id),
    )


def _describe_streams(
    connection: Connection, group: LogGroupKey, query: StreamsQuery
) -> list[LogStream] | None:
    return select_streams(connection, group, query) if find_group(connection, group) else None


def _get_events(connection: Connection, key: LogStreamKey, reading: Reading) -> list[StoredEvent] | None:
    stream = find_stream(connection, key)
    return select_events(connection, stream, reading) if stream else None


def _filter_prefix(
    connection: Connection, group: LogGroupKey, prefix: str, wanted: Filtering
) -> FilteredPage | None:
    if not find_group(connection, group):
        return None
    streams = select_streams(connection, group, _all_streams(prefix))
    return filter_events(connection, streams, wanted)


def _filter_streams(
    connection: Connection, group: LogGroupKey, names: Sequence[str], wanted: Filtering
) -> FilteredPage | None:
    streams = [find_stream(connection, LogStreamKey(group, name)) for name in names]
    found = [stream for stream in streams if stream]
    return filter_events(connection, found, wanted) if len(found) == len(streams) else None


def _delete_some(connection: Connection, group: LogGroupKey, prefix: str) -> bool:
    """Whether there may be more to delete. A stream goes when its events are gone."""
    streams = select_streams(connection, group, _all_streams(prefix)._replace(limit=1))
    for stream in streams:
        deleted = connection.execute(
            """DELETE FROM log_events WHERE (stream_id, timestamp_ns, sequence) IN
               (SELECT stream_id, timestamp_ns, sequence FROM log_events WHERE stream_id = ? LIMIT ?)""",
            (stream.id, DELETED_AT_ONCE),
        )
        if deleted.rowcount < DELETED_AT_ONCE:
            connection.execute("DELETE FROM log_streams WHERE id = ?", (stream.id,))
    return bool(streams)


def _groups(connection: Connection, scope: ResetScope) -> list[LogGroupKey]:
    condition, values = scope.where()
    rows = connection.execute(f"SELECT account_id, region, name FROM log_groups WHERE {condition}", values)  # noqa: S608
    return [LogGroupKey(*row) for row in rows]


def _delete_group(connection: Connection, group: LogGroupKey) -> None:
    """Unless somebody made a stream in it meanwhile."""
    used = "SELECT 1 FROM log_streams WHERE (account_id, region, group_name) = (?, ?, ?)"
    connection.execute(
        f"DELETE FROM log_groups WHERE (account_id, region, name) = (?, ?, ?) AND NOT EXISTS ({used})",  # noqa: S608
        (*group, *group),
    )


def _all_streams(prefix: str) -> StreamsQuery:
    return StreamsQuery(prefix, by_last_event=False, descending=False, after=None, limit=-1)
