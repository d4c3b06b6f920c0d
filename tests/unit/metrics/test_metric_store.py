"""Metrics in their file."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from emulator.domain.reset_scope import ResetScope
from emulator.metrics.metric import DataPoint, MetricKey, Span, single_value
from emulator.metrics.metric_queries import MetricsQuery, TrialKey, TrialPoint
from emulator.metrics.metric_store import MIGRATIONS, MetricStore
from emulator.sqlite import Database

ALL = Span(0, 2**62)


def key(name: str = "m", account: str = "1", **dimensions: str) -> MetricKey:
    return MetricKey(account, "r", "N", name, tuple(sorted(dimensions.items())))


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Callable[[MetricStore], Awaitable[None]]], None]:
    def run(case: Callable[[MetricStore], Awaitable[None]]) -> None:
        database = Database(tmp_path / "metrics.db", MIGRATIONS)
        anyio.run(case, MetricStore(database))
        database.close()

    return run


Run = Callable[[Callable[[MetricStore], Awaitable[None]]], None]


def test_same_identity_is_the_same_point_and_others_are_kept(run: Run) -> None:
    async def case(store: MetricStore) -> None:
        for _ in range(2):
            named = [single_value(5, 1.0, identity=0), single_value(5, 2.0, identity=1)]
            await store.put({key(): [*named, single_value(5, 4.0), single_value(5, 4.0)]})
        (window,) = await store.windows(key(), ALL, 10)
        assert (window.sample_count, window.total, window.counts) == (6, 19.0, {1.0: 1, 2.0: 1, 4.0: 4})

    run(case)


def test_last_is_the_newest_and_not_older_than_asked_for(run: Run) -> None:
    async def case(store: MetricStore) -> None:
        points = [single_value(7, 2.0, identity=9), single_value(7, 3.0, identity=10), single_value(6, 1.0)]
        await store.put({key(): points})
        last = await store.last(key(), 0)
        assert last == single_value(7, 3.0, identity=10)
        assert await store.last(key(), 8) is None
        assert await store.last(key("other"), 0) is None

    run(case)


def test_summaries_come_back_as_they_were(run: Run) -> None:
    async def case(store: MetricStore) -> None:
        summary = DataPoint(1, 4, 10.0, 1.0, 4.0, "Bytes", None)
        many = DataPoint(1, 1.0, 1.5, 1.0, 2.0, "Count", ((1.0, 0.5), (2.0, 0.5)))
        await store.put({key(): [summary, many]})
        found = await store.windows(key(), ALL, 10)
        assert [(w.unit, w.sample_count, w.counts) for w in found] == [
            ("Count", 1.0, {1.0: 0.5, 2.0: 0.5}),
            ("Bytes", 4.0, None),
        ]
        assert len(await store.windows(key(), ALL, 10, "Bytes")) == 1

    run(case)


def test_find_by_dimensions_in_pages(run: Run) -> None:
    async def case(store: MetricStore) -> None:
        keys = [key("a", X="1"), key("a"), key("b", X="1", Y="2")]
        await store.put({each: [single_value(9, 1.0)] for each in keys})

        async def names(**wanted: object) -> list[MetricKey]:
            return [m.key for m in await store.find(MetricsQuery("1", "r", **wanted))]  # type: ignore[arg-type]

        assert await names() == keys
        assert await names(dimensions=(("X", None),)) == [keys[0], keys[2]]
        assert await names(exact_dimensions=frozenset({"X"})) == [keys[0]]
        assert await names(active_since_ms=10) == []
        (first,) = await store.find(MetricsQuery("1", "r", limit=1))
        assert first.key == keys[0]
        assert await names(after=("N", "a", "[]")) == keys[2:]

    run(case)


def test_reset_takes_one_account(run: Run) -> None:
    async def case(store: MetricStore) -> None:
        for account in ("1", "2"):
            await store.put({key(account=account): [single_value(9, 1.0)]})
            await store.put_trial(TrialKey(account, "r", "c", "m"), [TrialPoint(1, None, 2.0)])
        await store.delete_all(ResetScope("1", None))
        assert await store.windows(key(), ALL, 10) == []
        assert await store.trial_points(TrialKey("1", "r", "c", "m")) == []
        assert len(await store.windows(key(account="2"), ALL, 10)) == 1
        assert await store.trial_points(TrialKey("2", "r", "c", "m")) == [TrialPoint(1, None, 2.0)]

    run(case)
