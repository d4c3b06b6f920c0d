"""CloudWatch metrics and SageMaker's trial metrics, in a SQLite file of their own.

A storm of metrics here delays no status write and no log line, because SQLite locks per file.
"""

import json
from collections.abc import Mapping, Sequence

from emulator.domain.reset_scope import ResetScope
from emulator.metrics.metric import DataPoint, Metric, MetricKey, Span
from emulator.metrics.metric_queries import (
    MetricsQuery,
    Summing,
    TrialKey,
    TrialPoint,
    find_metric,
    select_last,
    select_logged_points,
    select_metrics,
    select_trial_points,
    select_windows,
)
from emulator.metrics.window import Window
from emulator.sqlite import Connection, Database

MIGRATIONS = "emulator.metrics.migrations"
DELETED_AT_ONCE = 50_000
"""Points that one transaction deletes, so that others wait a fraction of a second at most."""

SINGLE = "1"
"""What stands in the column `counts` for one plain value."""


class MetricStore:
    """Metrics that do not exist have no points; they are never an exception."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, points: Mapping[MetricKey, Sequence[DataPoint]]) -> None:
        """Add the points, all or none; their metrics are created where they do not exist."""
        if points:
            await self._database.run(_put, points)

    async def windows(
        self, key: MetricKey, span: Span, period_ms: int, unit: str | None = None, most: int | None = None
    ) -> list[Window]:
        """The points of the span, summed up by `period_ms` from its start, in order of time; none where there is no
        point. With a `unit`, only points that have it; units are never summed up together. The first `most` windows.
        """
        return await self._database.run(select_windows, key, span, Summing(period_ms, unit, most))

    async def last(self, key: MetricKey, since_ms: int) -> DataPoint | None:
        """The newest point, not older than `since_ms`."""
        return await self._database.run(select_last, key, since_ms)

    async def find(self, query: MetricsQuery) -> list[Metric]:
        """Metrics by namespace, name and the text of their dimensions."""
        return await self._database.run(select_metrics, query)

    async def put_trial(self, key: TrialKey, points: Sequence[TrialPoint]) -> None:
        """Add points of one metric; one of the same time and step replaces the old one."""
        await self._database.run(_put_trial, key, points)

    async def trial_points(self, key: TrialKey) -> list[TrialPoint]:
        """By time."""
        return await self._database.run(select_trial_points, key)

    async def logged_points(self, key: MetricKey, since_ms: int) -> list[TrialPoint]:
        """By time, the points that have an identity, which are those of log lines. A step is a point's number."""
        return await self._database.run(select_logged_points, key, since_ms)

    async def delete_all(self, scope: ResetScope) -> None:
        """In steps that others can come between."""
        while await self._database.run(_delete_some, scope):
            pass


def _put(connection: Connection, points: Mapping[MetricKey, Sequence[DataPoint]]) -> None:
    for key, some in points.items():
        if some:
            _put_points(connection, _metric_id(connection, key, max(p.timestamp_ms for p in some)), some)


def _metric_id(connection: Connection, key: MetricKey, last_ms: int) -> int:
    values = (*key[:4], json.dumps(key.dimensions))
    connection.execute(
        """INSERT INTO metrics (account_id, region, namespace, name, dimensions, last_ms) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET last_ms = max(last_ms, excluded.last_ms)""",
        (*values, last_ms),
    )
    metric = find_metric(connection, key)
    assert metric is not None
    return metric


def _put_points(connection: Connection, metric_id: int, points: Sequence[DataPoint]) -> None:
    connection.executemany(
        """INSERT OR IGNORE INTO data_points
           VALUES (?1, ?2, coalesce(?3, (SELECT min(0, min(identity)) - 1 FROM data_points
                                         WHERE metric_id = ?1 AND timestamp_ms = ?2), -1), ?4, ?5, ?6, ?7, ?8, ?9)""",
        ((metric_id, p.timestamp_ms, p.identity, p.unit, *_summary(p), _counts_text(p)) for p in points),
    )


def _summary(point: DataPoint) -> tuple[float, float, float, float]:
    return point.sample_count, point.total, point.minimum, point.maximum


def _counts_text(point: DataPoint) -> str | None:
    if point.counts is None:
        return None
    is_single = len(point.counts) == 1 and point.sample_count == 1
    return SINGLE if is_single else json.dumps(point.counts)


def _put_trial(connection: Connection, key: TrialKey, points: Sequence[TrialPoint]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO trial_points VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((*key, p.timestamp_ms, -1 if p.step is None else p.step, p.value) for p in points),
    )


def _delete_some(connection: Connection, scope: ResetScope) -> bool:
    """Whether there may be more to delete. A metric goes when its points are gone."""
    condition, values = scope.where()
    connection.execute(f"DELETE FROM trial_points WHERE {condition}", values)  # noqa: S608
    row = connection.execute(f"SELECT id FROM metrics WHERE {condition} LIMIT 1", values).fetchone()  # noqa: S608
    if row is None:
        return False
    deleted = connection.execute(
        """DELETE FROM data_points WHERE (metric_id, timestamp_ms, identity) IN
           (SELECT metric_id, timestamp_ms, identity FROM data_points WHERE metric_id = ? LIMIT ?)""",
        (row["id"], DELETED_AT_ONCE),
    )
    if deleted.rowcount < DELETED_AT_ONCE:
        connection.execute("DELETE FROM metrics WHERE id = ?", (row["id"],))
    return True
