from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest

from emulator.logs import log_queries, log_store
from emulator.logs.filter_pattern import parse_filter_pattern
from emulator.logs.log_event import MAX_MESSAGE_BYTES, MAX_NS, LogEvent, LogGroupKey, LogStreamKey
from emulator.logs.log_queries import Filtering, Mark, Reading, StreamsQuery
from emulator.logs.log_store import MIGRATIONS, LogStore
from emulator.logs.page_token import HEAD, TAIL, Cursor
from emulator.sqlite import Database

NOW = datetime(2024, 1, 2, 3, 4, 5, 678_000, UTC)
NOW_MS = 1_704_164_645_678
GROUP = LogGroupKey("111122223333", "us-east-1", "/aws/sagemaker/TrainingJobs")
STREAM = LogStreamKey(GROUP, "job/algo-1-1700000000")
ALL = StreamsQuery("", by_last_event=False, descending=False, after=None, limit=50)

Test = Callable[[LogStore], Awaitable[None]]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[Test], None]]:
    databases = []

    def run_with_store(test: Test) -> None:
        async def main() -> None:
            databases.append(Database(tmp_path / "logs.db", MIGRATIONS))
            await test(LogStore(databases[-1]))

        anyio.run(main)

    yield run_with_store
    for database in databases:
        database.close()


def reading(forward: bool = True, limit: int = 10_000, **range_ns: int) -> Reading:
    cursor = Cursor(True, HEAD) if forward else Cursor(False, TAIL)
    return Reading(cursor, range_ns.get("start_ns", 0), range_ns.get("end_ns", MAX_NS), limit)


def filtering(text: str = "", limit: int = 10_000, **more: Any) -> Filtering:
    wanted = Filtering(parse_filter_pattern(text), True, None, 0, MAX_NS, limit)
    return wanted._replace(**more)


async def messages(store: LogStore, wanted: Reading, stream: LogStreamKey = STREAM) -> list[str] | None:
    events = await store.get_events(stream, wanted)
    return None if events is None else [event.message for event in events]


def test_create_stream_is_idempotent_and_makes_the_group(run: Callable[[Test], None]) -> None:
    async def test(store: LogStore) -> None:
        await store.create_stream(STREAM, NOW)
        await store.put(STREAM, [LogEvent(5, "kept")], NOW)
        await store.create_stream(STREAM, NOW.replace(year=2025))
        streams = await store.describe_streams(GROUP, ALL)
        assert streams is not None
        assert [(stream.key, stream.creation_ms) for stream in streams] == [(STREAM, NOW_MS)]
        assert await messages(store, reading()) == ["kept"]
        groups = await store.describe_groups(GROUP.account_id, GROUP.region)
        assert [(group.key, group.creation_ms, group.stored_bytes) for group in groups] == [
            (GROUP, NOW_MS, len("kept") + 26)
        ]

    run(test)


def test_what_does_not_exist_is_none(run: Callable[[Test], None]) -> None:
    async def test(store: LogStore) -> None:
        assert await store.describe_streams(GROUP, ALL) is None
        assert await store.get_events(STREAM, reading()) is None
        assert await store.filter_prefix(GROUP, "", filtering()) is None
        assert await store.filter_streams(GROUP, [STREAM.name], filtering()) is None
        assert await store.last_timestamp_ns(STREAM) is None
        assert await store.describe_groups(GROUP.account_id, GROUP.region) == []
        await store.delete_streams(GROUP, "")

    run(test)


def test_put_keeps_arrival_order_and_lifts_earlier_times(run: Callable[[Test], None]) -> None:
    async def test(store: LogStore) -> None:
        await store.put(STREAM, [LogEvent(10, "a"), LogEvent(7, "b"), LogEvent(12, "c")], NOW)
        await store.put(STREAM, [LogEvent(11, "d")], NOW)
        await store.put(STREAM, [], NOW)
        events = await store.get_events(STREAM, reading())
        assert events is not None
        assert [(e.position.timestamp_ns, e.message) for e in events] == [
            (10, "a"),
            (10, "b"),
            (12, "c"),
            (12, "d"),
        ]
        assert {event.ingestion_ms for event in events} == {NOW_MS}
        assert await store.last_timestamp_ns(STREAM) == 12

    run(test)


def test_last_timestamp_of_a_stream_without_events_is_none(run: Callable[[Test], None]) -> None:
    async def test(store: LogStore) -> None:
        await store.create_stream(STREAM, NOW)
        assert await store.last_timestamp_ns(STREAM) is None

    run(test)


