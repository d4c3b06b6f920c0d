from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from emulator.domain.arn import TrainingJobKey
from emulator.domain.status import SecondaryStatus
from emulator.domain.stop_reason import StopReason
from emulator.domain.training_job import TrainingJob
from emulator.sqlite import Database
from emulator.store.changes import Changes
from emulator.store.training_job_pages import Page, PageQuery, Summary
from emulator.store.training_jobs import TrainingJobStore
from tests.support.builders import ACCOUNT, REGION, a_progress, a_training_job
from tests.support.clock import START

S = SecondaryStatus
TO_THE_END = (S.DOWNLOADING, S.TRAINING, S.UPLOADING, S.COMPLETED)
LATER = START + timedelta(days=1)
ALL = PageQuery(ACCOUNT, REGION, limit=100)

List = Callable[..., list[Page]]


@pytest.fixture
def list_jobs(tmp_path: Path) -> List:
    """Stores the jobs, then reads a page for each query."""

    def read(jobs: Iterable[TrainingJob], *queries: PageQuery) -> list[Page]:
        async def main() -> list[Page]:
            database = Database(tmp_path / "state.db", "emulator.store.migrations")
            store = TrainingJobStore(database, Changes())
            for job in jobs:
                await store.create(job, {})
                await store.save_progress(job)
                if job.stop_requested_at is not None:
                    await store.request_stop(job.key, job.stop_requested_at)
            pages = [await store.page(query) for query in queries]
            database.close()
            return pages

        return anyio.run(main)

    return read


def names(page: Page) -> list[str]:
    return [summary.name for summary in page.summaries]


def walk(list_jobs: List, jobs: list[TrainingJob], query: PageQuery) -> list[str]:
    """All names, page after page."""
    found: list[str] = []
    (page,) = list_jobs(jobs, query)
    found += names(page)
    while page.has_more:
        assert len(page.summaries) == query.limit
        (page,) = list_jobs([], replace(query, after=page.summaries[-1].position))
        found += names(page)
    return found


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort_by", ["CreationTime", "Name", "Status"])
@pytest.mark.parametrize("limit", [1, 3, 7])
def test_pages_over_equal_values_lose_and_double_nothing(
    list_jobs: List, sort_by: str, descending: bool, limit: int
) -> None:
    jobs = [a_training_job(name) for name in "gbfacde"]
    query = PageQuery(ACCOUNT, REGION, limit, sort_by, descending)

    assert walk(list_jobs, jobs, query) == sorted("abcdefg", reverse=descending)


def test_page_is_sorted_by_time_then_name(list_jobs: List) -> None:
    jobs = [
        a_training_job(name, created=START + timedelta(seconds=s))
        for name, s in (("b", 1), ("a", 1), ("z", 0))
    ]

    ascending, descending = list_jobs(jobs, ALL, replace(ALL, descending=True))

    assert names(ascending) == ["z", "a", "b"]
    assert names(descending) == ["b", "a", "z"]


def test_page_is_sorted_by_status(list_jobs: List) -> None:
    jobs = [
        a_training_job("running"),
        a_training_job("done", progress=a_progress(*TO_THE_END)),
        a_training_job("stopping", stop_requested_at=LATER),
    ]

    (page,) = list_jobs(jobs, replace(ALL, sort_by="Status"))

    assert names(page) == ["done", "running", "stopping"]


def test_page_tells_of_no_more_where_it_is_just_full(list_jobs: List) -> None:
    full, short = list_jobs(
        [a_training_job("a"), a_training_job("b")], replace(ALL, limit=2), replace(ALL, limit=1)
    )

    assert (names(full), full.has_more) == (["a", "b"], False)
    assert (names(short), short.has_more) == (["a"], True)


