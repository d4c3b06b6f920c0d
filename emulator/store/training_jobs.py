"""Rows of training jobs. The API plane creates them and wishes to stop; the job plane saves progress."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from emulator.domain.arn import TrainingJobKey
from emulator.domain.progress import Progress
from emulator.domain.reset_scope import ResetScope
from emulator.domain.status import FINAL
from emulator.domain.training_job import TrainingJob
from emulator.sqlite import Connection, Database, IntegrityError, Row
from emulator.store.changes import Changes
from emulator.store.tags import delete_tags, read_tags, write_tags
from emulator.store.training_job_pages import Page, PageQuery, read_page


class TaggedJob(NamedTuple):
    job: TrainingJob
    tags: dict[str, str]


class TrainingJobStore:
    """What the API plane writes wakes the job plane through `changes`."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes
        self.progressed = Changes()
        """Notified of every new status, for the one who tells of them."""

    async def create(self, job: TrainingJob, tags: Mapping[str, str]) -> bool:
        """Insert the job with its tags. False where its ARN exists already."""
        try:
            await self._database.run(_insert, job, tags)
        except IntegrityError:
            return False
        self._changes.notify()
        self.progressed.notify()
        return True

    async def get(self, key: TrainingJobKey) -> TrainingJob | None:
        return await self._database.run(_get, key.arn)

    async def page(self, query: PageQuery) -> Page:
        return await self._database.run(read_page, query)

    async def unfinished(self) -> list[TrainingJob]:
        """All jobs without a final status, of every account and Region, oldest first."""
        return await self._database.run(_unfinished)

    async def warm(self) -> list[TrainingJob]:
        """All finished jobs whose instances wait for a next job, those that wait longest first."""
        return await self._database.run(_warm)

    async def request_stop(self, key: TrainingJobKey, now: datetime) -> None:
        """Note the wish; the first one counts."""
        await self._database.run(_request_stop, key.arn, now)
        self._changes.notify()

    async def request_interruption(self, key: TrainingJobKey) -> None:
        await self._database.run(_request_interruption, key.arn)
        self._changes.notify()

    async def request_fault(self, key: TrainingJobKey) -> None:
        """Wish for an internal error of the platform."""
        await self._database.run(_request_fault, key.arn)
        self._changes.notify()

    async def save_progress(self, job: TrainingJob) -> None:
        """Of a job that was deleted meanwhile, nothing is saved, not even to one of the same name."""
        await self._database.run(_save_progress, job)
        self.progressed.notify()

    async def save_updates(self, key: TrainingJobKey, updates: Mapping[str, Any], now: datetime) -> None:
        """Merge into what earlier updates changed: the latest value of a member counts."""
        await self._database.run(_save_updates, key.arn, updates, now)
        self._changes.notify()

    async def release_finished(self, kept: Iterable[str]) -> None:
        """Note that nothing is left of any finished job, except those with the ARNs `kept`."""
        await self._database.run(_release_finished, list(kept))

    async def delete(self, job: TrainingJob) -> bool:
        """Delete a job that is over and released, with its tags. False, with nothing done, where it is not."""
        return await self._database.run(_delete, job)

    async def scan(self, account_id: str, region: str, after: str, limit: int) -> list[TaggedJob]:
        """The next jobs of one account and Region, with their tags, in the order of their ARNs."""
        return await self._database.run(_scan, account_id, region, after, limit)

    async def delete_all(self, scope: ResetScope) -> list[TrainingJob]:
        """Delete the scope's jobs, and the tags of all its resources; returns the jobs."""
        return await self._database.run(_delete_all, scope)


