"""Rows of endpoints. The API plane creates them and wishes for changes; the hosting plane saves progress."""

import json
from collections.abc import Mapping
from datetime import datetime

from emulator.domain.arn import ResourceKey
from emulator.domain.endpoint import Deployment, Endpoint, EndpointProgress
from emulator.domain.reset_scope import ResetScope
from emulator.sqlite import Connection, Database, IntegrityError, Row
from emulator.store.changes import Changes
from emulator.store.resource_pages import ResourcePage, ResourceQuery, where
from emulator.store.tags import delete_tags, write_tags
from emulator.store.training_jobs import to_column

Desired = Mapping[str, Mapping[str, float]]
"""VariantName -> `DesiredWeight`, `DesiredInstanceCount`."""


class EndpointStore:
    """What the API plane writes wakes the hosting plane through `changes`."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes

    async def create(self, endpoint: Endpoint, tags: Mapping[str, str]) -> bool:
        """Insert it with its tags. False where its ARN exists, also while that endpoint is being deleted."""
        try:
            await self._database.run(_insert, endpoint, tags)
        except IntegrityError:
            return False
        self._changes.notify()
        return True

    async def get(self, key: ResourceKey) -> Endpoint | None:
        return await self._database.run(_get, key.arn)

    async def page(self, query: ResourceQuery) -> ResourcePage[Endpoint]:
        return await self._database.run(_page, query)

    async def all(self) -> list[Endpoint]:
        """Every endpoint of every account and Region, also those to be deleted, oldest first."""
        return await self._database.run(_all)

    async def request_update(self, key: ResourceKey, deployment: Deployment, now: datetime) -> bool:
        """Wish for the next deployment. False, with nothing written, where another was wished for meanwhile,
        or the endpoint's end."""
        is_done = await self._database.run(_request_update, key.arn, deployment, now)
        self._changes.notify()
        return is_done

    async def request_desired(
        self, key: ResourceKey, desired: Desired, now: datetime, seen: datetime | None
    ) -> bool:
        """Wish for weights and counts of the active deployment. False as for `request_update`.

        `seen`: the `modified_at` of the endpoint that `desired` was made from.
        """
        is_done = await self._database.run(_request_desired, key.arn, desired, now, seen)
        self._changes.notify()
        return is_done

    async def request_delete(self, key: ResourceKey, now: datetime) -> None:
        """Note the wish; the first one counts."""
        await self._database.run(_request_delete, key.arn, now)
        self._changes.notify()

    async def save_progress(self, endpoint: Endpoint) -> None:
        """Of an endpoint that is gone, nothing is saved, not even to one of the same name."""
        await self._database.run(_save_progress, endpoint)

    async def remove(self, endpoint: Endpoint) -> None:
        """Delete an endpoint whose end was wished for, with its tags, once nothing of it is left on the Engine."""
        await self._database.run(_remove, endpoint)

    async def delete_all(self, scope: ResetScope) -> list[Endpoint]:
        """Delete the scope's endpoints, and the tags of all its resources; returns the endpoints."""
        return await self._database.run(_delete_all, scope)


def _insert(connection: Connection, endpoint: Endpoint, tags: Mapping[str, str]) -> None:
    account_id, region, _, name = endpoint.key
    progress = endpoint.progress
    connection.execute(
        "INSERT INTO endpoints (arn, account_id, region, name, creation_time, deployment, revision, progress,"
        " status, progressed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            endpoint.arn,
            account_id,
            region,
            name,
            to_column(endpoint.creation_time),
            endpoint.deployment.model_dump_json(),
            endpoint.deployment.revision,
            progress.model_dump_json(),
            progress.status,
            to_column(progress.last_modified_time),
        ),
    )
    write_tags(connection, endpoint.arn, tags)


def _get(connection: Connection, arn: str) -> Endpoint | None:
    row = connection.execute("SELECT * FROM endpoints WHERE arn = ?", (arn,)).fetchone()
    return _read(row) if row else None


def _read(row: Row) -> Endpoint:
    deleted, modified = row["delete_requested_at"], row["modified_at"]
    return Endpoint(
        key=ResourceKey(row["account_id"], row["region"], "endpoint", row["name"]),
        creation_time=datetime.fromisoformat(row["creation_time"]),
        deployment=Deployment.model_validate_json(row["deployment"]),
        progress=EndpointProgress.model_validate_json(row["progress"]),
        desired=json.loads(row["desired"]),
        desired_revision=row["desired_revision"],
        delete_requested_at=datetime.fromisoformat(deleted) if deleted else None,
        modified_at=datetime.fromisoformat(modified) if modified else None,
    )