def test_page_has_one_account_and_region_alone(list_jobs: List) -> None:
    others = [TrainingJobKey("9" * 12, REGION, "x"), TrainingJobKey(ACCOUNT, "us-west-2", "y")]

    (page,) = list_jobs([a_training_job("mine"), *(a_training_job(key=key) for key in others)], ALL)

    assert names(page) == ["mine"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("rain", ["Train-1", "train-2"]),
        ("TRAIN", ["Train-1", "train-2"]),
        ("-", ["Train-1", "train-2"]),
        ("%", []),
        ("_", []),
    ],
)
def test_page_filters_by_a_part_of_the_name_in_any_case(list_jobs: List, text: str, found: list[str]) -> None:
    jobs = [a_training_job("Train-1"), a_training_job("train-2"), a_training_job("other")]

    (page,) = list_jobs(jobs, replace(ALL, name_contains=text))

    assert names(page) == found


@pytest.mark.parametrize(
    ("comparison", "seconds", "found"),
    [
        ("creation_time >", 0, ["b", "c"]),
        ("creation_time >", -0.000_001, ["a", "b", "c"]),
        ("creation_time <", 1, ["a"]),
        ("last_modified_time >", 1, ["c"]),
        ("last_modified_time <", 2, ["a", "b"]),
    ],
)
def test_page_filters_by_time(list_jobs: List, comparison: str, seconds: float, found: list[str]) -> None:
    jobs = [a_training_job(name, created=START + timedelta(seconds=n)) for n, name in enumerate("abc")]
    time = START + timedelta(seconds=seconds)

    (page,) = list_jobs(jobs, replace(ALL, times={comparison: time}))

    assert names(page) == found


def test_page_filters_before_it_pages(list_jobs: List) -> None:
    jobs = [a_training_job(f"{kind}-{n}") for n in range(3) for kind in ("keep", "drop")]

    assert walk(list_jobs, jobs, replace(ALL, limit=2, name_contains="keep")) == [
        "keep-0",
        "keep-1",
        "keep-2",
    ]


def test_summary_has_the_job_s_facts(list_jobs: List) -> None:
    job = a_training_job("Done", progress=a_progress(*TO_THE_END))

    (page,) = list_jobs([job], ALL)

    assert page.summaries == (
        Summary(
            name="Done",
            arn=job.arn,
            creation_time=START,
            last_modified_time=START + timedelta(seconds=40),
            status="Completed",
            secondary_status=S.COMPLETED,
            training_end_time=START + timedelta(seconds=40),
            position=(START.isoformat(timespec="microseconds"), "Done"),
        ),
    )


STATES: dict[str, dict[str, Any]] = {
    "new": {},
    "wish to stop before capacity": {"progress": a_progress(S.PENDING), "stop_requested_at": LATER},
    "wish to stop unheard": {"progress": a_progress(S.DOWNLOADING, S.TRAINING), "stop_requested_at": LATER},
    "wish to stop heard": {
        "progress": a_progress(S.DOWNLOADING, S.TRAINING, S.STOPPING, stop_reason=StopReason.USER),
        "stop_requested_at": LATER,
    },
    "wish to stop while uploading": {
        "progress": a_progress(S.DOWNLOADING, S.TRAINING, S.UPLOADING),
        "stop_requested_at": LATER,
    },
    "time is up": {
        "progress": a_progress(S.DOWNLOADING, S.TRAINING, S.STOPPING, stop_reason=StopReason.MAX_RUNTIME)
    },
    "time was up": {
        "progress": a_progress(
            S.DOWNLOADING, S.TRAINING, S.STOPPING, S.UPLOADING, stop_reason=StopReason.MAX_RUNTIME
        )
    },
    "wish to stop came too late": {"progress": a_progress(*TO_THE_END), "stop_requested_at": LATER},
    "stopped": {
        "progress": a_progress(S.STOPPING, S.STOPPED, stop_reason=StopReason.USER),
        "stop_requested_at": START,
    },
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
def test_summary_tells_the_same_as_the_job(list_jobs: List, state: dict[str, Any]) -> None:
    """ListTrainingJobs and DescribeTrainingJob never differ."""
    job = a_training_job(**state)

    (page,) = list_jobs([job], ALL)

    (summary,) = page.summaries
    assert (summary.status, summary.secondary_status) == (job.status, job.secondary_status)
    assert summary.last_modified_time == job.last_modified_time
    assert summary.training_end_time == job.progress.training_end_time