def test_put_splits_messages_that_are_too_long(run: Callable[[Test], None]) -> None:
    async def test(store: LogStore) -> None:
        await store.put(STREAM, [LogEvent(1, "x" * (MAX_MESSAGE_BYTES + 1)), LogEvent(2, "y\ud800")], NOW)
        assert await messages(store, reading()) == ["x" * MAX_MESSAGE_BYTES, "x", "y?"]

    run(test)


def test_put_survives_a_restart(run: Callable[[Test], None]) -> None:
    async def write(store: LogStore) -> None:
        await store.put(STREAM, [LogEvent(1, "a")], NOW)

    async def go_on(store: LogStore) -> None:
        await store.put(STREAM, [LogEvent(1, "b")], NOW)
        assert await messages(store, reading()) == ["a", "b"]

    run(write)
    run(go_on)


def test_streams_are_scoped_by_account_and_region(run: Callable[[Test], None]) -> None:
    async def test(store: LogStore) -> None:
        others = [GROUP._replace(account_id="222233334444"), GROUP._replace(region="eu-west-1")]
        for number, group in enumerate([GROUP, *others]):
            await store.put(LogStreamKey(group, "s"), [LogEvent(1, str(number))], NOW)
        for number, group in enumerate([GROUP, *others]):
            assert await messages(store, reading(), LogStreamKey(group, "s")) == [str(number)]
            assert len(await store.describe_streams(group, ALL) or []) == 1

    run(test)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (reading(), "abcde"),
        (reading(limit=2), "ab"),
        (reading(forward=False, limit=2), "de"),
        (reading(start_ns=2, end_ns=4), "bc"),
        (reading(forward=False, start_ns=2, end_ns=4, limit=1), "c"),
        (reading(start_ns=6), ""),
    ],
)
def test_get_events_reads_a_range_oldest_first(
    run: Callable[[Test], None], wanted: Reading, expected: str
) -> None:
    async def test(store: LogStore) -> None:
        await store.put(STREAM, [LogEvent(i, c) for i, c in enumerate("abcde", start=1)], NOW)
        assert await messages(store, wanted) == list(expected)

    run(test)


def test_get_events_ends_a_page_at_one_megabyte(run: Callable[[Test], None]) -> None:
    async def test(store: LogStore) -> None:
        await store.put(STREAM, [LogEvent(i, "x" * 250_000) for i in range(6)], NOW)
        for forward in (True, False):
            assert len(await messages(store, reading(forward)) or []) == 4

    run(test)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("forward", [True, False])
