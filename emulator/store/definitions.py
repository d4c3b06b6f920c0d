"""Rows of what is written once and acted on by others: models and endpoint configurations."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from emulator.domain.arn import ResourceKey
from emulator.domain.reset_scope import ResetScope
from emulator.sqlite import Connection, Database, IntegrityError, Row
from emulator.store.resource_pages import ResourcePage, ResourceQuery, read_page
from emulator.store.tags import write_tags
from emulator.store.training_jobs import to_column


class Definition(Protocol):
    @property
    def key(self) -> ResourceKey: ...

    @property
    def creation_time(self) -> datetime: ...

    @property
    def document(self) -> Mapping[str, Any]: ...


D = TypeVar("D", bound=Definition)
Make = Callable[[ResourceKey, datetime, Mapping[str, Any]], D]


class DefinitionStore(Generic[D]):
    """Nobody waits for a definition, so it wakes nobody."""

    def __init__(self, database: Database, table: str, kind: str, make: Make[D]) -> None:
        self._database = database
        self._table = table
        self._kind = kind
        self._make = make

    async def create(self, definition: D, tags: Mapping[str, str]) -> bool:
        """Insert it with its tags. False where its ARN exists already."""
        try:
            await self._database.run(self._insert, definition, tags)
        except IntegrityError:
            return False
        return True

    async def get(self, key: ResourceKey) -> D | None:
        return await self._database.run(self._get, key.arn)

    async def page(self, query: ResourceQuery) -> ResourcePage[D]:
        return await self._database.run(read_page, self._table, query, self._read)

    async def delete(self, key: ResourceKey) -> bool:
        """With its tags. False where there was none. Endpoints and jobs keep what they were given of it."""
        return await self._database.run(self._delete, key.arn)

    async def delete_all(self, scope: ResetScope) -> None:
        await self._database.run(self._delete_all, scope)

    def _insert(self, connection: Connection, definition: D, tags: Mapping[str, str]) -> None:
        account_id, region, _, name = definition.key
        time = to_column(definition.creation_time)
        connection.execute(
            f"INSERT INTO {self._table} VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
            (definition.key.arn, account_id, region, name, time, json.dumps(definition.document)),
        )
        write_tags(connection, definition.key.arn, tags)

    def _get(self, connection: Connection, arn: str) -> D | None:
        row = connection.execute(f"SELECT * FROM {self._table} WHERE arn = ?", (arn,)).fetchone()  # noqa: S608
        return self._read(row) if row else None

    def _read(self, row: Row) -> D:
        key = ResourceKey(row["account_id"], row["region"], self._kind, row["name"])
        return self._make(key, datetime.fromisoformat(row["creation_time"]), json.loads(row["document"]))

    def _delete(self, connection: Connection, arn: str) -> bool:
        deleted = connection.execute(f"DELETE FROM {self._table} WHERE arn = ?", (arn,))  # noqa: S608
        connection.execute("DELETE FROM tags WHERE resource_arn = ?", (arn,))
        return bool(deleted.rowcount)

    def _delete_all(self, connection: Connection, scope: ResetScope) -> None:
        condition, values = scope.where()
        connection.execute(f"DELETE FROM {self._table} WHERE {condition}", values)  # noqa: S608
