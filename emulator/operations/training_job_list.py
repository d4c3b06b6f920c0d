"""ListTrainingJobs: filters, sorting, pages."""

import base64
import binascii
import json
from typing import Any

from emulator.domain import errors
from emulator.operations.registry import Call, Params, Result, operation
from emulator.operations.training_job_description import warm_pool_status
from emulator.store.training_job_pages import Page, PageQuery, Summary

DEFAULT_PAGE = 10

TIMES = {
    "CreationTimeAfter": "creation_time >",
    "CreationTimeBefore": "creation_time <",
    "LastModifiedTimeAfter": "last_modified_time >",
    "LastModifiedTimeBefore": "last_modified_time <",
}

NOBODY_HAS = ("TrainingPlanArnEquals",)
"""Filters on what no job has here: they find nothing."""


@operation("sagemaker", "ListTrainingJobs")
async def list_training_jobs(call: Call, params: Params) -> Result:
    if any(name in params for name in NOBODY_HAS):
        return {"TrainingJobSummaries": []}
    page = await call.parts.training_jobs.page(page_query(call, params))
    told = [summarize(summary) for summary in page.summaries if _has_status(summary, params)]
    return {"TrainingJobSummaries": told, **next_token(page, params)}


def page_query(call: Call, params: Params) -> PageQuery:
    """Raises ValidationException for a token of another query."""
    return PageQuery(
        account_id=call.caller.account_id,
        region=call.caller.region,
        limit=params.get("MaxResults", DEFAULT_PAGE),
        sort_by=params.get("SortBy", "CreationTime"),
        descending=params.get("SortOrder", "Descending") == "Descending",
        name_contains=params.get("NameContains"),
        warm_pool_status=params.get("WarmPoolStatusEquals"),
        times={column: params[name] for name, column in TIMES.items() if name in params},
        after=read_token(params["NextToken"], params) if "NextToken" in params else None,
    )


def _has_status(summary: Summary, params: Params) -> bool:
    """AWS takes the page first and then filters it (API ListTrainingJobsRequest$StatusEquals)."""
    return bool(summary.status == params.get("StatusEquals", summary.status))


def summarize(summary: Summary) -> Result:
    told = {
        "TrainingJobName": summary.name,
        "TrainingJobArn": summary.arn,
        "CreationTime": summary.creation_time,
        "TrainingEndTime": summary.training_end_time,
        "LastModifiedTime": summary.last_modified_time,
        "TrainingJobStatus": summary.status,
        "SecondaryStatus": summary.secondary_status,
        "WarmPoolStatus": warm_pool_status(summary.warm_pool),
    }
    return {name: value for name, value in told.items() if value is not None}


def next_token(page: Page, params: Params) -> Result:
    if not page.has_more:
        return {}
    content = json.dumps([*page.summaries[-1].position, _order(params)])
    return {"NextToken": base64.urlsafe_b64encode(content.encode()).decode()}


def read_token(token: str, params: Params) -> tuple[str, str]:
    try:
        content: Any = json.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise errors.invalid_next_token() from error
    if not isinstance(content, list) or len(content) != 3 or content[2] != _order(params):
        raise errors.invalid_next_token()
    return str(content[0]), str(content[1])


def _order(params: Params) -> str:
    return f"{params.get('SortBy', 'CreationTime')} {params.get('SortOrder', 'Descending')}"
