"""Pages of List operations, over a table or a view that has the columns of a resource."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from emulator.sqlite import Connection, Row

T = TypeVar("T")

SORT_COLUMNS = {"Name": "name", "CreationTime": "creation_time", "Status": "status"}


@dataclass(frozen=True)
class ResourceQuery:
    account_id: str
    region: str
    limit: int
    sort_by: str = "CreationTime"
    """A key of SORT_COLUMNS."""
    descending: bool = False
    name_contains: str | None = None
    status: str | None = None
    times: Mapping[str, datetime] = field(default_factory=dict)
    """A column and a comparison, such as `creation_time >`, and with what."""
    after: tuple[str, str] | None = None
    """(sort value, name) of the last entry of the page before."""


@dataclass(frozen=True)
class ResourcePage(Generic[T]):
    resources: tuple[T, ...]
    last: tuple[str, str] | None
    """(sort value, name) of the last of them; None where no other page follows."""


def read_page(
    connection: Connection, source: str, query: ResourceQuery, read: Callable[[Row], T]
) -> ResourcePage[T]:
    conditions, values = where(query)
    column, order = SORT_COLUMNS[query.sort_by], "DESC" if query.descending else "ASC"
    if query.status is not None:
        conditions.append("status = ?")
        values.append(query.status)
    if query.after is not None:
        conditions.append(f"({column}, name) {'<' if query.descending else '>'} (?, ?)")
        values.extend(query.after)
    rows = connection.execute(
        f"SELECT * FROM {source} WHERE {' AND '.join(conditions)}"  # noqa: S608
        f" ORDER BY {column} {order}, name {order} LIMIT ?",
        (*values, query.limit + 1),
    ).fetchall()
    told = rows[: query.limit]
    last = (told[-1][column], told[-1]["name"]) if len(rows) > query.limit else None
    return ResourcePage(tuple(read(row) for row in told), last)


def where(query: ResourceQuery) -> tuple[list[str], list[Any]]:
    """Conditions that every row can be asked for, without status and position."""
    conditions = ["account_id = ?", "region = ?"]
    values: list[Any] = [query.account_id, query.region]
    for comparison, time in query.times.items():
        conditions.append(f"{comparison} ?")
        values.append(time.astimezone(UTC).isoformat(timespec="microseconds"))
    if query.name_contains is not None:
        conditions.append("instr(lower(name), lower(?)) > 0")
        values.append(query.name_contains)
    return conditions, values
