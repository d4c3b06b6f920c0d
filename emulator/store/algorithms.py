"""Rows of algorithms."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from emulator.domain.algorithm import Algorithm
from emulator.domain.arn import AlgorithmKey
from emulator.domain.reset_scope import ResetScope
from emulator.sqlite import Connection, Database, IntegrityError, Row
from emulator.store.resource_pages import ResourcePage, ResourceQuery, read_page
from emulator.store.tags import write_tags
from emulator.store.training_jobs import to_column

_WHERE = "account_id = ? AND region = ? AND name = ?"


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

    async def page(self, query: ResourceQuery) -> ResourcePage[Algorithm]:
        return await self._database.run(read_page, "algorithms", query, _from_row)

    async def delete(self, key: AlgorithmKey) -> None:
        """With its tags. Jobs that were made with it keep what it gave to them."""
        await self._database.run(_delete, key)

    async def delete_all(self, scope: ResetScope) -> None:
        await self._database.run(_delete_all, scope)


def _insert(connection: Connection, algorithm: Algorithm, tags: Mapping[str, str]) -> None:
    connection.execute(
        "INSERT INTO algorithms VALUES (?, ?, ?, ?, ?)",
        (*algorithm.key, to_column(algorithm.creation_time), json.dumps(algorithm.document)),
    )
    write_tags(connection, algorithm.arn, tags)


def _get(connection: Connection, key: AlgorithmKey) -> Algorithm | None:
    row = connection.execute(f"SELECT * FROM algorithms WHERE {_WHERE}", key).fetchone()  # noqa: S608
    return _from_row(row) if row else None


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
