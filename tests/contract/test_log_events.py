"""CloudWatch Logs as the real boto3 sees it: gateway, handlers and the log store on a file."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

import emulator.operations.log_events  # noqa: F401
from emulator.clock import Clock
from emulator.logs.log_event import LogEvent, LogGroupKey, LogStreamKey
from emulator.logs.log_store import MIGRATIONS, LogStore
from emulator.operations.registry import Parts, dispatch
from emulator.sqlite import Database
from emulator.wire.gateway import Gateway
from emulator.wire.service_model import load_service_models
from tests.support.asgi_server import RunningServer, serving

ACCOUNT, REGION, GROUP = "111122223333", "eu-west-1", "/aws/sagemaker/TrainingJobs"
KEY = LogGroupKey(ACCOUNT, REGION, GROUP)
ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}"
NOW = datetime(2024, 1, 2, 3, 4, 5, 678_000, UTC)
NOW_MS = 1_704_164_645_678
T0 = 1_700_000_000_000
"""Milliseconds; the time of the first event of every stream."""


class Emulator(NamedTuple):
    server: RunningServer
    store: LogStore
    logs: Any

    def put(self, stream: str, *messages: str, start_ms: int = T0, step_ms: int = 1) -> None:
        events = [
            LogEvent((start_ms + i * step_ms) * 1_000_000 + 999, text) for i, text in enumerate(messages)
        ]
        self.server.portal.call(self.store.put, LogStreamKey(KEY, stream), events, NOW)

    def create(self, *streams: str) -> None:
        for stream in streams:
            self.server.portal.call(self.store.create_stream, LogStreamKey(KEY, stream), NOW)

    def get(self, stream: str, **params: Any) -> Any:
        return self.logs.get_log_events(logGroupName=GROUP, logStreamName=stream, **params)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[RunningServer, dict[str, LogStore]]]:
    """One server; `stores` holds the store of the test that runs."""
    stores: dict[str, LogStore] = {}

    async def answer(*call: Any) -> Any:
        others: Any = None
        names = ("algorithms", "metrics", "find_image", "ecr", "hosting")
        rest = dict.fromkeys(names, others)
        parts = Parts(None, None, stores["now"], None, cast(Clock, None), **rest)  # type: ignore[arg-type]
        return await dispatch(parts, *call)

    app = Gateway(load_service_models(["logs"]), answer, ACCOUNT, REGION, strict=True)
    with serving(app) as running:
        yield running, stores


@pytest.fixture(scope="module")
def connect(server: tuple[RunningServer, dict[str, LogStore]]) -> Iterator[Callable[..., Any]]:
    made: dict[tuple[str, str], Any] = {}

    def client(access_key: str = ACCOUNT, region: str = REGION) -> Any:
        config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
        keys = {"aws_access_key_id": access_key, "aws_secret_access_key": "secret"}
        if (access_key, region) not in made:
            logs = boto3.client("logs", region, endpoint_url=server[0].url, config=config, **keys)
            made[access_key, region] = logs
        return made[access_key, region]

    yield client
    for each in made.values():
        each.close()


@pytest.fixture
def emulator_(
    server: tuple[RunningServer, dict[str, LogStore]], connect: Callable[..., Any], tmp_path: Path
) -> Iterator[Emulator]:
    database = Database(tmp_path / "logs.db", MIGRATIONS)
    server[1]["now"] = LogStore(database)
    yield Emulator(server[0], server[1]["now"], connect())
    database.close()


def texts(answer: Any) -> list[str]:
    return [event["message"] for event in answer["events"]]


def error_of(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**params)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return raised.value.response["Error"]["Code"], raised.value.response["Error"]["Message"]


def test_group_does_not_exist_before_the_first_stream(emulator_: Emulator) -> None:
    missing = ("ResourceNotFoundException", "The specified log group does not exist.")
    assert error_of(emulator_.logs.describe_log_streams, logGroupName=GROUP) == missing
    assert error_of(emulator_.get, stream="job/algo-1") == missing
    assert error_of(emulator_.logs.filter_log_events, logGroupName=GROUP) == missing
    assert emulator_.logs.describe_log_groups()["logGroups"] == []


def test_stream_that_does_not_exist_is_told(emulator_: Emulator) -> None:
    emulator_.create("job/algo-1")
    missing = ("ResourceNotFoundException", "The specified log stream does not exist.")
    assert error_of(emulator_.get, stream="job/algo-2") == missing
    names = partial(emulator_.logs.filter_log_events, logGroupName=GROUP)
    assert error_of(names, logStreamNames=["job/algo-1", "job/algo-2"]) == missing


def test_describe_log_groups_has_awss_members(emulator_: Emulator) -> None:
    emulator_.put("job/algo-1", "12345")
    answer = emulator_.logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker")
    assert answer["logGroups"] == [
        {
            "logGroupName": GROUP,
            "creationTime": NOW_MS,
            "metricFilterCount": 0,
            "arn": f"{ARN}:*",
            "storedBytes": 31,
            "logGroupClass": "STANDARD",
            "logGroupArn": ARN,
        }
    ]
    assert "nextToken" not in answer


def test_describe_log_groups_filters_and_pages(emulator_: Emulator) -> None:
    for name in ("/a/one", "/a/two", "/b/one"):
        key = LogStreamKey(KEY._replace(name=name), "stream")
        emulator_.server.portal.call(emulator_.store.create_stream, key, NOW)

    def names(**params: Any) -> list[str]:
        return [group["logGroupName"] for group in emulator_.logs.describe_log_groups(**params)["logGroups"]]

    assert names(logGroupNamePattern="one") == ["/a/one", "/b/one"]
    assert names(logGroupNamePrefix="/a") == ["/a/one", "/a/two"]
    assert names(logGroupIdentifiers=["/b/one"]) == ["/b/one"]
    assert names(logGroupClass="INFREQUENT_ACCESS") == []
    pages = emulator_.logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 2})
    assert [[group["logGroupName"] for group in page["logGroups"]] for page in pages] == [
        ["/a/one", "/a/two"],
        ["/b/one"],
    ]
    both = {"logGroupNamePattern": "a", "logGroupNamePrefix": "a"}
    assert error_of(emulator_.logs.describe_log_groups, **both)[0] == "InvalidParameterException"


def test_describe_log_streams_has_awss_members(emulator_: Emulator) -> None:
    emulator_.create("job/algo-1")
    emulator_.put("job/algo-2", "a", "b")
    empty, full = emulator_.logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    arn = f"{ARN}:log-stream:job/algo-"
    always = {"creationTime": NOW_MS, "storedBytes": 0}
    assert empty == {**always, "logStreamName": "job/algo-1", "arn": f"{arn}1"}
    assert full == {
        **always,
        "logStreamName": "job/algo-2",
        "firstEventTimestamp": T0,
        "lastEventTimestamp": T0 + 1,
        "lastIngestionTime": NOW_MS,
        "arn": f"{arn}2",
    }


def test_describe_log_streams_has_no_token_when_complete(emulator_: Emulator) -> None:
    """SDK v2 repeats the call without the token as long as there is one."""
    emulator_.create("job/algo-1", "job/algo-2", "other/algo-1")
    call = partial(emulator_.logs.describe_log_streams, logGroupName=GROUP, logStreamNamePrefix="job/")
    for limit in (2, 3, 50):
        answer = call(limit=limit, orderBy="LogStreamName")
        assert [stream["logStreamName"] for stream in answer["logStreams"]] == ["job/algo-1", "job/algo-2"]
        assert "nextToken" not in answer


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ["s0", "s1", "s2", "s3", "s4"]),
        ({"descending": True}, ["s4", "s3", "s2", "s1", "s0"]),
        ({"orderBy": "LastEventTime"}, ["s1", "s3", "s4", "s2", "s0"]),
        ({"orderBy": "LastEventTime", "descending": True}, ["s0", "s2", "s4", "s3", "s1"]),
        ({"logStreamNamePrefix": "s"}, ["s0", "s1", "s2", "s3", "s4"]),
    ],
)
def test_describe_log_streams_pages_in_order(
    emulator_: Emulator, params: dict[str, Any], expected: list[str]
) -> None:
    emulator_.create("s1")
    for name, start in {"s0": 4, "s2": 3, "s3": 2, "s4": 2}.items():
        emulator_.put(name, "x", start_ms=T0 + start)
    paginator = emulator_.logs.get_paginator("describe_log_streams")
    for size in (1, 2, 5):
        pages = list(paginator.paginate(logGroupName=GROUP, PaginationConfig={"PageSize": size}, **params))
        assert [stream["logStreamName"] for page in pages for stream in page["logStreams"]] == expected
        assert len(pages) == -(-5 // size)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"orderBy": "LastEventTime", "logStreamNamePrefix": "job/"}, "Cannot order by LastEventTime"),
        ({"nextToken": "nonsense"}, "The specified nextToken is invalid."),
        (
            {"limit": 51},
            "Value '51' at 'limit' failed to satisfy constraint: Member must have value less than",
        ),
        (
            {"limit": 0},
            "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than",
        ),
        (
            {"orderBy": "Name"},
            "Value 'Name' at 'orderBy' failed to satisfy constraint: Member must satisfy enum",
        ),
        ({"logGroupName": None}, "Specify either logGroupName or logGroupIdentifier"),
        ({"logGroupIdentifier": GROUP}, "Specify either logGroupName or logGroupIdentifier"),
    ],
)
def test_describe_log_streams_refuses_bad_parameters(
    emulator_: Emulator, params: dict[str, Any], text: str
) -> None:
    emulator_.create("job/algo-1")
    code, message = error_of(emulator_.logs.describe_log_streams, **{"logGroupName": GROUP, **params})
    assert code == "InvalidParameterException"
    assert text in message


def test_get_log_events_has_awss_members(emulator_: Emulator) -> None:
    emulator_.put("s", "a#011b \u20ac")
    answer = emulator_.get("s")
    assert answer["events"] == [{"timestamp": T0, "message": "a#011b \u20ac", "ingestionTime": NOW_MS}]
    assert answer["nextForwardToken"].startswith("f/")
    assert answer["nextBackwardToken"].startswith("b/")


def test_get_log_events_gives_the_newest_page_by_default(emulator_: Emulator) -> None:
    emulator_.put("s", *"abcde")
    assert texts(emulator_.get("s", limit=2)) == ["d", "e"]
    assert texts(emulator_.get("s", limit=2, startFromHead=True)) == ["a", "b"]
    assert texts(emulator_.get("s", startTime=T0 + 1, endTime=T0 + 3)) == ["b", "c"]


def test_forward_token_reads_on_and_stays_valid(emulator_: Emulator) -> None:
    emulator_.put("s", *"abc")
    get = partial(emulator_.get, "s", limit=2, startFromHead=True)
    first = get()
    second = get(nextToken=first["nextForwardToken"])
    end = get(nextToken=second["nextForwardToken"])
    assert [texts(first), texts(second), texts(end)] == [["a", "b"], ["c"], []]
    assert end["nextForwardToken"] == second["nextForwardToken"]
    emulator_.put("s", "d", start_ms=T0)
    assert texts(get(nextToken=end["nextForwardToken"])) == ["d"]
    assert texts(get(nextToken=end["nextBackwardToken"])) == ["b", "c"]


def test_backward_token_reads_back_to_the_head(emulator_: Emulator) -> None:
    emulator_.put("s", *"abc")
    newest = emulator_.get("s", limit=2)
    oldest = emulator_.get("s", limit=2, nextToken=newest["nextBackwardToken"])
    head = emulator_.get("s", limit=2, nextToken=oldest["nextBackwardToken"])
    assert [texts(newest), texts(oldest), texts(head)] == [["b", "c"], ["a"], []]
    assert head["nextBackwardToken"] == oldest["nextBackwardToken"]
    assert texts(emulator_.get("s", nextToken=head["nextForwardToken"], startFromHead=True)) == [
        "a",
        "b",
        "c",
    ]


@pytest.mark.parametrize("start_from_head", [True, False])
def test_tokens_of_an_empty_stream_find_the_first_events(emulator_: Emulator, start_from_head: bool) -> None:
    emulator_.create("s")
    empty = emulator_.get("s", startFromHead=start_from_head)
    assert empty["events"] == []
    again = emulator_.get("s", nextToken=empty["nextForwardToken"])
    assert again["nextForwardToken"] == empty["nextForwardToken"]
    emulator_.put("s", "a", "b")
    assert texts(emulator_.get("s", nextToken=empty["nextForwardToken"])) == ["a", "b"]
    back = emulator_.get("s", nextToken=empty["nextBackwardToken"])
    assert (back["events"], back["nextBackwardToken"]) == ([], empty["nextBackwardToken"])


def test_get_log_events_by_group_arn(emulator_: Emulator) -> None:
    emulator_.put("s", "a")
    for identifier in (GROUP, ARN):
        assert texts(emulator_.logs.get_log_events(logGroupIdentifier=identifier, logStreamName="s")) == ["a"]


@pytest.mark.parametrize("token", ["x", "f/1", "b/" + "9" * 40, "f/" + "0" * 39 + "\u0663x"])
def test_get_log_events_refuses_a_malformed_token(emulator_: Emulator, token: str) -> None:
    emulator_.create("s")
    expected = ("InvalidParameterException", "The specified nextToken is invalid.")
    assert error_of(emulator_.get, stream="s", nextToken=token) == expected


def test_get_log_events_takes_the_whole_range_of_numbers(emulator_: Emulator) -> None:
    emulator_.put("s", "a")
    assert texts(emulator_.get("s", startTime=0, endTime=2**63 - 1)) == ["a"]
    assert texts(emulator_.get("s", startTime=2**63 - 1)) == []


def test_sdk_v2_polling_prints_every_line_once(emulator_: Emulator) -> None:
    """It asks from the time of the last line on and skips the lines that it has seen at that time."""
    emulator_.put("s", *[f"line {number}" for number in range(7)], step_ms=0)
    printed: list[str] = []
    last, seen = 0, 0
    for batch in (["line 7", "line 8"], ["line 9"], []):
        skip, token = seen, {}
        while True:
            answer = emulator_.get("s", startTime=last, startFromHead=True, limit=3, **token)
            token = {"nextToken": answer["nextForwardToken"]}
            events = answer["events"][skip:] if skip < len(answer["events"]) else []
            skip = max(skip - len(answer["events"]), 0)
            for event in events:
                printed.append(event["message"])
                last, seen = (last, seen + 1) if event["timestamp"] == last else (event["timestamp"], 1)
            if not answer["events"]:
                break
        emulator_.put("s", *batch, start_ms=T0 + len(printed))
    assert printed == [f"line {number}" for number in range(10)]


def test_filter_log_events_interleaves_streams(emulator_: Emulator) -> None:
    emulator_.put("job/algo-1", "loss 1", "noise", "loss 2", step_ms=2)
    emulator_.put("job/algo-2", "loss 3", "loss 4", start_ms=T0 + 1, step_ms=2)
    emulator_.put("other", "loss 5")
    call = partial(emulator_.logs.filter_log_events, logGroupName=GROUP, filterPattern="loss")
    answer = call(logStreamNamePrefix="job/")
    assert texts(answer) == ["loss 1", "loss 3", "loss 4", "loss 2"]
    assert answer["searchedLogStreams"] == []
    assert "nextToken" not in answer
    event = answer["events"][1]
    assert len({event["eventId"] for event in answer["events"]}) == 4
    assert {**event, "eventId": ""} == {
        "logStreamName": "job/algo-2",
        "timestamp": T0 + 1,
        "message": "loss 3",
        "ingestionTime": NOW_MS,
        "eventId": "",
    }
    assert texts(call(logStreamNames=["other", "job/algo-2", "other"])) == ["loss 5", "loss 3", "loss 4"]
    assert texts(call(logStreamNamePrefix="job/", startFromHead=False, limit=3)) == [
        "loss 2",
        "loss 4",
        "loss 3",
    ]
    assert texts(call(startTime=T0 + 1, endTime=T0 + 3)) == ["loss 3", "loss 4"], "the end is inclusive"


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("start_from_head", [True, False])
def test_filter_log_events_pages(emulator_: Emulator, size: int, start_from_head: bool) -> None:
    emulator_.put("a", *[f"a{number}" for number in range(4)])
    emulator_.put("b", *[f"b{number}" for number in range(4)])
    paginator = emulator_.logs.get_paginator("filter_log_events")
    pages = paginator.paginate(
        logGroupName=GROUP, startFromHead=start_from_head, PaginationConfig={"PageSize": size}
    )
    expected = [f"{name}{number}" for number in range(4) for name in "ab"]
    assert [text for page in pages for text in texts(page)] == expected[:: 1 if start_from_head else -1]


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"filterPattern": "{ $.a = 1 }"}, "supports filter patterns of terms only"),
        ({"filterPattern": "a:b"}, "Invalid character(s) in term 'a:b'"),
        ({"nextToken": "nonsense"}, "The specified nextToken is invalid."),
        ({"logStreamNames": ["s"], "logStreamNamePrefix": "s"}, "mutually exclusive"),
        ({"limit": 10_001}, "Member must have value less than or equal to 10000"),
    ],
)
def test_filter_log_events_refuses_bad_parameters(
    emulator_: Emulator, params: dict[str, Any], text: str
) -> None:
    emulator_.create("s")
    code, message = error_of(emulator_.logs.filter_log_events, logGroupName=GROUP, **params)
    assert code == "InvalidParameterException"
    assert text in message


def test_logs_belong_to_an_account_and_region(emulator_: Emulator, connect: Callable[..., Any]) -> None:
    emulator_.put("s", "a")
    for client in (connect(access_key="222233334444"), connect(region="us-east-1")):
        assert client.describe_log_groups()["logGroups"] == []
    assert len(connect().describe_log_groups()["logGroups"]) == 1
