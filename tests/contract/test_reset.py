"""POST /_emulator/reset: nothing of before is left, and nothing of before comes back."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from botocore.exceptions import ClientError

from emulator.compute.fake import FakeBackend, Script
from tests.support import web
from tests.support.emulator_server import (
    RunningEmulator,
    job_request,
    running_emulator,
    s3_channel,
    wait_for_status,
    wait_until,
)
from tests.support.minio_server import ACCESS_KEY, SECRET_KEY, running_minio

ENDLESS = Script(after=math.inf, logs=("still here",), ignores_sigterm=True)
ONE, TWO = "111111111111", "222222222222"


class HoldsPreparation(FakeBackend):
    """Downloading lasts until the test lets it end."""

    def __init__(self, scripts: dict[str, Script] | None = None) -> None:
        super().__init__(scripts)
        self.holds = True

    async def prepare(self, cluster: Any) -> None:
        while self.holds:
            await anyio.sleep(0.005)
        await super().prepare(cluster)


class KeepsContainers(FakeBackend):
    """Cannot remove anything for now."""

    stuck = True

    async def destroy(self, cluster: str) -> None:
        if self.stuck:
            raise OSError("the Engine broke off")
        await super().destroy(cluster)


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend(
        {"endless/algo-1": ENDLESS, "algo-1": Script(logs=("hello",), writes={"model/m": b"1"})}
    )


@pytest.fixture
def running(tmp_path: Path, backend: FakeBackend) -> Iterator[RunningEmulator]:
    with running_emulator(tmp_path, backend) as emulator:
        emulator.client("s3").create_bucket(Bucket="artifacts")
        yield emulator


def reset(running: RunningEmulator, **body: str) -> dict[str, Any]:
    answer = web.post(f"{running.endpoint}/_emulator/reset", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def names(running: RunningEmulator, **options: Any) -> list[str]:
    jobs = running.client("sagemaker", **options).list_training_jobs()["TrainingJobSummaries"]
    return [job["TrainingJobName"] for job in jobs]


def buckets(running: RunningEmulator, **options: Any) -> list[str]:
    return [bucket["Name"] for bucket in running.client("s3", **options).list_buckets()["Buckets"]]


def lines(running: RunningEmulator, account: str) -> list[str]:
    """Of all the account's training jobs."""
    logs = running.client("logs", aws_access_key_id=account)
    try:
        found = logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [line["message"] for line in found]


def test_reset_forgets_everything(running: RunningEmulator, backend: FakeBackend, tmp_path: Path) -> None:
    sagemaker, s3 = running.client("sagemaker"), running.client("s3")
    s3.put_object(Bucket="artifacts", Key="data/1", Body=b"1")
    s3.create_multipart_upload(Bucket="artifacts", Key="unfinished")
    sagemaker.create_training_job(**job_request("done", Tags=[{"Key": "k", "Value": "v"}]))
    wait_for_status(sagemaker, "done", "Completed")
    channels = {"InputDataConfig": [s3_channel("train", "s3://artifacts/data/")]}
    arn = sagemaker.create_training_job(**job_request("endless", **channels))["TrainingJobArn"]
    wait_for_status(sagemaker, "endless", "Training")

    answer = reset(running)

    assert answer["training_jobs"] == {"deleted": 2, "of_them_unfinished": 1}
    assert answer["s3"] == {"status": "cleared", "buckets": 1}
    assert answer["containers_left"] == []
    assert names(running) == []
    assert buckets(running) == []
    assert running.client("logs").describe_log_groups()["logGroups"] == []
    assert backend.limits() == []
    assert list((tmp_path / "work").iterdir()) == []
    assert list((tmp_path / "s3" / "blobs").glob("*/*")) == []
    with pytest.raises(ClientError, match="not found"):
        sagemaker.list_tags(ResourceArn=arn)


def test_job_of_the_same_name_runs_after_the_reset(running: RunningEmulator) -> None:
    sagemaker, s3 = running.client("sagemaker"), running.client("s3")
    sagemaker.create_training_job(**job_request("endless"))
    wait_for_status(sagemaker, "endless", "Training")
    reset(running)
    s3.create_bucket(Bucket="artifacts")
    sagemaker.create_training_job(**job_request("endless", Tags=[{"Key": "new", "Value": "1"}]))
    wait_for_status(sagemaker, "endless", "Training")
    sagemaker.stop_training_job(TrainingJobName="endless")
    job = wait_for_status(sagemaker, "endless", "Stopped", "Failed")
    assert job["TrainingJobStatus"] == "Stopped"
    lines = running.client("logs").filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs")["events"]
    assert [line["message"] for line in lines] == ["still here"]
    assert sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"] == [{"Key": "new", "Value": "1"}]


def test_job_that_is_just_starting_does_not_come_back(tmp_path: Path) -> None:
    backend = HoldsPreparation()
    with running_emulator(tmp_path, backend) as running:
        sagemaker = running.client("sagemaker")
        sagemaker.create_training_job(**job_request("job"))
        wait_for_status(sagemaker, "job", "Downloading")
        assert reset(running)["training_jobs"] == {"deleted": 1, "of_them_unfinished": 1}
        backend.holds = False
        running.client("s3").create_bucket(Bucket="artifacts")
        sagemaker.create_training_job(**job_request("later"))
        wait_for_status(sagemaker, "later", "Completed")
        assert names(running) == ["later"]


