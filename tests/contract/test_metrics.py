"""CloudWatch metrics as boto3 sees them, in all the protocols that its clients speak."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import pytest
from botocore.exceptions import ClientError

from emulator.compute.fake import FakeBackend
from tests.support import web
from tests.support.cloudwatch_client import PROTOCOLS, cloudwatch
from tests.support.emulator_server import RunningEmulator, running_emulator

NAMESPACE = "App"
DIMENSIONS = [{"Name": "B", "Value": "2"}, {"Name": "A", "Value": "1"}]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    with running_emulator(tmp_path_factory.mktemp("metrics") / "data", FakeBackend()) as running:
        yield running


@pytest.fixture(params=PROTOCOLS)
def client(server: RunningEmulator, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Every test has an account of its own, so that it finds its own metrics only."""
    account = f"{crc32(request.node.nodeid.encode()):012d}"
    made = cloudwatch(server.endpoint, request.param, account)
    yield made
    made.close()


def minute() -> datetime:
    """A whole minute a while ago."""
    return datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=30)


def put(
    client: Any, name: str, *values: float, start: datetime, dimensions: Any = (), unit: str = "None"
) -> None:
    """A value every ten seconds."""
    data = [
        {
            "MetricName": name,
            "Dimensions": list(dimensions),
            "Timestamp": start + timedelta(seconds=10 * number),
            "Value": value,
            "Unit": unit,
        }
        for number, value in enumerate(values)
    ]
    client.put_metric_data(Namespace=NAMESPACE, MetricData=data)


def statistics(client: Any, name: str, start: datetime, **params: Any) -> list[dict[str, Any]]:
    wanted = {
        "Namespace": NAMESPACE,
        "MetricName": name,
        "StartTime": start,
        "EndTime": start + timedelta(minutes=10),
        "Period": 60,
        "Statistics": ["SampleCount", "Sum", "Average", "Minimum", "Maximum"],
        **params,
    }
    given = {member: value for member, value in wanted.items() if value != []}
    points: list[dict[str, Any]] = client.get_metric_statistics(**given)["Datapoints"]
    return points


def metric_stat(name: str, stat: str = "Average", period: int = 60, **more: Any) -> dict[str, Any]:
    return {
        "Metric": {"Namespace": NAMESPACE, "MetricName": name, **more},
        "Period": period,
        "Stat": stat,
    }


def data(client: Any, queries: list[dict[str, Any]], start: datetime, **params: Any) -> Any:
    times = {"StartTime": start, "EndTime": start + timedelta(minutes=10), "ScanBy": "TimestampAscending"}
    return client.get_metric_data(MetricDataQueries=queries, **{**times, **params})


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**params)
    error = raised.value.response["Error"]
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Code"], error["Message"]


def test_statistics_of_each_period(client: Any) -> None:
    start = minute()
    put(client, "m", 1, 2, 3, 4, 5, 6, 10, start=start, dimensions=DIMENSIONS, unit="Count")
    points = statistics(client, "m", start + timedelta(seconds=59), Dimensions=DIMENSIONS[::-1])
    assert points == [
        {"Timestamp": start, "SampleCount": 6.0, "Sum": 21.0, "Average": 3.5, "Minimum": 1.0, "Maximum": 6.0}
        | {"Unit": "Count"},
        {"Timestamp": start + timedelta(minutes=1), "SampleCount": 1.0, "Sum": 10.0, "Average": 10.0}
        | {"Minimum": 10.0, "Maximum": 10.0, "Unit": "Count"},
    ]
    assert statistics(client, "m", start) == []
    assert statistics(client, "m", start, Dimensions=DIMENSIONS, Unit="Bytes") == []


def test_statistic_sets_values_and_percentiles(client: Any) -> None:
    start = minute()
    summary = {"SampleCount": 4, "Sum": 20, "Minimum": 1, "Maximum": 9}
    many = {"Values": [1.0, 2.0, 3.0], "Counts": [1, 2, 1]}
    metrics = [
        {"MetricName": "set", "Timestamp": start, "StatisticValues": summary},
        {"MetricName": "many", "Timestamp": start, **many},
    ]
    client.put_metric_data(Namespace=NAMESPACE, MetricData=metrics)
    (of_set,) = statistics(client, "set", start, ExtendedStatistics=["p50"])
    assert (of_set["Average"], of_set["SampleCount"], of_set.get("ExtendedStatistics")) == (5.0, 4.0, None)
    (of_many,) = statistics(client, "many", start, Statistics=[], ExtendedStatistics=["p0", "p50", "p100"])
    assert of_many["ExtendedStatistics"] == {"p0": 1.0, "p50": 2.0, "p100": 3.0}


