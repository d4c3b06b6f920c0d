"""CloudWatch Logs, as far as clients of training jobs read it."""

from emulator.domain import errors
from emulator.logs.filter_pattern import parse_filter_pattern
from emulator.logs.log_event import MAX_NS, LogGroup, LogGroupKey, LogStream, LogStreamKey, StoredEvent
from emulator.logs.log_queries import Filtering, Mark, Reading, StreamsQuery
from emulator.logs.page_token import (
    HEAD,
    TAIL,
    Cursor,
    cursor_token,
    list_token,
    parse_cursor_token,
    parse_list_token,
)
from emulator.operations.registry import Call, Params, Result, operation

MAX_EVENTS = 10_000
MAX_ITEMS = 50


@operation("logs", "DescribeLogGroups")
async def describe_log_groups(call: Call, params: Params) -> Result:
    prefix, pattern = params.get("logGroupNamePrefix", ""), params.get("logGroupNamePattern", "")
    if prefix and pattern:
        raise errors.mutually_exclusive("logGroupNamePrefix", "logGroupNamePattern")
    limit = params.get("limit", MAX_ITEMS)
    (after,) = _list_keys(params, str) or ("",)
    groups = [
        group
        for group in await call.parts.logs.describe_groups(call.caller.account_id, call.caller.region)
        if group.key.name.startswith(prefix) and pattern in group.key.name and group.key.name > str(after)
        if _is_chosen(group, params)
    ]
    token = list_token(groups[limit - 1].key.name) if len(groups) > limit else None
    return {"logGroups": [_describe_group(group) for group in groups[:limit]], "nextToken": token}


@operation("logs", "DescribeLogStreams")
async def describe_log_streams(call: Call, params: Params) -> Result:
    """The token is absent as soon as the result is complete: SDK v2 repeats the call for ever otherwise."""
    by_last_event = params.get("orderBy") == "LastEventTime"
    prefix = params.get("logStreamNamePrefix", "")
    if by_last_event and prefix:
        raise errors.invalid_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
    limit = params.get("limit", MAX_ITEMS)
    query = StreamsQuery(
        prefix, by_last_event, params.get("descending", False), _streams_after(params), limit + 1
    )
    streams = await call.parts.logs.describe_streams(_group_key(call, params), query)
    if streams is None:
        raise errors.log_group_not_found()
    token = None
    if len(streams) > limit:
        last = streams[limit - 1]
        token = list_token((last.last_event_ns or 0) if by_last_event else 0, last.key.name)
    return {"logStreams": [_describe_stream(stream) for stream in streams[:limit]], "nextToken": token}


@operation("logs", "GetLogEvents")
async def get_log_events(call: Call, params: Params) -> Result:
    """Both tokens are always there; the one that leads nowhere is the one that was passed."""
    key = LogStreamKey(_group_key(call, params), params["logStreamName"])
    cursor = _cursor(params)
    end_ns = _nanoseconds(params["endTime"]) if "endTime" in params else MAX_NS
    start_ns = _nanoseconds(params.get("startTime", 0))
    reading = Reading(cursor, start_ns, end_ns, params.get("limit", MAX_EVENTS))
    events = await call.parts.logs.get_events(key, reading)
    if events is None:
        raise await _stream_missing(call, key.group)
    forward, backward = _neighbours(cursor, events)
    return {
        "events": [_describe_event(event) for event in events],
        "nextForwardToken": cursor_token(forward),
        "nextBackwardToken": cursor_token(backward),
    }


@operation("logs", "FilterLogEvents")
async def filter_log_events(call: Call, params: Params) -> Result:
    """Of the groups and streams asked for, interleaved by time. A page may be empty and not the last."""
    group, names = _group_key(call, params), params.get("logStreamNames")
    prefix = params.get("logStreamNamePrefix", "")
    if names and prefix:
        raise errors.mutually_exclusive("logStreamNames", "logStreamNamePrefix")
    wanted = _filtering(params)
    if names:
        page = await call.parts.logs.filter_streams(group, sorted(set(names)), wanted)
    else:
        page = await call.parts.logs.filter_prefix(group, prefix, wanted)
    if page is None:
        raise await _stream_missing(call, group)
    return {
        "events": [_describe_filtered(stream, event) for stream, event in page.events],
        "searchedLogStreams": [],
        "nextToken": list_token(int(wanted.forward), *page.next) if page.next else None,
    }


def _group_key(call: Call, params: Params) -> LogGroupKey:
    name, identifier = params.get("logGroupName"), params.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise errors.invalid_parameter("Specify either logGroupName or logGroupIdentifier, and not both.")
    return LogGroupKey(call.caller.account_id, call.caller.region, name or _group_name(str(identifier)))