def test_pages_have_every_event_once(run: Callable[[Test], None], forward: bool, limit: int) -> None:
    async def test(store: LogStore) -> None:
        texts = [str(number) for number in range(20)]
        await store.put(STREAM, [LogEvent(1 + number // 4, text) for number, text in enumerate(texts)], NOW)
        wanted, pages = reading(forward, limit), []
        while events := await store.get_events(STREAM, wanted):
            pages.append([event.message for event in events])
            wanted = wanted._replace(cursor=Cursor(forward, events[-1 if forward else 0].position))
        assert [text for page in pages[:: 1 if forward else -1] for text in page] == texts

    run(test)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (ALL, ["a", "b%", "b_/1", "bx"]),
        (ALL._replace(prefix="b"), ["b%", "b_/1", "bx"]),
        (ALL._replace(prefix="b_"), ["b_/1"]),
        (ALL._replace(prefix="b%"), ["b%"]),
        (ALL._replace(descending=True, limit=2), ["bx", "b_/1"]),
        (ALL._replace(after=(0, "b%")), ["b_/1", "bx"]),
        (ALL._replace(descending=True, after=(0, "b_/1")), ["b%", "a"]),
        (ALL._replace(by_last_event=True), ["a", "bx", "b_/1", "b%"]),
        (ALL._replace(by_last_event=True, descending=True, after=(5, "b_/1")), ["bx", "a"]),
    ],
)
def test_describe_streams_orders_and_pages(
    run: Callable[[Test], None], query: StreamsQuery, expected: list[str]
) -> None:
    async def test(store: LogStore) -> None:
        for name, time in {"b_/1": 5, "b%": 9, "bx": 3}.items():
            await store.put(LogStreamKey(GROUP, name), [LogEvent(time, "x")], NOW)
        await store.create_stream(LogStreamKey(GROUP, "a"), NOW)
        streams = await store.describe_streams(GROUP, query)
        assert [stream.key.name for stream in streams or []] == expected

    run(test)


async def put_interleaved(store: LogStore) -> None:
    for number, name in enumerate(["s1", "s2", "s3"]):
        events = [
            LogEvent(time, f"{name} {time} even" if time % 2 == 0 else f"{name} {time}")
            for time in range(1, 9)
        ]
        await store.put(LogStreamKey(GROUP, name), events, NOW)
        await store.put(LogStreamKey(GROUP, name), [LogEvent(8 + number, f"{name} last")], NOW)


async def filter_all(store: LogStore, wanted: Filtering) -> tuple[list[str], int]:
    """The messages of all pages and the number of pages."""
    found, pages = [], 0
    after: Mark | None = None
    while pages == 0 or after:
        page = await store.filter_prefix(GROUP, "s", wanted._replace(after=after))
        assert page is not None
        found += [event.message for _, event in page.events]
        pages, after = pages + 1, page.next
    return found, pages


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 5, 1000])
def test_filter_interleaves_streams_by_time_over_pages(
    run: Callable[[Test], None], forward: bool, limit: int
) -> None:
    async def test(store: LogStore) -> None:
        await put_interleaved(store)
        found, pages = await filter_all(store, filtering(limit=limit, forward=forward))
        expected = [
            f"{name} {time}{' even' * (1 - time % 2)}" for time in range(1, 9) for name in ("s1", "s2", "s3")
        ]
        expected[-2:-2] = ["s1 last"]
        expected += ["s2 last", "s3 last"]
        assert found == (expected if forward else expected[::-1])
        assert pages == (1 if limit == 1000 else -(-27 // limit))

    run(test)


def test_filter_reads_a_bounded_number_of_events_a_page(
    run: Callable[[Test], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_queries, "SCANNED_EVENTS", 4)

    async def test(store: LogStore) -> None:
        await put_interleaved(store)
        found, pages = await filter_all(store, filtering("s3 last"))
        assert found == ["s3 last"]
        assert pages == 7

    run(test)


def test_filter_ends_a_page_at_one_megabyte(run: Callable[[Test], None]) -> None:
    async def test(store: LogStore) -> None:
        await store.put(LogStreamKey(GROUP, "s"), [LogEvent(i, "x" * 250_000) for i in range(9)], NOW)
        found, pages = await filter_all(store, filtering())
        assert (len(found), pages) == (9, 3)

    run(test)


def test_filter_takes_the_time_range_and_the_named_streams(run: Callable[[Test], None]) -> None:
    async def test(store: LogStore) -> None:
        await put_interleaved(store)
        wanted = filtering("even", start_ns=4, end_ns=8)
        page = await store.filter_streams(GROUP, ["s1", "s3"], wanted)
        assert page is not None
        assert [(s.key.name, e.message) for s, e in page.events] == [
            ("s1", "s1 4 even"),
            ("s3", "s3 4 even"),
            ("s1", "s1 6 even"),
            ("s3", "s3 6 even"),
        ]
        assert await store.filter_streams(GROUP, ["s1", "missing"], wanted) is None

    run(test)


def test_delete_streams_deletes_only_the_prefix_in_steps(
    run: Callable[[Test], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_store, "DELETED_AT_ONCE", 3)

    async def test(store: LogStore) -> None:
        for name in ("job/1", "job/2", "job-2/1"):
            await store.put(LogStreamKey(GROUP, name), [LogEvent(i, "x") for i in range(7)], NOW)
        await store.delete_streams(GROUP, "job/")
        streams = await store.describe_streams(GROUP, ALL)
        assert [stream.key.name for stream in streams or []] == ["job-2/1"]
        kept = LogStreamKey(GROUP, "job-2/1")
        assert len(await messages(store, reading(), kept) or []) == 7
        (group,) = await store.describe_groups(GROUP.account_id, GROUP.region)
        assert group.stored_bytes == 7 * 27
        await store.put(LogStreamKey(GROUP, "job/1"), [LogEvent(1, "new")], NOW)
        assert await messages(store, reading(), LogStreamKey(GROUP, "job/1")) == ["new"]

    run(test)


@pytest.mark.parametrize("forward", [True, False])
def test_page_is_one_range_of_the_clustered_key(tmp_path: Path, forward: bool) -> None:
    """A page of a stream of millions of events must not read or sort them all."""

    def plan_of_page(connection: Any) -> list[str]:
        log_store._create_stream(connection, STREAM, NOW_MS)
        stream = log_queries.find_stream(connection, STREAM)
        assert stream is not None
        statements: list[str] = []
        connection.set_trace_callback(statements.append)
        log_queries.select_events(connection, stream, reading(forward))
        connection.set_trace_callback(None)
        (statement,) = statements
        return [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]

    database = Database(tmp_path / "logs.db", MIGRATIONS)
    (detail,) = anyio.run(database.run, plan_of_page)
    database.close()
    assert detail.startswith("SEARCH log_events USING PRIMARY KEY (stream_id=? AND (timestamp_ns,sequence)>")
    assert "(timestamp_ns,sequence)<" in detail