def to_column(time: datetime) -> str:
    """Times sort as text: UTC, always microseconds."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def training_job_from_row(row: Row) -> TrainingJob:
    stop = row["stop_requested_at"]
    return TrainingJob(
        key=TrainingJobKey(row["account_id"], row["region"], row["name"]),
        creation_time=datetime.fromisoformat(row["creation_time"]),
        document=json.loads(row["document"]),
        progress=Progress.model_validate_json(row["progress"]),
        stop_requested_at=datetime.fromisoformat(stop) if stop else None,
        interruptions_requested=row["interruptions_requested"],
        faults_requested=row["faults_requested"],
        resolved=json.loads(row["resolved"]),
        updates=json.loads(row["updates"]),
        updated_at=datetime.fromisoformat(row["updated_at"]) if row["updated_at"] else None,
        is_released=bool(row["released"]),
    )


def _insert(connection: Connection, job: TrainingJob, tags: Mapping[str, str]) -> None:
    connection.execute(
        "INSERT INTO training_jobs (arn, account_id, region, name, creation_time, document, progress,"
        " secondary_status, progressed_at, resolved) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job.arn,
            *job.key,
            to_column(job.creation_time),
            json.dumps(job.document),
            job.progress.model_dump_json(),
            job.progress.secondary_status,
            to_column(job.progress.last_modified_time),
            json.dumps(job.resolved),
        ),
    )
    write_tags(connection, job.arn, tags)


def _get(connection: Connection, arn: str) -> TrainingJob | None:
    row = connection.execute("SELECT * FROM training_jobs WHERE arn = ?", (arn,)).fetchone()
    return training_job_from_row(row) if row else None


def _unfinished(connection: Connection) -> list[TrainingJob]:
    rows = connection.execute(
        "SELECT * FROM training_jobs WHERE final_status IS NULL ORDER BY creation_time, name"
    )
    return [training_job_from_row(row) for row in rows]


def _warm(connection: Connection) -> list[TrainingJob]:
    rows = connection.execute(
        "SELECT * FROM training_jobs WHERE warm_pool_status = 'Available' ORDER BY creation_time"
    )
    jobs = [training_job_from_row(row) for row in rows]
    return sorted(jobs, key=lambda job: job.progress.last_modified_time)


def _request_stop(connection: Connection, arn: str, now: datetime) -> None:
    connection.execute(
        "UPDATE training_jobs SET stop_requested_at = coalesce(stop_requested_at, ?) WHERE arn = ?",
        (to_column(now), arn),
    )


def _request_interruption(connection: Connection, arn: str) -> None:
    connection.execute(
        "UPDATE training_jobs SET interruptions_requested = interruptions_requested + 1 WHERE arn = ?", (arn,)
    )


def _request_fault(connection: Connection, arn: str) -> None:
    connection.execute(
        "UPDATE training_jobs SET faults_requested = faults_requested + 1 WHERE arn = ?", (arn,)
    )


def _save_progress(connection: Connection, job: TrainingJob) -> None:
    progress = job.progress
    connection.execute(
        "UPDATE training_jobs SET progress = ?, secondary_status = ?, final_status = ?, progressed_at = ?,"
        " transition_count = ?, warm_pool_status = ? WHERE arn = ? AND creation_time = ?",
        (
            progress.model_dump_json(),
            progress.secondary_status,
            FINAL.get(progress.secondary_status),
            to_column(progress.last_modified_time),
            len(progress.transitions),
            progress.warm_pool.status if progress.warm_pool else None,
            job.arn,
            to_column(job.creation_time),
        ),
    )


def _save_updates(connection: Connection, arn: str, updates: Mapping[str, Any], now: datetime) -> None:
    connection.execute(
        "UPDATE training_jobs SET updates = json_patch(updates, ?), updated_at = ? WHERE arn = ?",
        (json.dumps(updates), to_column(now), arn),
    )


def _release_finished(connection: Connection, kept: list[str]) -> None:
    connection.execute(
        "UPDATE training_jobs SET released = 1 WHERE final_status IS NOT NULL AND released = 0"
        " AND arn NOT IN (SELECT value FROM json_each(?))",
        (json.dumps(kept),),
    )


def _delete(connection: Connection, job: TrainingJob) -> bool:
    deleted = connection.execute(
        "DELETE FROM training_jobs WHERE arn = ? AND creation_time = ? AND final_status IS NOT NULL AND released = 1",
        (job.arn, to_column(job.creation_time)),
    )
    if deleted.rowcount:
        connection.execute("DELETE FROM tags WHERE resource_arn = ?", (job.arn,))
    return bool(deleted.rowcount)


def _scan(connection: Connection, account_id: str, region: str, after: str, limit: int) -> list[TaggedJob]:
    rows = connection.execute(
        "SELECT * FROM training_jobs WHERE account_id = ? AND region = ? AND arn > ? ORDER BY arn LIMIT ?",
        (account_id, region, after, limit),
    ).fetchall()
    return [TaggedJob(training_job_from_row(row), read_tags(connection, row["arn"])) for row in rows]


def _delete_all(connection: Connection, scope: ResetScope) -> list[TrainingJob]:
    condition, values = scope.where()
    jobs = connection.execute(f"SELECT * FROM training_jobs WHERE {condition}", values).fetchall()  # noqa: S608
    connection.execute(f"DELETE FROM training_jobs WHERE {condition}", values)  # noqa: S608
    delete_tags(connection, scope)
    return [training_job_from_row(row) for row in jobs]
