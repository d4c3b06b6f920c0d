import base64
import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from emulator.domain.caller import Caller
from emulator.domain.errors import ServiceError
from emulator.domain.status import SecondaryStatus
from emulator.domain.warm_pool import PoolStatus, WarmPool
from emulator.operations.registry import Call, Parts
from emulator.operations.training_job_list import (
    list_training_jobs,
    next_token,
    page_query,
    read_token,
    summarize,
)
from emulator.store.training_job_pages import Page, PageQuery, Summary
from tests.support.builders import ACCOUNT, REGION
from tests.support.clock import START


class ScriptedStore:
    """Gives one page, whatever it is asked for, and remembers the questions."""

    def __init__(self, page: Page) -> None:
        self.queries: list[PageQuery] = []
        self._page = page

    async def page(self, query: PageQuery) -> Page:
        self.queries.append(query)
        return self._page


def a_call(store: ScriptedStore | None = None) -> Call:
    parts = SimpleNamespace(training_jobs=store or ScriptedStore(Page((), has_more=False)))
    return Call(Caller(ACCOUNT, REGION, "key", "request"), cast(Parts, parts))


def a_summary(name: str = "Job", status: str = "InProgress", **facts: Any) -> Summary:
    return Summary(
        **{
            "name": name,
            "arn": f"arn:{name}",
            "creation_time": START,
            "last_modified_time": START + timedelta(seconds=1),
            "status": status,
            "secondary_status": SecondaryStatus.TRAINING,
            "training_end_time": None,
            "position": ("2024", name),
            **facts,
        }
    )


def list_jobs(store: ScriptedStore, **params: Any) -> Any:
    return anyio.run(list_training_jobs, a_call(store), params)


def test_query_without_members_has_the_newest_ten() -> None:
    assert page_query(a_call(), {}) == PageQuery(
        ACCOUNT, REGION, limit=10, sort_by="CreationTime", descending=True
    )


def test_query_has_what_was_asked_for() -> None:
    params = {
        "MaxResults": 7,
        "SortBy": "Name",
        "SortOrder": "Ascending",
        "NameContains": "x",
        "CreationTimeAfter": START,
        "CreationTimeBefore": START + timedelta(1),
        "LastModifiedTimeAfter": START + timedelta(2),
        "LastModifiedTimeBefore": START + timedelta(3),
    }

    assert page_query(a_call(), params) == PageQuery(
        ACCOUNT,
        REGION,
        limit=7,
        sort_by="Name",
        descending=False,
        name_contains="x",
        times={
            "creation_time >": START,
            "creation_time <": START + timedelta(1),
            "last_modified_time >": START + timedelta(2),
            "last_modified_time <": START + timedelta(3),
        },
    )


def test_summary_has_the_members_of_the_api() -> None:
    assert summarize(a_summary()) == {
        "TrainingJobName": "Job",
        "TrainingJobArn": "arn:Job",
        "CreationTime": START,
        "LastModifiedTime": START + timedelta(seconds=1),
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Training",
    }
    assert summarize(a_summary(training_end_time=START))["TrainingEndTime"] == START


def test_list_filters_the_page_by_status_only_after_it_was_taken() -> None:
    """API ListTrainingJobsRequest$StatusEquals with MaxResults."""
    store = ScriptedStore(Page((a_summary("a", "Failed"), a_summary("b")), has_more=True))

    answer = list_jobs(store, StatusEquals="Failed", MaxResults=2)

    assert [one["TrainingJobName"] for one in answer["TrainingJobSummaries"]] == ["a"]
    assert read_token(answer["NextToken"], {}) == ("2024", "b")
    assert store.queries[0].limit == 2


def test_list_finds_nothing_by_what_no_job_has() -> None:
    store = ScriptedStore(Page((a_summary(),), has_more=True))

    assert list_jobs(store, TrainingPlanArnEquals="x") == {"TrainingJobSummaries": []}


def test_list_asks_for_the_status_of_the_warm_pool_and_tells_it() -> None:
    pool = WarmPool(status=PoolStatus.REUSED, available_since=START, retained_seconds=7, reused_by="next")
    store = ScriptedStore(Page((a_summary(warm_pool=pool), a_summary("b")), has_more=False))

    first, second = list_jobs(store, WarmPoolStatusEquals="Reused")["TrainingJobSummaries"]

    assert store.queries[0].warm_pool_status == "Reused"
    assert first["WarmPoolStatus"] == {
        "Status": "Reused",
        "ResourceRetainedBillableTimeInSeconds": 7,
        "ReusedByJob": "next",
    }
    assert "WarmPoolStatus" not in second


def test_last_page_has_no_token() -> None:
    assert next_token(Page((a_summary(),), has_more=False), {}) == {}


@pytest.mark.parametrize("params", [{}, {"SortBy": "Name", "SortOrder": "Ascending"}])
def test_token_leads_to_where_the_page_ended(params: dict[str, Any]) -> None:
    page = Page((a_summary("a"), a_summary("z", position=("é ☃", "z"))), has_more=True)

    token = next_token(page, params)["NextToken"]

    query = page_query(a_call(), {**params, "NextToken": token})
    assert query.after == ("é ☃", "z")
    assert len(token) <= 8_192


def token_of(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "é",
        "not a token!",
        "AAAA",
        "gA==",
        token_of(None),
        token_of({}),
        token_of("abc"),
        token_of(["2024", "a"]),
        token_of(["2024", "a", "CreationTime Descending", "more"]),
        token_of(["2024", "a", "Name Descending"]),
        token_of(["2024", "a", "CreationTime Ascending"]),
        base64.urlsafe_b64encode(b"[" * 6_000).decode(),
    ],
)
def test_token_of_another_query_or_of_nobody_is_refused(token: str) -> None:
    with pytest.raises(ServiceError) as refusal:
        read_token(token, {})

    assert refusal.value.code == "ValidationException"
    assert "NextToken" in refusal.value.message