def _group_name(identifier: str) -> str:
    """The name in `arn:aws:logs:<region>:<account>:log-group:<name>`, or the identifier itself."""
    parts = identifier.split(":")
    return parts[6] if identifier.startswith("arn:") and len(parts) > 6 else identifier


async def _stream_missing(call: Call, group: LogGroupKey) -> errors.ServiceError:
    first = StreamsQuery("", by_last_event=False, descending=False, after=None, limit=1)
    if await call.parts.logs.describe_streams(group, first) is None:
        return errors.log_group_not_found()
    return errors.log_stream_not_found()


def _nanoseconds(milliseconds: int) -> int:
    return min(milliseconds * 1_000_000, MAX_NS)


def _is_chosen(group: LogGroup, params: Params) -> bool:
    names = [_group_name(identifier) for identifier in params.get("logGroupIdentifiers", [])]
    return (not names or group.key.name in names) and params.get("logGroupClass", "STANDARD") == "STANDARD"


def _list_keys(params: Params, *types: type) -> tuple[str | int, ...] | None:
    try:
        return parse_list_token(params["nextToken"], *types) if "nextToken" in params else None
    except ValueError as error:
        raise errors.invalid_parameter(str(error)) from None


def _streams_after(params: Params) -> tuple[int, str] | None:
    keys = _list_keys(params, int, str)
    return (int(keys[0]), str(keys[1])) if keys else None


def _cursor(params: Params) -> Cursor:
    if "nextToken" not in params:
        return Cursor(True, HEAD) if params.get("startFromHead") else Cursor(False, TAIL)
    try:
        return parse_cursor_token(params["nextToken"])
    except ValueError as error:
        raise errors.invalid_parameter(str(error)) from None


def _neighbours(cursor: Cursor, events: list[StoredEvent]) -> tuple[Cursor, Cursor]:
    """Where to read on forward and backward from a page."""
    if events:
        return Cursor(True, events[-1].position), Cursor(False, events[0].position)
    forward, position = cursor
    if position == TAIL:
        return Cursor(True, HEAD), Cursor(False, HEAD)
    # An empty page lies just behind the event that a forward token names, just before a backward token's.
    if forward:
        return cursor, Cursor(False, position._replace(sequence=min(position.sequence + 1, MAX_NS)))
    return Cursor(True, position._replace(sequence=max(position.sequence - 1, 0))), cursor


def _filtering(params: Params) -> Filtering:
    try:
        pattern = parse_filter_pattern(params.get("filterPattern", ""))
    except ValueError as error:
        raise errors.invalid_parameter(str(error)) from None
    keys = _list_keys(params, int, int, int, int)
    forward = bool(keys[0]) if keys else params.get("startFromHead", True)
    after = Mark(*map(int, keys[1:])) if keys else None
    # Unlike GetLogEvents, the end is inclusive: "later than this time are not returned".
    end_ns = _nanoseconds(params["endTime"] + 1) if "endTime" in params else MAX_NS
    start_ns = _nanoseconds(params.get("startTime", 0))
    return Filtering(pattern, forward, after, start_ns, end_ns, params.get("limit", MAX_EVENTS))


def _group_arn(key: LogGroupKey) -> str:
    return f"arn:aws:logs:{key.region}:{key.account_id}:log-group:{key.name}"


def _describe_group(group: LogGroup) -> Result:
    return {
        "logGroupName": group.key.name,
        "creationTime": group.creation_ms,
        "metricFilterCount": 0,
        "arn": f"{_group_arn(group.key)}:*",
        "storedBytes": group.stored_bytes,
        "logGroupClass": "STANDARD",
        "logGroupArn": _group_arn(group.key),
    }


def _describe_stream(stream: LogStream) -> Result:
    """`storedBytes` is 0 for every stream since 2019, says the API reference."""
    return {
        "logStreamName": stream.key.name,
        "creationTime": stream.creation_ms,
        "firstEventTimestamp": _to_milliseconds(stream.first_event_ns),
        "lastEventTimestamp": _to_milliseconds(stream.last_event_ns),
        "lastIngestionTime": stream.last_ingestion_ms,
        "arn": f"{_group_arn(stream.key.group)}:log-stream:{stream.key.name}",
        "storedBytes": 0,
    }


def _to_milliseconds(nanoseconds: int | None) -> int | None:
    return None if nanoseconds is None else nanoseconds // 1_000_000


def _describe_event(event: StoredEvent) -> Result:
    return {
        "timestamp": event.timestamp_ms,
        "message": event.message,
        "ingestionTime": event.ingestion_ms,
    }


def _describe_filtered(stream: LogStream, event: StoredEvent) -> Result:
    timestamp_ns, sequence = event.position
    event_id = f"{timestamp_ns:020d}{stream.id:016d}{sequence:020d}"
    return {"logStreamName": stream.key.name, **_describe_event(event), "eventId": event_id}
