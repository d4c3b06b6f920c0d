"""What the List operations of models, endpoints and transform jobs share: filters, order, NextToken."""

from collections.abc import Mapping
from typing import Any

from emulator.operations.page_position import read_position, write_position
from emulator.operations.registry import Call, Params, Result
from emulator.store.resource_pages import ResourcePage, ResourceQuery

DEFAULT_PAGE = 10

DEFINITION_TIMES = {"CreationTimeAfter": "creation_time >=", "CreationTimeBefore": "creation_time <"}
"""API ListModelsInput$CreationTimeAfter: "greater than or equal to the specified time"."""
ENDPOINT_TIMES = {
    **DEFINITION_TIMES,
    "LastModifiedTimeAfter": "last_modified_time >",
    "LastModifiedTimeBefore": "last_modified_time <",
}
JOB_TIMES = {**ENDPOINT_TIMES, "CreationTimeAfter": "creation_time >"}


def resource_query(call: Call, params: Params, times: Mapping[str, str], operation: str) -> ResourceQuery:
    """The newest first by default. Raises ValidationException for a token of another query."""
    token = params.get("NextToken")
    after = read_position(token, _order(params, operation), str, str) if token else None
    return ResourceQuery(
        account_id=call.caller.account_id,
        region=call.caller.region,
        limit=params.get("MaxResults", DEFAULT_PAGE),
        sort_by=params.get("SortBy", "CreationTime"),
        descending=params.get("SortOrder", "Descending") == "Descending",
        name_contains=params.get("NameContains"),
        status=params.get("StatusEquals"),
        times={column: params[name] for name, column in times.items() if name in params},
        after=(after[0], after[1]) if after else None,
    )


def next_token(page: ResourcePage[Any], params: Params, operation: str) -> Result:
    if page.last is None:
        return {}
    return {"NextToken": write_position(_order(params, operation), page.last)}


def _order(params: Params, operation: str) -> str:
    order = f"{params.get('SortBy', 'CreationTime')} {params.get('SortOrder', 'Descending')}"
    return f"{operation} {order}"
