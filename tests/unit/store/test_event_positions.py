from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import anyio

from emulator.domain.status import SecondaryStatus as S
from emulator.sqlite import Database
from emulator.store.changes import Changes
from emulator.store.event_positions import EventPositionStore
from emulator.store.training_jobs import TrainingJobStore
from tests.support.builders import a_progress, a_training_job

Test = Callable[[TrainingJobStore, EventPositionStore], Awaitable[None]]


def run(path: Path, test: Test) -> None:
    async def main() -> None:
        database = Database(path / "state.db", "emulator.store.migrations")
        try:
            await test(TrainingJobStore(database, Changes()), EventPositionStore(database))
        finally:
            database.close()

    anyio.run(main)


async def untold(positions: EventPositionStore) -> list[tuple[str, int]]:
    return [(one.job.key.name, one.told) for one in await positions.untold(10)]


def test_a_job_has_something_to_tell_until_all_its_transitions_are_told(tmp_path: Path) -> None:
    async def test(jobs: TrainingJobStore, positions: EventPositionStore) -> None:
        job = a_training_job("one")
        await jobs.create(job, {"team": "a"})
        (first,) = await positions.untold(10)
        assert (first.job, first.tags, first.told) == (job, {"team": "a"}, 0)
        await positions.save(job, 1)
        assert await untold(positions) == []
        await jobs.save_progress(job.advance(a_progress(S.DOWNLOADING, S.TRAINING)))
        assert await untold(positions) == [("one", 1)]

    run(tmp_path, test)


def test_a_namesake_is_told_of_from_its_beginning(tmp_path: Path) -> None:
    async def test(jobs: TrainingJobStore, positions: EventPositionStore) -> None:
        namesake = a_training_job("one")
        former = replace(namesake, creation_time=namesake.creation_time - timedelta(days=1))
        await jobs.create(namesake, {})
        await positions.save(former, 5)
        await jobs.save_progress(former.advance(a_progress(S.DOWNLOADING)))
        assert await untold(positions) == [("one", 0)]
        found = await jobs.get(namesake.key)
        assert found is not None
        assert found.secondary_status is S.STARTING

    run(tmp_path, test)


def test_what_happened_while_the_feed_was_off_counts_as_told(tmp_path: Path) -> None:
    async def create(name: str, jobs: TrainingJobStore, positions: EventPositionStore) -> None:
        await jobs.create(a_training_job(name), {})

    async def turn_on(jobs: TrainingJobStore, positions: EventPositionStore) -> None:
        await positions.turn_on()

    async def turn_off(jobs: TrainingJobStore, positions: EventPositionStore) -> None:
        await positions.turn_off()

    async def check(expected: list[str], jobs: TrainingJobStore, positions: EventPositionStore) -> None:
        assert [name for name, _ in await untold(positions)] == expected

    for step in (
        partial(create, "one"),
        turn_on,
        partial(check, []),
        partial(create, "two"),
        turn_on,
        partial(check, ["two"]),
        turn_off,
        partial(create, "three"),
        turn_on,
        partial(check, []),
    ):
        run(tmp_path, step)
