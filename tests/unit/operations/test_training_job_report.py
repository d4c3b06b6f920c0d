import json
from types import SimpleNamespace
from typing import Any, cast

import anyio

from emulator.domain.arn import TrainingJobKey
from emulator.domain.cluster import Limits
from emulator.domain.progress import Placement
from emulator.domain.status import SecondaryStatus
from emulator.domain.training_job import TrainingJob
from emulator.operations.registry import Parts
from emulator.operations.training_job_report import report_training_job
from tests.support.builders import ACCOUNT, REGION, a_progress, a_training_job, instance_groups


class OneJob:
    def __init__(self, job: TrainingJob) -> None:
        self._job = job

    async def get(self, key: TrainingJobKey) -> TrainingJob | None:
        return self._job if key == self._job.key else None


def report(job: TrainingJob, name: str = "Train-1") -> Any:
    parts = cast(Parts, SimpleNamespace(training_jobs=OneJob(job)))
    return anyio.run(report_training_job, parts, ACCOUNT, REGION, name)


def test_report_tells_what_every_host_got() -> None:
    limits = Limits(memory_bytes=2**30, cpus=2, shm_bytes=2**29, gpu_ids=("3",))
    placement = Placement(limits={"algo-1": limits, "algo-2": limits}, notices={"algo-1": ("scaled",)})
    counts = {"train": {"algo-1": 3, "algo-2": 2}, "labels": {"algo-2": 0}}
    progress = a_progress(
        SecondaryStatus.DOWNLOADING, SecondaryStatus.TRAINING, placement=placement, object_counts=counts
    )
    groups = instance_groups(("gpu", "ml.g5.xlarge", 1), ("cpu", "ml.m5.large", 1))

    told = json.loads(json.dumps(report(a_training_job(progress=progress, ResourceConfig=groups))))

    assert {name: value for name, value in told.items() if name != "hosts"} == {
        "training_job_name": "Train-1",
        "training_job_arn": "arn:aws:sagemaker:eu-west-1:111122223333:training-job/train-1",
        "status": "InProgress",
        "secondary_status": "Training",
        "image": None,
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


def test_report_of_an_unknown_job_is_none() -> None:
    assert report(a_training_job(), name="unknown") is None