def test_list_filters_and_pages(client: Any) -> None:
    start = minute()
    put(client, "a", 1, start=start, dimensions=DIMENSIONS)
    put(client, "b", 1, start=start - timedelta(hours=4))
    names = lambda **filters: [m["MetricName"] for m in client.list_metrics(**filters)["Metrics"]]  # noqa: E731
    assert names() == ["a", "b"]
    assert names(Dimensions=[{"Name": "A"}]) == names(Dimensions=[{"Name": "A", "Value": "1"}]) == ["a"]
    assert names(Dimensions=[{"Name": "A", "Value": "2"}]) == names(Namespace="Other") == []
    assert names(RecentlyActive="PT3H") == ["a"]
    told = [{"Name": "A", "Value": "1"}, {"Name": "B", "Value": "2"}]
    assert client.list_metrics(MetricName="a")["Metrics"][0]["Dimensions"] == told
    for number in range(501):
        put(client, f"x{number:03d}", 1, start=start) if number % 100 == 0 else None
    pages = list(client.get_paginator("list_metrics").paginate(Namespace=NAMESPACE))
    assert sum(len(page["Metrics"]) for page in pages) == 8


def test_data_of_metrics_math_and_search(client: Any) -> None:
    start = minute()
    for host, values in (("job/algo-1", (2, 4)), ("job/algo-10", (8, 16))):
        for name, factor in (("CPUUtilization", 1), ("MemoryUtilization", 10)):
            host_dimension = [{"Name": "Host", "Value": host}]
            for number, value in enumerate(values):
                time = start + timedelta(minutes=number)
                put(client, name, value * factor, start=time, dimensions=host_dimension)
    one = metric_stat("CPUUtilization", Dimensions=[{"Name": "Host", "Value": "job/algo-1"}])
    search = f"SEARCH('{{{NAMESPACE},Host}} Host=job/algo-1', 'Average', 60)"
    queries = [
        {"Id": "one", "MetricStat": one, "ReturnData": False},
        {"Id": "twice", "Expression": "2 * (one + 1) - 2", "Label": "double"},
        {"Id": "found", "Expression": search},
        {
            "Id": "all",
            "Expression": f"SUM(SEARCH('{{{NAMESPACE},Host}} MetricName=\"CPUUtilization\"', 'Sum', 60))",
        },
        {"Id": "filled", "Expression": "FILL(one, 0)"},
    ]
    answer = data(client, queries, start)
    assert "NextToken" not in answer
    told = [(r["Id"], r["Label"], r["Values"], r["StatusCode"]) for r in answer["MetricDataResults"]]
    assert told == [
        ("twice", "double", [4.0, 8.0], "Complete"),
        ("found", "CPUUtilization", [2.0, 4.0], "Complete"),
        ("found", "MemoryUtilization", [20.0, 40.0], "Complete"),
        ("all", "all", [10.0, 20.0], "Complete"),
        ("filled", "filled", [2.0, 4.0, *[0.0] * 8], "Complete"),
    ]
    assert answer["MetricDataResults"][0]["Timestamps"] == [start, start + timedelta(minutes=1)]


