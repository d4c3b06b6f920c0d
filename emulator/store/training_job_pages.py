"""Pages of ListTrainingJobs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from emulator.domain.status import SecondaryStatus
from emulator.domain.warm_pool import WarmPool
from emulator.sqlite import Connection, Row
from emulator.store.resource_pages import SORT_COLUMNS, ResourceQuery, where


@dataclass(frozen=True)
class PageQuery(ResourceQuery):
    warm_pool_status: str | None = None


@dataclass(frozen=True)
class Summary:
    name: str
    arn: str
    creation_time: datetime
    last_modified_time: datetime
    status: str
    secondary_status: SecondaryStatus
    training_end_time: datetime | None
    position: tuple[str, str]
    warm_pool: WarmPool | None = None


@dataclass(frozen=True)
class Page:
    summaries: tuple[Summary, ...]
    has_more: bool


def read_page(connection: Connection, query: PageQuery) -> Page:
    conditions, values = _where(query)
    column = SORT_COLUMNS[query.sort_by]
    order = "DESC" if query.descending else "ASC"
    rows = connection.execute(
        f"SELECT *, {column} AS position, json_extract(progress, '$.training_end_time') AS ended,"  # noqa: S608
        " json_extract(progress, '$.warm_pool') AS warm_pool"
        f" FROM listed_training_jobs WHERE {' AND '.join(conditions)}"
        f" ORDER BY {column} {order}, name {order} LIMIT ?",
        (*values, query.limit + 1),
    ).fetchall()
    return Page(tuple(_summary(row) for row in rows[: query.limit]), len(rows) > query.limit)


def _where(query: PageQuery) -> tuple[list[str], list[Any]]:
    conditions, values = where(query)
    if query.warm_pool_status is not None:
        conditions.append("warm_pool_status = ?")
        values.append(query.warm_pool_status)
    if query.after is not None:
        sign = "<" if query.descending else ">"
        conditions.append(f"({SORT_COLUMNS[query.sort_by]}, name) {sign} (?, ?)")
        values.extend(query.after)
    return conditions, values


def _summary(row: Row) -> Summary:
    return Summary(
        name=row["name"],
        arn=row["arn"],
        creation_time=datetime.fromisoformat(row["creation_time"]),
        last_modified_time=datetime.fromisoformat(row["last_modified_time"]),
        status=row["status"],
        secondary_status=SecondaryStatus(row["told_secondary_status"]),
        training_end_time=datetime.fromisoformat(row["ended"]) if row["ended"] else None,
        warm_pool=WarmPool.model_validate_json(row["warm_pool"]) if row["warm_pool"] else None,
        position=(row["position"], row["name"]),
    )
