"""Rows of asynchronous invocations that were accepted and have no outcome yet; they go with their endpoint's row."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from emulator.domain.arn import ResourceKey
from emulator.domain.s3_uri import S3Uri
from emulator.sqlite import Connection, Database, Row
from emulator.store.training_jobs import to_column


@dataclass(frozen=True)
class AsyncInvocation:
    """What is known of one from its acceptance on, but for an inline payload, which may be large."""

    endpoint: ResourceKey
    accepted_at: datetime
    members: Mapping[str, Any]
    """Of the operation's input, with InferenceId, without Body."""
    output: S3Uri
    failure: S3Uri | None
    number: int = 0
    """Given by the store, in the order of acceptance."""

    @property
    def inference_id(self) -> str:
        return str(self.members["InferenceId"])


class AsyncInvocationStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, invocation: AsyncInvocation, body: bytes) -> AsyncInvocation | None:
        """Insert it with its inline payload, empty where there is none. None, with nothing written, where the endpoint
        is gone or its end was wished for.
        """
        number = await self._database.run(_insert, invocation, body)
        return replace(invocation, number=number) if number is not None else None

    async def body(self, invocation: AsyncInvocation) -> bytes | None:
        """The inline payload. None where the row is gone: nobody waits for an outcome any more."""
        return await self._database.run(_body, invocation.number)

    async def remove(self, invocation: AsyncInvocation) -> None:
        await self._database.run(_remove, invocation.number)

    async def all(self) -> list[AsyncInvocation]:
        """Of every endpoint that is not to be deleted, in the order of acceptance."""
        return await self._database.run(_all)


def _insert(connection: Connection, invocation: AsyncInvocation, body: bytes) -> int | None:
    arn, failure = invocation.endpoint.arn, invocation.failure
    inserted = connection.execute(
        "INSERT INTO async_invocations (endpoint_arn, accepted_at, members, body, output, failure)"
        " SELECT arn, ?, ?, ?, ?, ? FROM endpoints WHERE arn = ? AND delete_requested_at IS NULL",
        (
            to_column(invocation.accepted_at),
            json.dumps(invocation.members),
            body,
            str(invocation.output),
            str(failure) if failure else None,
            arn,
        ),
    )
    return inserted.lastrowid if inserted.rowcount else None


def _body(connection: Connection, number: int) -> bytes | None:
    row = connection.execute("SELECT body FROM async_invocations WHERE number = ?", (number,)).fetchone()
    return row["body"] if row else None


def _remove(connection: Connection, number: int) -> None:
    connection.execute("DELETE FROM async_invocations WHERE number = ?", (number,))


def _all(connection: Connection) -> list[AsyncInvocation]:
    rows = connection.execute(
        "SELECT number, accepted_at, members, output, failure, account_id, region, name"
        " FROM async_invocations JOIN endpoints ON arn = endpoint_arn"
        " WHERE delete_requested_at IS NULL ORDER BY number"
    )
    return [_read(row) for row in rows]


def _read(row: Row) -> AsyncInvocation:
    return AsyncInvocation(
        endpoint=ResourceKey(row["account_id"], row["region"], "endpoint", row["name"]),
        accepted_at=datetime.fromisoformat(row["accepted_at"]),
        members=json.loads(row["members"]),
        output=S3Uri.parse(row["output"]),
        failure=S3Uri.parse(row["failure"]) if row["failure"] else None,
        number=row["number"],
    )
