"""How many of a job's transitions were told as events, so that a restart loses none and repeats none."""

from typing import NamedTuple

from emulator.domain.training_job import TrainingJob
from emulator.sqlite import Connection, Database
from emulator.store.tags import read_tags
from emulator.store.training_jobs import to_column, training_job_from_row


class UntoldJob(NamedTuple):
    job: TrainingJob
    tags: dict[str, str]
    told: int
    """Index of the first transition that was not told yet."""


class EventPositionStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def turn_on(self) -> None:
        """Where the feed was off until now, what happened meanwhile counts as told."""
        await self._database.run(_turn_on)

    async def turn_off(self) -> None:
        await self._database.run(lambda connection: connection.execute("DELETE FROM event_feed"))

    async def untold(self, limit: int) -> list[UntoldJob]:
        """Jobs with something to tell, the oldest first."""
        return await self._database.run(_untold, limit)

    async def save(self, job: TrainingJob, told: int) -> None:
        await self._database.run(_save, job, told)


def _turn_on(connection: Connection) -> None:
    if connection.execute("INSERT OR IGNORE INTO event_feed VALUES (1)").rowcount:
        connection.execute(
            "UPDATE training_jobs SET events_told = transition_count WHERE events_told < transition_count"
        )


def _untold(connection: Connection, limit: int) -> list[UntoldJob]:
    rows = connection.execute(
        "SELECT * FROM training_jobs WHERE events_told < transition_count ORDER BY creation_time LIMIT ?",
        (limit,),
    ).fetchall()
    return [
        UntoldJob(training_job_from_row(row), read_tags(connection, row["arn"]), row["events_told"])
        for row in rows
    ]


def _save(connection: Connection, job: TrainingJob, told: int) -> None:
    connection.execute(
        "UPDATE training_jobs SET events_told = ? WHERE arn = ? AND creation_time = ?",
        (told, job.arn, to_column(job.creation_time)),
    )
