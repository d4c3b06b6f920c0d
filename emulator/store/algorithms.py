"""Rows of algorithms."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from emulator.domain.algorithm import Algorithm
from emulator.domain.arn import AlgorithmKey
from emulator.domain.reset_scope import ResetScope
from emulator.sqlite import Connection, Database, IntegrityError, Row
from emulator.store.tags import write_tags
from emulator.store.training_jobs import to_column

SORT_COLUMNS = {"Name": "name", "CreationTime": "creation_time"}
_WHERE = "account_id = ? AND region = ? AND name = ?"


@dataclass(frozen=True)
class AlgorithmQuery:
    account_id: str
    region: str
    limit: int
    sort_by: str = "CreationTime"
    descending: bool = False
    name_contains: str | None = None
    times: Mapping[str, datetime] = field(default_factory=dict)
    """`creation_time >`, `creation_time <`."""
    after: tuple[str, str] | None = None
    """(sort value, name) of the last algorithm of the page before."""


class AlgorithmStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, algorithm: Algorithm, tags: Mapping[str, str]) -> bool:
        """False, with nothing written, where the name is in use, in any case of its letters."""
        try:
            await self._database.run(_insert, algorithm, tags)
        except IntegrityError:
            return False
        return True

    async def get(self, key: AlgorithmKey) -> Algorithm | None:
        return await self._database.run(_get, key)

    async def page(self, query: AlgorithmQuery) -> list[Algorithm]:
        """One more than `limit` where there is another page."""
        return await self._database.run(_page, query)

    async def delete(self, key: AlgorithmKey) -> None:
        """With its tags. Jobs that were made with it keep what it gave to them."""
        await self._database.run(_delete, key)

    async def delete_all(self, scope: ResetScope) -> None:
        await self._database.run(_delete_all, scope)


def position(algorithm: Algorithm, sort_by: str) -> tuple[str, str]:
    """Where the algorithm stands in a listing."""
    name = algorithm.key.name
    return (name if sort_by == "Name" else to_column(algorithm.creation_time)), name


def _insert(connection: Connection, algorithm: Algorithm, tags: Mapping[str, str]) -> None:
    connection.execute(
        "INSERT INTO algorithms VALUES (?, ?, ?, ?, ?)",
        (*algorithm.key, to_column(algorithm.creation_time), json.dumps(algorithm.document)),
    )
    write_tags(connection, algorithm.arn, tags)


def _get(connection: Connection, key: AlgorithmKey) -> Algorithm | None:
    row = connection.execute(f"SELECT * FROM algorithms WHERE {_WHERE}", key).fetchone()  # noqa: S608
    return _from_row(row) if row else None


def _page(connection: Connection, query: AlgorithmQuery) -> list[Algorithm]:
    conditions, values = ["account_id = ?", "region = ?"], [query.account_id, query.region]
    for comparison, time in query.times.items():
        conditions.append(f"{comparison} ?")
        values.append(time.astimezone(UTC).isoformat(timespec="microseconds"))
    if query.name_contains is not None:
        conditions.append("instr(lower(name), lower(?)) > 0")
        values.append(query.name_contains)
    column, order = SORT_COLUMNS[query.sort_by], "DESC" if query.descending else "ASC"
    if query.after is not None:
        conditions.append(f"({column}, name) {'<' if query.descending else '>'} (?, ?)")
        values.extend(query.after)
    rows = connection.execute(
        f"SELECT * FROM algorithms WHERE {' AND '.join(conditions)}"  # noqa: S608
        f" ORDER BY {column} {order}, name {order} LIMIT ?",
        (*values, query.limit + 1),
    )
    return [_from_row(row) for row in rows]


def _from_row(row: Row) -> Algorithm:
    document: dict[str, Any] = json.loads(row["document"])
    key = AlgorithmKey(row["account_id"], row["region"], row["name"])
    return Algorithm(key, datetime.fromisoformat(row["creation_time"]), document)


def _delete(connection: Connection, key: AlgorithmKey) -> None:
    connection.execute(f"DELETE FROM algorithms WHERE {_WHERE}", key)  # noqa: S608
    connection.execute("DELETE FROM tags WHERE resource_arn = ?", (key.arn,))


def _delete_all(connection: Connection, scope: ResetScope) -> None:
    condition, values = scope.where()
    connection.execute(f"DELETE FROM algorithms WHERE {condition}", values)  # noqa: S608
