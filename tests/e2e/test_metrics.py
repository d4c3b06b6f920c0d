"""Metrics of a real container: what it prints, and what it uses."""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.e2e.conftest import Restartable
from tests.e2e.training_client import GROUP, TrainingClient, channel
from tests.support.cloudwatch_client import cloudwatch

PROGRAM = """\
import sys, time
open("/opt/ml/model/weights", "wb").write(bytes(2**26))
for n in range(3):
    print(f"[{n}]\\ttrain-rmse:{1 / (n + 1)}", flush=True)
    print(f"noise {n} loss=2.38e-0{n}", file=sys.stderr, flush=True)
end = time.monotonic() + 6
while time.monotonic() < end:
    pass
"""
DEFINITIONS = [
    {"Name": "train:rmse", "Regex": r".*\[[0-9]+\].*#011train-rmse:(\S+)"},
    {"Name": "loss", "Regex": r"loss=([0-9]+(.|e\-)[0-9]+)"},
    {"Name": "absent", "Regex": "absent=(.*)"},
]


@pytest.fixture(scope="module")
def job(emulator: TrainingClient) -> dict[str, Any]:
    """Of two hosts that print the same."""
    code = channel("code", emulator.put({"train.py": PROGRAM.encode()}))
    command = ["python3", "/opt/ml/input/data/code/train.py"]
    algorithm = {"ContainerEntrypoint": command, "MetricDefinitions": DEFINITIONS}
    return emulator.train(channels=[code], algorithm=algorithm, instances=2)


@pytest.fixture
def client(emulator: TrainingClient) -> Iterator[Any]:
    made = cloudwatch(emulator.url, "json")
    yield made
    made.close()


def test_final_metrics_come_from_escaped_lines(job: dict[str, Any]) -> None:
    """The second regex is one that real notebooks have; it takes no exponent."""
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    told = [(metric["MetricName"], metric["Value"]) for metric in job["FinalMetricDataList"]]
    assert told == [("train:rmse", 0.3333333432674408), ("loss", 2.380000114440918)]
    times = [metric["Timestamp"] for metric in job["FinalMetricDataList"]]
    assert all(
        job["TrainingStartTime"].replace(microsecond=0) <= time <= job["TrainingEndTime"] for time in times
    )


def test_series_of_all_hosts_is_in_cloudwatch(client: Any, job: dict[str, Any]) -> None:
    points = client.get_metric_statistics(
        Namespace=GROUP,
        MetricName="train:rmse",
        Dimensions=[{"Name": "TrainingJobName", "Value": job["TrainingJobName"]}],
        StartTime=job["TrainingStartTime"],
        EndTime=job["TrainingEndTime"] + timedelta(minutes=1),
        Period=60,
        Statistics=["SampleCount", "Sum"],
    )["Datapoints"]
    assert sum(point["SampleCount"] for point in points) == 6
    assert sum(point["Sum"] for point in points) == pytest.approx(2 * (1 + 1 / 2 + 1 / 3))


@pytest.mark.parametrize("host", ["algo-1", "algo-2"])
def test_what_each_host_used(client: Any, job: dict[str, Any], host: str) -> None:
    search = f"SEARCH('{{{GROUP},Host}} Host={job['TrainingJobName']}/{host}', 'Maximum', 60)"
    results = client.get_metric_data(
        MetricDataQueries=[{"Id": "used", "Expression": search}],
        StartTime=job["TrainingStartTime"],
        EndTime=job["TrainingEndTime"] + timedelta(minutes=1),
    )["MetricDataResults"]
    used = {result["Label"]: max(result["Values"]) for result in results}
    assert used.keys() == {"CPUUtilization", "MemoryUtilization", "DiskUtilization"}
    # Little where others want the CPUs, too.
    assert 1 < used["CPUUtilization"] < 250
    assert 0 < used["MemoryUtilization"] < 100
    least = 6 if os.access("/var/lib/docker/volumes", os.X_OK) else 0  # 64 MiB of 1 GiB
    assert least <= used["DiskUtilization"] < 20


def test_no_value_is_lost_or_doubled_by_a_kill(restartable: Restartable) -> None:
    before = restartable.start()
    program = "import time\nfor n in range(100): print(f'n={n}', flush=True); time.sleep(0.05)\n"
    code = channel("code", before.put({"train.py": program.encode()}))
    command = ["python3", "/opt/ml/input/data/code/train.py"]
    definitions = [{"Name": "n", "Regex": "n=([0-9]+)"}]
    name = before.create(
        channels=[code], algorithm={"ContainerEntrypoint": command, "MetricDefinitions": definitions}
    )
    before.wait_for_line(name, "n=10")
    restartable.kill()
    after = restartable.start()
    job = after.wait(name)
    client = cloudwatch(after.url, "json")
    points = client.get_metric_statistics(
        Namespace=GROUP,
        MetricName="n",
        Dimensions=[{"Name": "TrainingJobName", "Value": name}],
        StartTime=job["TrainingStartTime"],
        EndTime=job["TrainingEndTime"] + timedelta(minutes=1),
        Period=60,
        Statistics=["SampleCount", "Sum"],
    )["Datapoints"]
    client.close()
    assert (sum(p["SampleCount"] for p in points), sum(p["Sum"] for p in points)) == (100, 99 * 50)
    assert [(metric["MetricName"], metric["Value"]) for metric in job["FinalMetricDataList"]] == [("n", 99.0)]
