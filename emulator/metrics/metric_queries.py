"""Reads of the metrics file. Plain functions of a connection, for Database.run."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from emulator.metrics.metric import DataPoint, Dimensions, Metric, MetricKey, Span
from emulator.metrics.window import Window, sum_up
from emulator.sqlite import Connection, Row


class MetricsQuery(NamedTuple):
    """What ListMetrics and SEARCH ask for; None is anything."""

    account_id: str
    region: str
    namespace: str | None = None
    name: str | None = None
    dimensions: tuple[tuple[str, str | None], ...] = ()
    """Dimensions that a metric must have, besides others; a value of None is any value."""
    exact_dimensions: frozenset[str] | None = None
    """All names of dimensions that a metric has, no more and no less."""
    active_since_ms: int = 0
    after: tuple[str, str, str] | None = None
    """Namespace, name and dimensions of the metric that the page before ended with."""
    limit: int = -1


class Summing(NamedTuple):
    period_ms: int
    unit: str | None
    """None is any."""
    most: int | None
    """Windows, the first ones; None is all."""


class TrialKey(NamedTuple):
    account_id: str
    region: str
    component: str
    name: str


class TrialPoint(NamedTuple):
    timestamp_ms: int
    step: int | None
    value: float


def find_metric(connection: Connection, key: MetricKey) -> int | None:
    row = connection.execute(
        "SELECT id FROM metrics WHERE (account_id, region, namespace, name, dimensions) = (?, ?, ?, ?, ?)",
        (*key[:4], json.dumps(key.dimensions)),
    ).fetchone()
    return row["id"] if row else None


def select_windows(connection: Connection, key: MetricKey, span: Span, summing: Summing) -> list[Window]:
    points = _points(connection, key, span, summing.unit)
    return list(islice(sum_up(points, span.start_ms, summing.period_ms), summing.most))


def select_last(connection: Connection, key: MetricKey, since_ms: int) -> DataPoint | None:
    row = connection.execute(
        "SELECT * FROM data_points WHERE metric_id = ? AND timestamp_ms >= ? ORDER BY timestamp_ms DESC, identity DESC",
        (find_metric(connection, key), since_ms),
    ).fetchone()
    return _point(row) if row else None


def select_metrics(connection: Connection, query: MetricsQuery) -> list[Metric]:
    rows = connection.execute(
        """SELECT * FROM metrics
           WHERE account_id = :account_id AND region = :region AND last_ms >= :active_since_ms
             AND (:namespace IS NULL OR namespace = :namespace) AND (:name IS NULL OR name = :name)
             AND (namespace, name, dimensions) > (:after_namespace, :after_name, :after_dimensions)
           ORDER BY namespace, name, dimensions""",
        {
            **{name: getattr(query, name) for name in ("account_id", "region", "namespace", "name")},
            "active_since_ms": query.active_since_ms,
            **dict(
                zip(
                    ("after_namespace", "after_name", "after_dimensions"),
                    query.after or ("", "", ""),
                    strict=True,
                )
            ),
        },
    )
    found: list[Metric] = []
    for row in rows:
        metric = _metric(row)
        if len(found) == query.limit:
            break
        if _has(metric.key.dimensions, query):
            found.append(metric)
    return found


def select_trial_points(connection: Connection, key: TrialKey) -> list[TrialPoint]:
    rows = connection.execute(
        """SELECT timestamp_ms, step, value FROM trial_points
           WHERE (account_id, region, component, name) = (?, ?, ?, ?) ORDER BY timestamp_ms, step""",
        key,
    )
    return [TrialPoint(row[0], None if row[1] < 0 else row[1], row[2]) for row in rows]


def select_logged_points(connection: Connection, key: MetricKey, since_ms: int) -> list[TrialPoint]:
    rows = connection.execute(
        """SELECT timestamp_ms, total FROM data_points
           WHERE metric_id = ? AND timestamp_ms >= ? AND identity >= 0 ORDER BY timestamp_ms, identity""",
        (find_metric(connection, key), since_ms),
    )
    return [TrialPoint(time_ms, step, value) for step, (time_ms, value) in enumerate(rows)]


def _has(dimensions: Dimensions, query: MetricsQuery) -> bool:
    own = dict(dimensions)
    if query.exact_dimensions is not None and query.exact_dimensions != own.keys():
        return False
    return all(name in own and value in (None, own[name]) for name, value in query.dimensions)


def _points(connection: Connection, key: MetricKey, span: Span, unit: str | None) -> Iterator[DataPoint]:
    rows = connection.execute(
        """SELECT * FROM data_points WHERE metric_id = ? AND timestamp_ms >= ? AND timestamp_ms < ?
             AND (? IS NULL OR unit = ?) ORDER BY timestamp_ms, identity""",
        (find_metric(connection, key), *span, unit, unit),
    )
    return map(_point, rows)


def _point(row: Row) -> DataPoint:
    text, total = row["counts"], row["total"]
    counts = None if text is None else ((total, 1),) if text == "1" else tuple(map(tuple, json.loads(text)))
    return DataPoint(
        row["timestamp_ms"],
        row["sample_count"],
        total,
        row["minimum"],
        row["maximum"],
        row["unit"],
        counts,
        row["identity"],
    )


def _metric(row: Row) -> Metric:
    dimensions = tuple((name, value) for name, value in json.loads(row["dimensions"]))
    key = MetricKey(row["account_id"], row["region"], row["namespace"], row["name"], dimensions)
    return Metric(row["id"], key, row["last_ms"])
