"""Search and GetSearchSuggestions, for training jobs."""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

from emulator.domain import errors
from emulator.domain.search_expression import compile_expression
from emulator.domain.search_order import Position, first_after, position_of, sorting_property
from emulator.operations.page_position import read_position, write_position
from emulator.operations.registry import Call, Params, Result, operation
from emulator.operations.training_job_description import describe
from emulator.store.training_jobs import TaggedJob

DEFAULT_PAGE = 10
BATCH = 200
"""Jobs in memory at a time, beside the page."""
MOST_SUGGESTIONS = 100
NOT_SEARCHED = frozenset(
    {
        "BillableTokenCount",
        "InfraCheckConfig",
        "MlflowConfig",
        "MlflowDetails",
        "ProfilerRuleConfigurations",
        "ProfilerRuleEvaluationStatuses",
        "ProfilingStatus",
        "ProgressInfo",
        "RemoteDebugConfig",
        "ServerlessJobConfig",
    }
)
"""Members of DescribeTrainingJob that a SearchRecord's TrainingJob does not have."""


@operation("sagemaker", "Search")
async def search(call: Call, params: Params) -> Result:
    _require_training_jobs(params)
    matches, by = compile_expression(params.get("SearchExpression")), sorting_property(params.get("SortBy"))
    limit, descending = params.get("MaxResults", DEFAULT_PAGE), params.get("SortOrder") != "Ascending"
    query = _fingerprint(params)
    after = _read_token(params, query)
    if params.get("CrossAccountFilterOption") == "CrossAccount":
        return _answer([], 0)
    page: list[tuple[Position, Result]] = []
    total = 0
    async for batch in _batches(call):
        records = [record for record in map(_record, batch) if matches(record)]
        total += len(records)
        found = [(position_of(record, by), record) for record in records]
        page = first_after([*page, *found], after, descending, limit + 1)
    rest = {"NextToken": write_position(query, page[limit - 1][0])} if len(page) > limit else {}
    return {**_answer([record for _, record in page[:limit]], total), **rest}


@operation("sagemaker", "GetSearchSuggestions")
async def get_search_suggestions(call: Call, params: Params) -> Result:
    """Names of hyperparameters, metrics and tags that the caller's jobs have, in alphabetical order."""
    _require_training_jobs(params)
    hint = params.get("SuggestionQuery", {}).get("PropertyNameQuery", {}).get("PropertyNameHint", "")
    names: list[str] = []
    async for batch in _batches(call):
        found = {name for tagged in batch for name in _names(_record(tagged)) if name.startswith(hint)}
        names = sorted(found.union(names))[:MOST_SUGGESTIONS]
    return {"PropertyNameSuggestions": [{"PropertyName": name} for name in names]}


def _require_training_jobs(params: Params) -> None:
    if params["Resource"] != "TrainingJob":
        raise errors.not_emulated("Resource", params["Resource"], "Use TrainingJob.")
    if params.get("VisibilityConditions"):
        raise errors.not_emulated("a member of Search", "VisibilityConditions", "Leave it out.")


async def _batches(call: Call) -> AsyncIterator[list[TaggedJob]]:
    """All jobs of the caller's account in the Region."""
    after, account, region = "", call.caller.account_id, call.caller.region
    while batch := await call.parts.training_jobs.scan(account, region, after, BATCH):
        yield batch
        after = batch[-1].job.arn


def _record(tagged: TaggedJob) -> Result:
    told = {name: value for name, value in describe(tagged.job).items() if name not in NOT_SEARCHED}
    return {**told, "Tags": [{"Key": key, "Value": value} for key, value in tagged.tags.items()]}


def _answer(records: list[Result], total: int) -> Result:
    return {
        "Results": [{"TrainingJob": record} for record in records],
        "TotalHits": {"Value": total, "Relation": "EqualTo"},
    }


def _names(record: Result) -> list[str]:
    metrics = [metric["MetricName"] for metric in record.get("FinalMetricDataList", [])]
    return [
        *(f"HyperParameters.{name}" for name in record.get("HyperParameters", {})),
        *(f"Metrics.{name}" for name in metrics),
        *(f"Tags.{tag['Key']}" for tag in record["Tags"]),
    ]


def _fingerprint(params: Params) -> str:
    """Of what a NextToken belongs to."""
    asked: dict[str, Any] = {
        name: value for name, value in params.items() if name not in ("NextToken", "MaxResults")
    }
    return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _read_token(params: Params, query: str) -> Position | None:
    token = params.get("NextToken")
    return Position(*read_position(token, query, bool, bool, float, str, str)) if token else None
