"""From log lines and usage samples to CloudWatch, DescribeTrainingJob and SageMaker's own metrics."""

from collections.abc import Awaitable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest
from botocore.exceptions import ClientError

from emulator.compute.fake import FakeBackend, Script
from emulator.domain.cluster import LogLine, UsageSample
from emulator.metrics.metric import Span
from emulator.training.algorithm_metrics import AlgorithmMetrics, algorithm_metric, final_metrics
from tests.support import web
from tests.support.builders import a_training_job
from tests.support.emulator_server import RunningEmulator, job_request, running_emulator, wait_for_status

NAMESPACE = "/aws/sagemaker/TrainingJobs"
DEFINITIONS = [
    {"Name": "validation:rmse", "Regex": r".*\[[0-9]+\].*#011validation-rmse:(\S+)"},
    {"Name": "loss", "Regex": r"loss=(?P<value>[-+.\w]+)"},
    {"Name": "never", "Regex": "never=(.*)"},
]
LINES = (
    "[0]\tvalidation-rmse:0.5 loss=1",
    "loss=unknown",
    "loss=nan",
    "[1]\tvalidation-rmse:0.0036",
    "loss=2.38e-05",
)
START_NS = int(datetime.now(UTC).replace(second=10).timestamp()) * 10**9


def usage(second: int, cpu: float, disk: int | None = None) -> UsageSample:
    return UsageSample("", START_NS + second * 10**9, cpu, 2**30, disk)


SCRIPT = Script(logs=LINES, usage=(usage(0, 50, 2**28), usage(1, 150), usage(60, 10, 2**29)))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    compute = FakeBackend({"algo-1": SCRIPT})
    with running_emulator(tmp_path_factory.mktemp("metrics") / "data", compute) as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket="artifacts")
        s3.close()
        yield running


@pytest.fixture
def job(server: RunningEmulator) -> dict[str, Any]:
    return train(server)


def train(server: RunningEmulator, definitions: Any = DEFINITIONS, **algorithm: Any) -> dict[str, Any]:
    name = f"Train-{uuid4().hex[:8]}"
    sagemaker = server.client("sagemaker")
    specification = {"TrainingImage": "algorithm:1", "TrainingInputMode": "File", **algorithm}
    request = job_request(name, AlgorithmSpecification={**specification, "MetricDefinitions": definitions})
    sagemaker.create_training_job(**request)
    described = wait_for_status(sagemaker, name, "Completed", "Failed")
    assert described["TrainingJobStatus"] == "Completed", described.get("FailureReason")
    sagemaker.close()
    return described


def test_final_metrics_are_the_last_values_in_single_precision(job: dict[str, Any]) -> None:
    told = [(metric["MetricName"], metric["Value"]) for metric in job["FinalMetricDataList"]]
    assert told == [("validation:rmse", 0.003599999938160181), ("loss", 2.3799999326001853e-05)]
    assert {metric["Timestamp"].microsecond for metric in job["FinalMetricDataList"]} == {0}
    assert job["AlgorithmSpecification"]["EnableSageMakerMetricsTimeSeries"] is True


def test_job_without_metrics_tells_none(server: RunningEmulator) -> None:
    assert "FinalMetricDataList" not in train(server, definitions=[])


def test_sdk_v2_analytics_finds_the_series(server: RunningEmulator, job: dict[str, Any]) -> None:
    """The very calls of TrainingJobAnalytics (sagemaker 2.257, analytics.py)."""
    client = server.client("cloudwatch")
    rows = []
    end = job.get("TrainingEndTime", datetime.now(UTC)) + timedelta(minutes=1)
    for definition in job["AlgorithmSpecification"]["MetricDefinitions"]:
        points = client.get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=definition["Name"],
            Dimensions=[{"Name": "TrainingJobName", "Value": job["TrainingJobName"]}],
            StartTime=job["TrainingStartTime"],
            EndTime=end,
            Period=60,
            Statistics=["Average"],
        )["Datapoints"]
        base = min((point["Timestamp"] for point in points), default=None)
        rows += [(definition["Name"], (p["Timestamp"] - base).total_seconds(), p["Average"]) for p in points]
    assert [(name, at) for name, at, _ in rows] == [("validation:rmse", 0.0), ("loss", 0.0)]
    assert [value for *_, value in rows] == pytest.approx([(0.5 + 0.0036) / 2, (1 + 2.38e-05) / 2])
    client.close()


def test_instance_metrics_are_found_by_search(server: RunningEmulator, job: dict[str, Any]) -> None:
    """The query of a program that reads them: a point a minute and host."""
    client = server.client("cloudwatch")
    start = datetime.fromtimestamp(START_NS / 10**9, UTC)
    host = f"{job['TrainingJobName']}/algo-1"
    expression = f"SEARCH('{{{NAMESPACE},Host}} Host={host}', 'Average', 60)"
    answer = client.get_metric_data(
        MetricDataQueries=[{"Id": "m1", "Expression": expression}],
        StartTime=start,
        EndTime=start + timedelta(minutes=3),
        ScanBy="TimestampAscending",
    )
    found = {result["Label"]: result["Values"] for result in answer["MetricDataResults"]}
    report = web.get(f"{server.endpoint}/_emulator/training-jobs/{job['TrainingJobName']}").json()
    limit = report["hosts"][0]["memory_limit_bytes"]
    assert found["CPUUtilization"] == [100.0, 10.0]
    assert found["DiskUtilization"] == [25.0, 50.0]
    assert found["MemoryUtilization"] == pytest.approx([100 * 2**30 / limit] * 2)
    client.close()