def test_data_comes_in_pages_newest_first(client: Any) -> None:
    start = minute()
    for name in ("a", "b"):
        for number in range(5):
            put(client, name, number, start=start + timedelta(minutes=number))
    queries = [{"Id": f"q{name}", "MetricStat": metric_stat(name)} for name in ("a", "b", "none")]
    pages: list[Any] = []
    while not pages or "NextToken" in pages[-1]:
        token = {"NextToken": pages[-1]["NextToken"]} if pages else {}
        pages.append(data(client, queries, start, ScanBy="TimestampDescending", MaxDatapoints=4, **token))
    told = [[(r["Id"], r["Values"], r["StatusCode"]) for r in page["MetricDataResults"]] for page in pages]
    assert told == [
        [("qa", [4.0, 3.0, 2.0, 1.0], "PartialData")],
        [("qa", [0.0], "Complete"), ("qb", [4.0, 3.0, 2.0], "PartialData")],
        [("qb", [1.0, 0.0], "Complete"), ("qnone", [], "Complete")],
    ]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("ANOMALY_DETECTION_BAND(m)", "the emulator does not support the function ANOMALY_DETECTION_BAND"),
        ("SELECT AVG(x) FROM y", "the emulator does not support Metrics Insights queries"),
        ("m +", "it ends too early"),
        ("e + 1", "e refers to itself"),
        ("other", "no query has the id other"),
        ("1 + 1", "it gives a number, and ReturnData needs a time series"),
        ("(" * 400, "it is nested too deeply"),
        ("SEARCH('{App} (', 'Average')", "the search ends too early"),
    ],
)
def test_expression_that_cannot_be_evaluated(client: Any, expression: str, text: str) -> None:
    queries = [
        {"Id": "m", "MetricStat": metric_stat("m"), "ReturnData": False},
        {"Id": "e", "Expression": expression},
    ]
    refused = ("ValidationError", f"Error in expression 'e': {text}.")
    times = {"StartTime": minute(), "EndTime": datetime.now(UTC)}
    assert refusal(client.get_metric_data, MetricDataQueries=queries, **times) == refused


def test_one_request_cannot_make_points_without_end(server: RunningEmulator) -> None:
    client = cloudwatch(server.endpoint, "json", "333344445555")
    metric = {"Id": "m", "MetricStat": metric_stat("m", period=1), "ReturnData": False}
    fills = [{"Id": f"e{number}", "Expression": f"FILL(m, {number})"} for number in range(30)]
    end = datetime.now(UTC)
    times = {"StartTime": end - timedelta(seconds=90_000), "EndTime": end, "MaxDatapoints": 1}
    assert client.get_metric_data(MetricDataQueries=[metric, *fills[:20]], **times)["NextToken"]
    code, message = refusal(client.get_metric_data, MetricDataQueries=[metric, *fills], **times)
    assert (code, message.partition(": ")[2]) == (
        "ValidationError",
        "the request needs more than 2000000 data points.",
    )
    client.close()


def test_expressions_that_refer_to_each_other_endlessly_are_refused(server: RunningEmulator) -> None:
    client = cloudwatch(server.endpoint, "json", "333344445555")
    chain = [{"Id": f"e{n}", "Expression": f"((((e{n + 1}))))+1", "ReturnData": n == 0} for n in range(498)]
    last = {"Id": "e498", "MetricStat": metric_stat("m"), "ReturnData": False}
    times = {"StartTime": minute(), "EndTime": datetime.now(UTC)}
    code, message = refusal(client.get_metric_data, MetricDataQueries=[*chain, last], **times)
    assert (code, message) == ("ValidationError", "Error in expression 'e0': it is nested too deeply.")
    client.close()


def test_what_aws_refuses(client: Any) -> None:
    start = minute()
    one = {"MetricName": "m", "Timestamp": start, "Value": 1.0}
    refused = lambda *data, namespace="App": refusal(  # noqa: E731
        client.put_metric_data, Namespace=namespace, MetricData=list(data)
    )
    assert refused(one, namespace="AWS/EC2")[0] == "InvalidParameterValue"
    assert refused()[0] == "MissingParameter"
    assert refused({**one, "Value": 2.0**361})[0] == "InvalidParameterValue"
    assert refused({**one, "Values": [1.0]})[0] == "InvalidParameterCombination"
    assert refused({**one, "Timestamp": start - timedelta(days=15)})[1] == (
        "The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks."
    )
    assert refused(*[one] * 1001)[1] == "The collection MetricData must not have a size greater than 1000."
    times = {"StartTime": start, "EndTime": start + timedelta(days=2)}
    metric = {"Namespace": NAMESPACE, "MetricName": "m", "Statistics": ["Sum"]}
    statistics_of = client.get_metric_statistics
    assert refusal(statistics_of, **metric, **times, Period=60) == (
        "InvalidParameterCombination",
        "You have requested up to 2,880 datapoints, which exceeds the limit of 1,440. You may reduce the datapoints "
        "requested by increasing Period, or decreasing the time range.",
    )
    assert refusal(statistics_of, **metric, **times, Period=61)[0] == "InvalidParameterValue"
    assert refusal(statistics_of, **metric, StartTime=start, EndTime=start, Period=60)[1] == (
        "The parameter StartTime must be less than the parameter EndTime."
    )
    code, text = refusal(statistics_of, **{**metric, "Statistics": ["Mean"]}, **times, Period=3600)
    assert (code, text.partition(":")[0]) == ("ValidationError", "1 validation error detected")


