"""Rows of transform jobs. The API plane creates them and wishes to stop; the hosting plane saves progress."""

import json
from collections.abc import Mapping
from datetime import datetime

from emulator.domain.arn import ResourceKey
from emulator.domain.reset_scope import ResetScope
from emulator.domain.transform_job import TransformJob, TransformProgress
from emulator.sqlite import Connection, Database, IntegrityError, Row
from emulator.store.changes import Changes
from emulator.store.resource_pages import ResourcePage, ResourceQuery, read_page
from emulator.store.tags import delete_tags, write_tags
from emulator.store.training_jobs import to_column


class TransformJobStore:
    """What the API plane writes wakes the hosting plane through `changes`."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes

    async def create(self, job: TransformJob, tags: Mapping[str, str]) -> bool:
        """Insert the job with its tags. False where its ARN exists already."""
        try:
            await self._database.run(_insert, job, tags)
        except IntegrityError:
            return False
        self._changes.notify()
        return True

    async def get(self, key: ResourceKey) -> TransformJob | None:
        return await self._database.run(_get, key.arn)

    async def page(self, query: ResourceQuery) -> ResourcePage[TransformJob]:
        return await self._database.run(read_page, "listed_transform_jobs", query, _read)

    async def unfinished(self) -> list[TransformJob]:
        """All jobs without a final status, of every account and Region, oldest first."""
        return await self._database.run(_unfinished)

    async def request_stop(self, key: ResourceKey, now: datetime) -> None:
        """Note the wish; the first one counts."""
        await self._database.run(_request_stop, key.arn, now)
        self._changes.notify()

    async def save_progress(self, job: TransformJob) -> None:
        """Of a job that was deleted meanwhile, nothing is saved, not even to one of the same name."""
        await self._database.run(_save_progress, job)

    async def delete_all(self, scope: ResetScope) -> list[TransformJob]:
        """Delete the scope's jobs, and the tags of all its resources; returns the jobs."""
        return await self._database.run(_delete_all, scope)


def _insert(connection: Connection, job: TransformJob, tags: Mapping[str, str]) -> None:
    account_id, region, _, name = job.key
    connection.execute(
        "INSERT INTO transform_jobs (arn, account_id, region, name, creation_time, document, model, progress,"
        " progress_status, progressed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job.arn,
            account_id,
            region,
            name,
            to_column(job.creation_time),
            json.dumps(job.document),
            json.dumps(job.model_document),
            job.progress.model_dump_json(),
            job.progress.status,
            to_column(job.progress.last_modified_time),
        ),
    )
    write_tags(connection, job.arn, tags)


def _get(connection: Connection, arn: str) -> TransformJob | None:
    row = connection.execute("SELECT * FROM transform_jobs WHERE arn = ?", (arn,)).fetchone()
    return _read(row) if row else None


def _read(row: Row) -> TransformJob:
    stop = row["stop_requested_at"]
    return TransformJob(
        key=ResourceKey(row["account_id"], row["region"], "transform-job", row["name"]),
        creation_time=datetime.fromisoformat(row["creation_time"]),
        document=json.loads(row["document"]),
        model_document=json.loads(row["model"]),
        progress=TransformProgress.model_validate_json(row["progress"]),
        stop_requested_at=datetime.fromisoformat(stop) if stop else None,
    )


def _unfinished(connection: Connection) -> list[TransformJob]:
    rows = connection.execute("SELECT * FROM transform_jobs WHERE is_final = 0 ORDER BY creation_time, name")
    return [_read(row) for row in rows]


def _request_stop(connection: Connection, arn: str, now: datetime) -> None:
    connection.execute(
        "UPDATE transform_jobs SET stop_requested_at = coalesce(stop_requested_at, ?) WHERE arn = ?",
        (to_column(now), arn),
    )


def _save_progress(connection: Connection, job: TransformJob) -> None:
    progress = job.progress
    connection.execute(
        "UPDATE transform_jobs SET progress = ?, progress_status = ?, is_final = ?, progressed_at = ?"
        " WHERE arn = ? AND creation_time = ?",
        (
            progress.model_dump_json(),
            progress.status,
            int(progress.status.is_final),
            to_column(progress.last_modified_time),
            job.arn,
            to_column(job.creation_time),
        ),
    )


def _delete_all(connection: Connection, scope: ResetScope) -> list[TransformJob]:
    condition, values = scope.where()
    rows = connection.execute(f"SELECT * FROM transform_jobs WHERE {condition}", values).fetchall()  # noqa: S608
    connection.execute(f"DELETE FROM transform_jobs WHERE {condition}", values)  # noqa: S608
    delete_tags(connection, scope)
    return [_read(row) for row in rows]