@pytest.mark.parametrize(("enabled", "values"), [(True, [1.0, 2.38e-05]), (False, [])])
def test_time_series_of_a_job(server: RunningEmulator, enabled: bool, values: list[float]) -> None:
    job = train(server, EnableSageMakerMetricsTimeSeries=enabled)
    assert job["AlgorithmSpecification"]["EnableSageMakerMetricsTimeSeries"] is enabled
    metrics = server.client("sagemaker-metrics")
    query = {
        "MetricName": "loss",
        "ResourceArn": job["TrainingJobArn"],
        "MetricStat": "Last",
        "Period": "IterationNumber",
        "XAxisType": "IterationNumber",
    }
    (result,) = metrics.batch_get_metrics(MetricQueries=[query])["MetricQueryResults"]
    assert (result["Status"], result["MetricValues"]) == ("Complete", values)
    metrics.close()


def test_time_series_has_what_the_log_told_and_nothing_that_cloudwatch_was_told(
    server: RunningEmulator,
) -> None:
    job = train(server, EnableSageMakerMetricsTimeSeries=True)
    cloudwatch, metrics = server.client("cloudwatch"), server.client("sagemaker-metrics")
    datum = {
        "MetricName": "loss",
        "Dimensions": [{"Name": "TrainingJobName", "Value": job["TrainingJobName"]}],
        "Values": [7.0],
        "Counts": [2.0**360],
    }
    cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=[datum])
    query = {"MetricName": "loss", "ResourceArn": job["TrainingJobArn"], "MetricStat": "Count"}
    steps = {"Period": "IterationNumber", "XAxisType": "IterationNumber"}
    minutes = {"Period": "OneHour", "XAxisType": "Timestamp"}
    results = metrics.batch_get_metrics(MetricQueries=[{**query, **steps}, {**query, **minutes}])
    assert [sum(result["MetricValues"]) for result in results["MetricQueryResults"]] == [2.0, 2.0]
    cloudwatch.close()
    metrics.close()


@pytest.mark.parametrize("regex", ["loss=(", "a{1000000000}"])
def test_regex_that_is_none_is_refused(server: RunningEmulator, regex: str) -> None:
    with pytest.raises(ClientError) as raised:
        train(server, definitions=[{"Name": "loss", "Regex": regex}])
    error = raised.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert error["Message"].startswith(
        "In AlgorithmSpecification the Regex of metric loss in MetricDefinitions is not valid: "
    )


def test_lines_read_again_after_a_kill_count_once(tmp_path: Path) -> None:
    """The metrics of some lines are stored, the lines themselves are not: they are read again."""
    algorithm = {"TrainingImage": "i", "TrainingInputMode": "File", "MetricDefinitions": DEFINITIONS}
    job = a_training_job(AlgorithmSpecification=algorithm)
    first = (int(job.creation_time.timestamp()) + 1) * 10**9 + 5
    lines = [LogLine(first, "loss=1"), LogLine(first, "loss=1"), LogLine(first + 7, "loss=3")]
    with running_emulator(tmp_path / "data", FakeBackend()) as running:
        parts = running.emulator.training

        async def twice() -> tuple[float, list[str]]:
            for host in ("algo-1", "algo-2", "algo-1"):
                await AlgorithmMetrics(job, host, parts).put(lines)
            windows = await parts.metrics.windows(algorithm_metric(job, "loss"), Span(0, 2**62), 60_000)
            return windows[0].sample_count, [metric.name for metric in await final_metrics(job, parts)]

        assert anyio.run(twice) == (6.0, ["loss"])


def test_regex_that_takes_for_ever_is_given_up_and_the_log_goes_on(tmp_path: Path) -> None:
    evil = [{"Name": "evil", "Regex": "(a+)+$"}, {"Name": "loss", "Regex": "loss=(.*)"}]
    script = Script(logs=("a" * 5000 + "b", "a" * 5000 + "b", "loss=1"))
    with running_emulator(tmp_path / "data", FakeBackend({"algo-1": script})) as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket="artifacts")
        job = train(running, definitions=evil)
        logs = running.client("logs")
        events = logs.filter_log_events(
            logGroupName=NAMESPACE,
            logStreamNamePrefix=job["TrainingJobName"],
            filterPattern='"evil takes too long"',
        )["events"]
        s3.close()
        logs.close()
    assert [metric["MetricName"] for metric in job["FinalMetricDataList"]] == ["loss"]
    assert len(events) == 1


def test_slow_regexes_hold_no_other_job_up_and_can_be_cancelled(tmp_path: Path) -> None:
    slow = [{"Name": f"m{n}", "Regex": r"(\w+)[^\w!]*$" + f"(?#{n})"} for n in range(40)]
    lines = [LogLine(n, "a" * 600 + "!") for n in range(1, 5000)]
    with running_emulator(tmp_path / "data", FakeBackend()) as running:
        parts = running.emulator.training

        def put(definitions: list[dict[str, str]], host: str) -> partial[Awaitable[list[str]]]:
            algorithm = {"TrainingImage": "i", "TrainingInputMode": "File", "MetricDefinitions": definitions}
            job = a_training_job(AlgorithmSpecification=algorithm)
            return partial(AlgorithmMetrics(job, host, parts).put, lines)

        async def compete() -> None:
            async with anyio.create_task_group() as others:
                for number in range(4):
                    others.start_soon(put(slow, f"algo-{number + 2}"))
                await anyio.sleep(0.2)
                with anyio.fail_after(100):  # the others take 800 s at least
                    await put(DEFINITIONS, "algo-1")()
                others.cancel_scope.cancel()

        async def case() -> None:
            with anyio.fail_after(120):
                await compete()

        anyio.run(case)
