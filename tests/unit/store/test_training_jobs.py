from collections.abc import Awaitable, Callable
from datetime import timedelta, timezone
from functools import partial
from pathlib import Path

import anyio
import pytest

from emulator.domain.arn import TrainingJobKey
from emulator.domain.cluster import Limits
from emulator.domain.progress import Placement
from emulator.domain.status import SecondaryStatus, TrainingJobStatus
from emulator.sqlite import Database
from emulator.store.changes import Changes
from emulator.store.tags import TagStore
from emulator.store.training_jobs import TrainingJobStore
from tests.support.builders import ACCOUNT, REGION, a_progress, a_training_job
from tests.support.clock import START

S = SecondaryStatus
MIGRATIONS = "emulator.store.migrations"
LATER = START + timedelta(seconds=90)

Test = Callable[[TrainingJobStore, TagStore], Awaitable[None]]
Run = Callable[[Test], None]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a test against a store on the same file, opened anew each time."""

    def run_with_store(test: Test) -> None:
        async def main() -> None:
            database = Database(tmp_path / "state.db", MIGRATIONS)
            try:
                await test(TrainingJobStore(database, Changes()), TagStore(database))
            finally:
                database.close()

        anyio.run(main)

    return run_with_store


def test_get_gives_back_what_was_created(run: Run) -> None:
    job = a_training_job("Mixed-Case", HyperParameters={"é": "☃"}, Environment={"A": ""})

    async def test(store: TrainingJobStore, tags: TagStore) -> None:
        assert await store.create(job, {"team": "a"}) is True
        assert await store.get(job.key) == job
        assert await tags.get(job.arn) == {"team": "a"}

    run(test)


def test_get_of_an_unknown_job_is_none(run: Run) -> None:
    async def test(store: TrainingJobStore, _: TagStore) -> None:
        assert await store.get(TrainingJobKey(ACCOUNT, REGION, "unknown")) is None

    run(test)


@pytest.mark.parametrize("name", ["job", "JOB"])
def test_create_twice_keeps_the_first(run: Run, name: str) -> None:
    """The ARN tells no upper case, so names that differ in it alone cannot stand side by side."""
    first = a_training_job("job", HyperParameters={"a": "1"})

    async def test(store: TrainingJobStore, tags: TagStore) -> None:
        await store.create(first, {"k": "first"})
        assert (
            await store.create(a_training_job(name, HyperParameters={"a": "2"}), {"k": "x", "l": "x"})
            is False
        )
        assert await store.get(first.key) == first
        assert await tags.get(first.arn) == {"k": "first"}

    run(test)


def test_create_takes_the_same_name_in_another_account_and_region(run: Run) -> None:
    keys = [
        TrainingJobKey(account, region, "job") for account in ("1" * 12, "2" * 12) for region in ("a", "b")
    ]

    async def test(store: TrainingJobStore, _: TagStore) -> None:
        assert [await store.create(a_training_job(key=key), {}) for key in keys] == [True] * 4
        assert [job.key for key in keys if (job := await store.get(key))] == keys

    run(test)


def test_request_stop_keeps_the_first_time(run: Run) -> None:
    job = a_training_job()

    async def test(store: TrainingJobStore, _: TagStore) -> None:
        await store.create(job, {})
        await store.request_stop(job.key, LATER)
        await store.request_stop(job.key, LATER + timedelta(hours=1))
        found = await store.get(job.key)
        assert found is not None
        assert found.stop_requested_at == LATER
        assert found.status is TrainingJobStatus.STOPPING
        assert found.progress == job.progress

    run(test)


def test_request_stop_of_an_unknown_job_makes_none(run: Run) -> None:
    async def test(store: TrainingJobStore, _: TagStore) -> None:
        await store.request_stop(a_training_job().key, LATER)
        assert await store.get(a_training_job().key) is None

    run(test)


def test_save_progress_leaves_the_wish_to_stop(run: Run) -> None:
    """The job plane saves a job that it read before the wish came."""
    job = a_training_job()

    async def test(store: TrainingJobStore, _: TagStore) -> None:
        await store.create(job, {})
        await store.request_stop(job.key, LATER)
        await store.save_progress(job.advance(a_progress(S.DOWNLOADING)))
        found = await store.get(job.key)
        assert found is not None
        assert (found.stop_requested_at, found.progress) == (LATER, a_progress(S.DOWNLOADING))

    run(test)


def test_row_survives_a_new_process_with_everything_on_it(run: Run) -> None:
    limits = Limits(memory_bytes=7, cpus=1, shm_bytes=3, gpu_ids=("0",))
    progress = a_progress(
        S.DOWNLOADING,
        S.TRAINING,
        placement=Placement(limits={"algo-1": limits}, notices={"algo-1": ("n",)}),
        object_counts={"train": {"algo-1": 5}},
        failure_reason="AlgorithmError: é",
    )
    job = a_training_job(progress=progress)

    async def write(store: TrainingJobStore, _: TagStore) -> None:
        await store.create(job, {})
        await store.request_stop(job.key, LATER)

    async def read(store: TrainingJobStore, _: TagStore) -> None:
        found = await store.get(job.key)
        assert found == a_training_job(progress=progress, stop_requested_at=LATER)

    run(write)
    run(read)


def test_times_come_back_equal_from_another_time_zone(run: Run) -> None:
    local = START.astimezone(timezone(timedelta(hours=-7)))
    whole = START.replace(microsecond=0)

    async def test(store: TrainingJobStore, _: TagStore) -> None:
        for name, time in (("local", local), ("whole", whole)):
            job = a_training_job(name, created=time)
            await store.create(job, {})
            found = await store.get(job.key)
            assert found is not None
            assert found.creation_time == time

    run(test)


def test_unfinished_are_in_order_whatever_the_zone_and_precision_of_their_times(run: Run) -> None:
    whole = START.replace(microsecond=0)
    times = {
        "first": whole.astimezone(timezone(timedelta(hours=9))),
        "second": whole + timedelta(microseconds=500_000),
        "third": (whole + timedelta(seconds=1)).astimezone(timezone(timedelta(hours=-7))),
    }

    async def test(store: TrainingJobStore, _: TagStore) -> None:
        for name in reversed(times):
            await store.create(a_training_job(name, created=times[name]), {})
        assert [job.key.name for job in await store.unfinished()] == list(times)

    run(test)


def test_unfinished_are_oldest_first_of_all_accounts(run: Run) -> None:
    over = [S.COMPLETED, S.FAILED, S.STOPPED, S.MAX_RUNTIME_EXCEEDED]

    async def test(store: TrainingJobStore, _: TagStore) -> None:
        for name, seconds in (("c", 2), ("b", 2), ("late", 3), ("early", 1)):
            created = START + timedelta(seconds=seconds)
            await store.create(a_training_job(name, created=created), {})
        other = TrainingJobKey("9" * 12, "us-west-2", "other")
        await store.create(a_training_job(key=other, created=START), {})
        for status in over:
            job = a_training_job(f"over-{status}")
            await store.create(job, {})
            await store.save_progress(job.advance(a_progress(S.DOWNLOADING, S.TRAINING, S.UPLOADING, status)))
        names = [job.key.name for job in await store.unfinished()]
        assert names == ["other", "early", "b", "c", "late"]

    run(test)


@pytest.mark.parametrize("verb", ["create", "request_stop"])
def test_what_the_api_plane_writes_wakes_whoever_waits(tmp_path: Path, verb: str) -> None:
    job = a_training_job()

    async def main() -> bool:
        database, changes = Database(tmp_path / "state.db", MIGRATIONS), Changes()
        store = TrainingJobStore(database, changes)
        writes: dict[str, Callable[[], Awaitable[object]]] = {
            "create": partial(store.create, job, {}),
            "request_stop": partial(store.request_stop, job.key, LATER),
        }
        if verb != "create":
            await store.create(job, {})
            await changes.wait(0)
        woken = anyio.Event()
        async with anyio.create_task_group() as tasks:

            async def wait() -> None:
                await changes.wait(60)
                woken.set()

            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            await writes[verb]()
            with anyio.move_on_after(30):
                await woken.wait()
            tasks.cancel_scope.cancel()
        database.close()
        return woken.is_set()

    assert anyio.run(main)