def test_jobs_created_right_before_resets_never_come_back(running: RunningEmulator) -> None:
    """Resets meet jobs wherever they are: not yet seen, admitted, running or uploading."""
    sagemaker, s3 = running.client("sagemaker"), running.client("s3")
    for attempt in range(20):
        for number in range(attempt % 4 + 1):
            sagemaker.create_training_job(**job_request(f"job-{number}"))
        reset(running)
        assert names(running) == []
        assert buckets(running) == []
        s3.create_bucket(Bucket="artifacts")
    sagemaker.create_training_job(**job_request("job-0"))
    wait_for_status(sagemaker, "job-0", "Completed")
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket="artifacts")["Contents"]]
    assert keys == ["out/job-0/output/model.tar.gz"]
    streams = running.client("logs").describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs")[
        "logStreams"
    ]
    assert len(streams) == 1


def test_reset_of_one_account_leaves_the_others_alone(running: RunningEmulator) -> None:
    for account in (ONE, TWO):
        running.client("s3", aws_access_key_id=account).create_bucket(Bucket=f"of-{account}")
        sagemaker = running.client("sagemaker", aws_access_key_id=account)
        output = {"OutputDataConfig": {"S3OutputPath": f"s3://of-{account}/out"}}
        sagemaker.create_training_job(
            **job_request("endless", **output, Tags=[{"Key": "k", "Value": account}])
        )
        wait_for_status(sagemaker, "endless", "Training")
        wait_until(lambda account=account: lines(running, account))
    answer = reset(running, account_id=ONE)
    assert answer["account_id"] == ONE
    assert answer["training_jobs"]["deleted"] == 1
    assert names(running, aws_access_key_id=ONE) == []
    assert buckets(running, aws_access_key_id=ONE) == []
    sagemaker = running.client("sagemaker", aws_access_key_id=TWO)
    job = sagemaker.describe_training_job(TrainingJobName="endless")
    assert job["SecondaryStatus"] == "Training"
    assert sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"] == [{"Key": "k", "Value": TWO}]
    assert buckets(running, aws_access_key_id=TWO) == [f"of-{TWO}"]
    assert lines(running, TWO) == ["still here"]
    sagemaker.stop_training_job(TrainingJobName="endless")
    wait_for_status(sagemaker, "endless", "Stopped")


def test_reset_of_one_region_leaves_the_others_alone(running: RunningEmulator) -> None:
    for region in ("us-east-1", "eu-west-1"):
        sagemaker = running.client("sagemaker", region_name=region)
        sagemaker.create_training_job(**job_request("job"))
        wait_for_status(sagemaker, "job", "Completed")
    assert reset(running, region="eu-west-1")["training_jobs"]["deleted"] == 1
    assert names(running, region_name="eu-west-1") == []
    assert names(running) == ["job"]
    assert buckets(running) == ["artifacts"]


def test_containers_that_cannot_be_removed_are_told_and_removed_later(tmp_path: Path) -> None:
    backend = KeepsContainers({"algo-1": ENDLESS})
    with running_emulator(tmp_path, backend) as running:
        sagemaker = running.client("sagemaker")
        sagemaker.create_training_job(**job_request("job"))
        # The status is on the row before the container is made.
        wait_until(backend.limits)
        (left,) = reset(running)["containers_left"]
        assert left.startswith("job-")
        assert names(running) == []
        assert len(backend.limits()) == 1
        backend.stuck = False
        running.client("s3").create_bucket(Bucket="artifacts")
        sagemaker.create_training_job(**job_request("wakes-the-scheduler"))
        wait_until(lambda: not any(found.cluster == left for found in running_clusters(backend)))


def running_clusters(backend: FakeBackend) -> list[Any]:
    return anyio.run(backend.find)


@pytest.mark.parametrize(
    "body",
    ['{"account_id": "12*"}', '{"region": "*"}', '{"acount_id": "111111111111"}', "[]", "account_id=1"],
)
def test_body_that_cannot_be_used_resets_nothing(running: RunningEmulator, body: str) -> None:
    headers = {"Content-Type": "application/json"} if body.startswith(("{", "[")) else {}
    answer = web.post(f"{running.endpoint}/_emulator/reset", content=body, headers=headers)
    assert answer.status_code == 422
    assert buckets(running) == ["artifacts"]


def test_reset_without_a_body_is_of_everything(running: RunningEmulator) -> None:
    assert web.post(f"{running.endpoint}/_emulator/reset").json()["account_id"] is None
    assert buckets(running) == []


@pytest.mark.minio
def test_external_s3_keeps_its_objects(tmp_path: Path, backend: FakeBackend) -> None:
    with running_minio(tmp_path / "minio") as url:
        settings = {"s3_endpoint_url": url, "s3_access_key": ACCESS_KEY, "s3_secret_key": SECRET_KEY}
        with running_emulator(tmp_path / "data", backend, **settings) as running:
            s3 = running.client("s3")
            s3.create_bucket(Bucket="artifacts")
            s3.put_object(Bucket="artifacts", Key="kept", Body=b"kept")
            running.client("sagemaker").create_training_job(**job_request("endless"))
            wait_for_status(running.client("sagemaker"), "endless", "Training")
            answer = reset(running)
            assert answer["s3"]["status"] == "untouched"
            assert "external S3 keeps" in answer["s3"]["reason"]
            assert names(running) == []
            assert s3.get_object(Bucket="artifacts", Key="kept")["Body"].read() == b"kept"