@pytest.mark.parametrize("protocol", ["json", "query"])
def test_alarms_are_left_to_moto(server: RunningEmulator, protocol: str) -> None:
    client = cloudwatch(server.endpoint, protocol)
    alarm = {"AlarmName": f"a-{protocol}", "EvaluationPeriods": 1, "ComparisonOperator": "LessThanThreshold"}
    metric = {"Namespace": "N", "MetricName": "m", "Period": 60, "Statistic": "Sum", "Threshold": 1.0}
    client.put_metric_alarm(**alarm, **metric)
    (told,) = client.describe_alarms(AlarmNames=[f"a-{protocol}"])["MetricAlarms"]
    assert told["MetricName"] == "m"
    client.close()


def test_state_is_of_one_account_and_region_and_a_reset_takes_it_away(server: RunningEmulator) -> None:
    here = cloudwatch(server.endpoint, "json", "111122223333", "eu-west-1")
    there = cloudwatch(server.endpoint, "json", "111122223333", "eu-west-2")
    put(here, "m", 1, start=minute())
    assert there.list_metrics()["Metrics"] == []
    assert len(here.list_metrics()["Metrics"]) == 1
    web.post(f"{server.endpoint}/_emulator/reset", json={"account_id": "111122223333"}).raise_for_status()
    assert here.list_metrics()["Metrics"] == []
    assert statistics(here, "m", minute()) == []
    here.close()
    there.close()


def test_large_requests_come_compressed(server: RunningEmulator) -> None:
    client = cloudwatch(server.endpoint, "json", "222233334444")
    sent: list[str] = []
    client.meta.events.register(
        "before-send.cloudwatch",
        lambda request, **_: sent.append(request.headers.get("Content-Encoding", b"")),
    )
    put(client, "m", *range(500), start=minute() - timedelta(hours=2))
    assert sent == [b"gzip"]
    (point,) = statistics(client, "m", minute() - timedelta(hours=2), Period=3600 * 24)[:1]
    assert point["SampleCount"] > 0
    client.close()


def test_trial_metrics(server: RunningEmulator) -> None:
    metrics = server.client("sagemaker-metrics")
    now = datetime.now(UTC).replace(second=5, microsecond=0)
    put_points = [
        {"MetricName": "loss", "Timestamp": now, "Step": n // 2, "Value": float(n)} for n in range(4)
    ]
    answer = metrics.batch_put_metrics(TrialComponentName="run-1", MetricData=put_points)
    assert "Errors" not in answer
    query = {
        "MetricName": "loss",
        "ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:experiment-trial-component/run-1",
        "MetricStat": "Last",
        "Period": "IterationNumber",
        "XAxisType": "IterationNumber",
    }
    by_time = {**query, "MetricStat": "Count", "Period": "OneMinute", "XAxisType": "Timestamp"}
    wrong = {**query, "Period": "OneHour"}
    steps, minutes, refused = metrics.batch_get_metrics(MetricQueries=[query, by_time, wrong])[
        "MetricQueryResults"
    ]
    assert (steps["Status"], steps["XAxisValues"], steps["MetricValues"]) == ("Complete", [0, 1], [1.0, 3.0])
    assert minutes["XAxisValues"] == [int(now.replace(second=0).timestamp())]
    assert refused["Status"] == "ValidationError"
    metrics.close()


def test_bucket_with_the_name_of_an_operation_stays_a_bucket(server: RunningEmulator) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="batch-put-metrics")
    unsigned = web.post(f"{server.endpoint}/BatchGetMetrics", content=b"{}")
    assert b"<Error>" in unsigned.content
    s3.close()
