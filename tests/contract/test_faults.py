"""Faults of the emulator's surroundings: a job survives the passing ones, and tells the lasting ones."""

import math
from pathlib import Path
from typing import Any

import pytest

from emulator.cli import main
from emulator.compute.backend import LogSink, UsageSink
from emulator.compute.fake import FakeBackend, Script
from emulator.domain.cluster import Capacity, FoundInstance, InstanceExit
from tests.support import web
from tests.support.emulator_server import job_request, running_emulator, wait_for_status, wait_until


class FailsSometimes(FakeBackend):
    """Raises from the named verbs as often as told."""

    def __init__(self, scripts: dict[str, Script] | None = None, **failures: int) -> None:
        super().__init__(scripts)
        self.failures = failures

    def _fail(self, verb: str) -> None:
        if self.failures.get(verb, 0) > 0:
            self.failures[verb] -= 1
            raise OSError(f"the Engine broke off in {verb}")

    async def find(self) -> list[FoundInstance]:
        self._fail("find")
        return await super().find()

    async def watch(
        self, cluster: str, host: str, since_ns: int, sink: LogSink, usage: UsageSink | None
    ) -> InstanceExit:
        self._fail("watch")
        return await super().watch(cluster, host, since_ns, sink, usage)

    async def signal(self, cluster: str, host: str, signal: str) -> None:
        self._fail("signal")
        await super().signal(cluster, host, signal)

    async def destroy(self, cluster: str) -> None:
        self._fail("destroy")
        await super().destroy(cluster)


class NoEngine(FakeBackend):
    async def find(self) -> list[FoundInstance]:
        raise ConnectionError("No Docker Engine answers; start one, or set DOCKER_HOST.")

    async def capacity(self) -> Capacity:
        raise ConnectionError("No Docker Engine answers; start one, or set DOCKER_HOST.")


def run_job(running: Any, name: str, **changes: Any) -> dict[str, Any]:
    running.client("s3").create_bucket(Bucket="artifacts")
    sagemaker = running.client("sagemaker")
    sagemaker.create_training_job(**job_request(name, **changes))
    return wait_for_status(sagemaker, name, "Completed", "Failed", "Stopped")


@pytest.fixture(autouse=True)
def short_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.training.scheduler.RETRY_PERIOD", 0.02)


def test_a_passing_fault_while_training_does_not_end_the_job(tmp_path: Path) -> None:
    with running_emulator(tmp_path, FailsSometimes(watch=2)) as running:
        assert run_job(running, "job")["TrainingJobStatus"] == "Completed"


def test_a_lasting_fault_ends_the_job_with_awss_words(tmp_path: Path) -> None:
    with running_emulator(tmp_path, FailsSometimes(watch=1000)) as running:
        job = run_job(running, "job")
    assert job["FailureReason"].startswith("InternalServerError: We encountered an internal error.")
    assert "OSError" in job["FailureReason"]


def test_a_verdict_outlives_a_fault_that_comes_after_it(tmp_path: Path) -> None:
    backend = FailsSometimes({"algo-1": Script(exit_code=3), "algo-2": Script(after=math.inf)}, signal=1)
    two = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    with running_emulator(tmp_path, backend) as running:
        job = run_job(running, "job", ResourceConfig=two)
    assert job["FailureReason"] == "AlgorithmError: , exit code: 3"


def test_a_clean_up_that_failed_is_tried_again(tmp_path: Path) -> None:
    backend = FailsSometimes(destroy=2)
    with running_emulator(tmp_path, backend) as running:
        assert run_job(running, "job")["TrainingJobStatus"] == "Completed"
        wait_until(lambda: not backend.limits())


def test_the_scheduler_outlives_a_failed_look(tmp_path: Path) -> None:
    with running_emulator(tmp_path, FailsSometimes(find=1)) as running:
        assert run_job(running, "job")["TrainingJobStatus"] == "Completed"
        assert web.get(f"{running.endpoint}/_emulator/health").json()["status"] == "ok"


def test_without_an_engine_jobs_wait_and_health_says_why(tmp_path: Path) -> None:
    with running_emulator(tmp_path, NoEngine()) as running:
        sagemaker = running.client("sagemaker")
        sagemaker.create_training_job(**job_request("job"))
        wait_until(lambda: running.emulator.scheduler.trouble)
        assert sagemaker.describe_training_job(TrainingJobName="job")["TrainingJobStatus"] == "InProgress"
        health = web.get(f"{running.endpoint}/_emulator/health").json()
    assert health["status"] == "degraded"
    assert "No Docker Engine answers" in health["parts"]["docker"]["reason"]


@pytest.mark.parametrize("url", ["localhost:9000", "http://", "ftp://x"])
def test_an_s3_endpoint_that_is_no_url_is_refused_by_name(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SAGEMAKER_EMULATOR_S3_ENDPOINT_URL", url)
        assert main(["serve", "--port", "0"]) == 2
    assert "SAGEMAKER_EMULATOR_S3_ENDPOINT_URL" in capsys.readouterr().err