def _page(connection: Connection, query: ResourceQuery) -> ResourcePage[Endpoint]:
    """Read whole, because only the endpoint knows its status. There are few: they take this machine's memory."""
    conditions, values = where(query)
    rows = connection.execute(
        f"SELECT * FROM listed_endpoints WHERE {' AND '.join(conditions)}",  # noqa: S608
        values,
    )
    found = {_position(endpoint, query.sort_by): endpoint for endpoint in map(_read, rows)}
    order = [
        position
        for position in sorted(found, reverse=query.descending)
        if query.status in (None, found[position].status) and _is_after(position, query)
    ]
    told = order[: query.limit]
    last = told[-1] if len(order) > query.limit else None
    return ResourcePage(tuple(found[position] for position in told), last)


def _position(endpoint: Endpoint, sort_by: str) -> tuple[str, str]:
    name = endpoint.key.name
    values = {
        "Name": name,
        "CreationTime": to_column(endpoint.creation_time),
        "Status": endpoint.status.value,
    }
    return values[sort_by], name


def _is_after(position: tuple[str, str], query: ResourceQuery) -> bool:
    if query.after is None:
        return True
    return position < query.after if query.descending else position > query.after


def _all(connection: Connection) -> list[Endpoint]:
    rows = connection.execute("SELECT * FROM endpoints ORDER BY creation_time, name")
    return [_read(row) for row in rows]


def _request_update(connection: Connection, arn: str, deployment: Deployment, now: datetime) -> bool:
    changed = connection.execute(
        "UPDATE endpoints SET deployment = ?, revision = ?, modified_at = ?"
        " WHERE arn = ? AND revision = ? AND delete_requested_at IS NULL",
        (
            deployment.model_dump_json(),
            deployment.revision,
            to_column(now),
            arn,
            deployment.revision - 1,
        ),
    )
    return bool(changed.rowcount)


def _request_desired(
    connection: Connection, arn: str, desired: Desired, now: datetime, seen: datetime | None
) -> bool:
    changed = connection.execute(
        "UPDATE endpoints SET desired = ?, desired_revision = json_extract(progress, '$.active.revision'),"
        " modified_at = ? WHERE arn = ? AND modified_at IS ? AND delete_requested_at IS NULL"
        " AND json_extract(progress, '$.active') IS NOT NULL AND json_extract(progress, '$.tried') = revision",
        (json.dumps(desired), to_column(now), arn, to_column(seen) if seen else None),
    )
    return bool(changed.rowcount)


def _request_delete(connection: Connection, arn: str, now: datetime) -> None:
    connection.execute(
        "UPDATE endpoints SET delete_requested_at = coalesce(delete_requested_at, ?) WHERE arn = ?",
        (to_column(now), arn),
    )


def _save_progress(connection: Connection, endpoint: Endpoint) -> None:
    progress = endpoint.progress
    connection.execute(
        "UPDATE endpoints SET progress = ?, status = ?, progressed_at = ? WHERE arn = ? AND creation_time = ?",
        (
            progress.model_dump_json(),
            progress.status,
            to_column(progress.last_modified_time),
            endpoint.arn,
            to_column(endpoint.creation_time),
        ),
    )


def _remove(connection: Connection, endpoint: Endpoint) -> None:
    deleted = connection.execute(
        "DELETE FROM endpoints WHERE arn = ? AND creation_time = ? AND delete_requested_at IS NOT NULL",
        (endpoint.arn, to_column(endpoint.creation_time)),
    )
    if deleted.rowcount:
        connection.execute("DELETE FROM tags WHERE resource_arn = ?", (endpoint.arn,))


def _delete_all(connection: Connection, scope: ResetScope) -> list[Endpoint]:
    condition, values = scope.where()
    rows = connection.execute(f"SELECT * FROM endpoints WHERE {condition}", values).fetchall()  # noqa: S608
    connection.execute(f"DELETE FROM endpoints WHERE {condition}", values)  # noqa: S608
    delete_tags(connection, scope)
    return [_read(row) for row in rows]
