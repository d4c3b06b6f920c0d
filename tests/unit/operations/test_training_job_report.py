import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import anyio

from emulator.domain.arn import TrainingJobKey
from emulator.domain.channel import FastFileView
from emulator.domain.cluster import Limits
from emulator.domain.progress import Placement, Progress, Run
from emulator.domain.status import SecondaryStatus
from emulator.domain.training_job import TrainingJob
from emulator.occupancy import Holding, Occupancy
from emulator.operations.registry import Parts
from emulator.operations.training_job_report import report_training_job
from tests.support.builders import ACCOUNT, REGION, a_progress, a_training_job, instance_groups
from tests.support.clock import START


class OneJob:
    def __init__(self, job: TrainingJob) -> None:
        self._job = job

    async def get(self, key: TrainingJobKey) -> TrainingJob | None:
        return self._job if key == self._job.key else None


def report(job: TrainingJob, name: str = "Train-1") -> Any:
    """While something else holds 4 GiB of the machine."""
    occupancy = Occupancy()
    occupancy.hold("arn:other", Holding(2**32))
    parts = cast(Parts, SimpleNamespace(training_jobs=OneJob(job), occupancy=occupancy))
    return anyio.run(report_training_job, parts, ACCOUNT, REGION, name)


def a_second_run() -> Progress:
    """Of two hosts, with a channel that only the second one has."""
    limits = Limits(memory_bytes=2**30, cpus=2, shm_bytes=2**29, gpu_ids=("3",))
    return a_progress(
        SecondaryStatus.DOWNLOADING,
        SecondaryStatus.TRAINING,
        placement=Placement(limits={"algo-1": limits, "algo-2": limits}, notices={"algo-1": ("scaled",)}),
        object_counts={"train": {"algo-1": 3, "algo-2": 2}, "labels": {"algo-2": 0}},
        former_runs=(Run(start_time=START, end_time=START + timedelta(seconds=90)),),
        fast_file=FastFileView.LAZY,
        fast_file_fault="s3://b/k: gone",
        channel_bytes={"train": 17},
    )


def test_report_tells_what_every_host_got() -> None:
    groups = instance_groups(("gpu", "ml.g5.xlarge", 1), ("cpu", "ml.m5.large", 1))

    told = json.loads(json.dumps(report(a_training_job(progress=a_second_run(), ResourceConfig=groups))))

    assert {name: value for name, value in told.items() if name != "hosts"} == {
        "training_job_name": "Train-1",
        "training_job_arn": "arn:aws:sagemaker:eu-west-1:111122223333:training-job/train-1",
        "status": "InProgress",
        "secondary_status": "Training",
        "image": None,
        "waits_for": {},
        "run": 2,
        "former_runs": [
            {"start_time": "2024-05-06T07:08:09.123456Z", "end_time": "2024-05-06T07:09:39.123456Z"}
        ],
        "fast_file": "lazy",
        "fast_file_fault": "s3://b/k: gone",
        "channel_bytes": {"train": 17},
    }
    first, second = told["hosts"]
    assert first == {
        "host": "algo-1",
        "instance_type": "ml.g5.xlarge",
        "instance_group": "gpu",
        "nominal_memory_bytes": 16 * 2**30,
        "memory_limit_bytes": 2**30,
        "vcpus": 2,
        "shm_bytes": 2**29,
        "gpu_ids": ["3"],
        "notices": ["scaled"],
        "objects": {"train": 3},
    }
    assert (second["objects"], second["notices"]) == ({"train": 2, "labels": 0}, [])


def test_report_of_a_waiting_job_has_no_limits() -> None:
    (host,) = report(a_training_job())["hosts"]

    assert host == {
        "host": "algo-1",
        "instance_type": "ml.m5.large",
        "instance_group": "homogeneousCluster",
        "nominal_memory_bytes": 8 * 2**30,
        "objects": {},
    }


def test_report_of_a_pending_job_tells_what_it_waits_for() -> None:
    waiting = a_training_job(progress=a_progress(SecondaryStatus.PENDING))

    assert report(waiting)["waits_for"] == {"arn:other": 2**32}
    assert report(a_training_job())["waits_for"] == {}


def test_report_of_an_unknown_job_is_none() -> None:
    assert report(a_training_job(), name="unknown") is None
