"""Transform jobs with the real boto3; tests stand in for the hosting plane."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from emulator.compute.fake import FakeBackend
from emulator.domain.arn import ResourceKey
from emulator.domain.transform_job import TransformJobStatus
from emulator.store.hosting_stores import HostingStores
from tests.contract.test_training_job_operations import refusal
from tests.support.emulator_server import RunningEmulator
from tests.support.hosting_requests import (
    a_container,
    a_model_request,
    a_transform_input,
    a_transform_request,
)
from tests.support.idle_hosting import emulator_with_idle_hosting, with_stores

ARN = "arn:aws:sagemaker:us-east-1:123456789012:transform-job/"
QUICK = {"Delay": 0, "MaxAttempts": 2}
LATER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    data_dir = tmp_path_factory.mktemp("data")
    with emulator_with_idle_hosting(data_dir, FakeBackend({}), instance_quota=4) as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket="inputs")
        s3.put_object(Bucket="inputs", Key="a/b", Body=b"x")
        s3.put_object(Bucket="inputs", Key="manifest", Body=b"[]")
        running.client("sagemaker").create_model(**a_model_request())
        yield running


@pytest.fixture(scope="module")
def sagemaker(running: RunningEmulator) -> Any:
    return running.client("sagemaker")


def progress(running: RunningEmulator, name: str, status: TransformJobStatus, **facts: Any) -> None:
    """What the hosting plane does, past the server's event loop."""

    async def save(stores: HostingStores) -> None:
        key = ResourceKey("123456789012", "us-east-1", "transform-job", name)
        job = await stores.transform_jobs.get(key)
        assert job is not None
        await stores.transform_jobs.save_progress(job.advance(status=status, **facts))

    with_stores(running, save)


def test_a_job_is_described_with_aws_defaults(sagemaker: Any) -> None:
    request = a_transform_request("Described", MaxPayloadInMB=6, Environment={"A": "1"})
    assert sagemaker.create_transform_job(**request)["TransformJobArn"] == f"{ARN}described"
    told = sagemaker.describe_transform_job(TransformJobName="Described")
    del told["ResponseMetadata"]
    assert isinstance(told.pop("CreationTime"), datetime)
    assert told == {
        **request,
        "TransformJobArn": f"{ARN}described",
        "TransformJobStatus": "InProgress",
        "TransformInput": {**request["TransformInput"], "CompressionType": "None", "SplitType": "None"},
        "TransformOutput": {**request["TransformOutput"], "AssembleWith": "None", "KmsKeyId": ""},
        "DataProcessing": {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"},
    }


def test_unknown_and_known_names_are_refused(sagemaker: Any) -> None:
    assert refusal(sagemaker.describe_transform_job, TransformJobName="nobody") == (
        "ValidationException",
        "Could not find requested job with name: nobody",
    )
    assert refusal(sagemaker.stop_transform_job, TransformJobName="nobody") == (
        "ValidationException",
        "Could not find job to update with name nobody",
    )
    sagemaker.create_transform_job(**a_transform_request("taken"))
    code, message = refusal(sagemaker.create_transform_job, **a_transform_request("TAKEN"))
    assert (code, f"already exists ({ARN}taken)" in message) == ("ResourceInUse", True)


def test_what_a_job_needs_has_to_be_there(sagemaker: Any) -> None:
    create = partial(refusal, sagemaker.create_transform_job)
    assert "Could not find model" in create(**a_transform_request(ModelName="nobody"))[1]
    empty = a_transform_request(TransformInput=a_transform_input(uri="s3://inputs/none/"))
    assert create(**empty)[1].startswith(
        'No S3 objects found under S3 URL "s3://inputs/none/" given in input'
    )
    manifest = a_transform_input("ManifestFile", "s3://inputs/none")
    assert "No S3 objects found" in create(**a_transform_request(TransformInput=manifest))[1]
    large = {"InstanceType": "ml.m5.large", "InstanceCount": 5}
    code, message = create(**a_transform_request(TransformResources=large))
    assert (code, "'ml.m5.large for transform job usage' is 4" in message) == ("ResourceLimitExceeded", True)
    container = a_container(Mode="MultiModel", ModelDataUrl="s3://inputs/a/")
    sagemaker.create_model(**a_model_request("Multi", PrimaryContainer=container))
    assert "Mode MultiModel" in create(**a_transform_request(ModelName="Multi"))[1]
    there = a_transform_input("ManifestFile", "s3://inputs/manifest")
    sagemaker.create_transform_job(**a_transform_request("with-manifest", TransformInput=there))


def test_the_waiter_of_a_job(running: RunningEmulator, sagemaker: Any) -> None:
    waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
    for name in ("completed", "failed"):
        sagemaker.create_transform_job(**a_transform_request(name))
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        waiter.wait(TransformJobName="completed", WaiterConfig=QUICK)
    progress(running, "completed", TransformJobStatus.COMPLETED, start_time=LATER, end_time=LATER)
    waiter.wait(TransformJobName="completed", WaiterConfig=QUICK)
    told = sagemaker.describe_transform_job(TransformJobName="completed")
    assert (told["TransformStartTime"], told["TransformEndTime"]) == (LATER, LATER)
    progress(running, "failed", TransformJobStatus.FAILED, failure_reason="AlgorithmError: no")
    with pytest.raises(WaiterError, match="terminal failure state"):
        waiter.wait(TransformJobName="failed", WaiterConfig=QUICK)
    assert (
        sagemaker.describe_transform_job(TransformJobName="failed")["FailureReason"] == "AlgorithmError: no"
    )
    with pytest.raises(WaiterError, match="ValidationException"):
        waiter.wait(TransformJobName="nobody", WaiterConfig=QUICK)


def test_a_job_is_stopped_while_it_is_not_over(running: RunningEmulator, sagemaker: Any) -> None:
    sagemaker.create_transform_job(**a_transform_request("stopped"))
    for _ in range(2):
        sagemaker.stop_transform_job(TransformJobName="stopped")
        told = sagemaker.describe_transform_job(TransformJobName="stopped")
        assert told["TransformJobStatus"] == "Stopping"
    progress(running, "stopped", TransformJobStatus.STOPPED)
    assert refusal(sagemaker.stop_transform_job, TransformJobName="stopped") == (
        "ValidationException",
        "The request was rejected because the transform job is in status Stopped.",
    )


def test_jobs_are_listed_and_tagged(running: RunningEmulator) -> None:
    sagemaker = running.client("sagemaker", region_name="us-west-1")
    s3 = running.client("s3", region_name="us-west-1")
    s3.create_bucket(Bucket="west", CreateBucketConfiguration={"LocationConstraint": "us-west-1"})
    s3.put_object(Bucket="west", Key="a", Body=b"x")
    sagemaker.create_model(**a_model_request())
    given, tags = a_transform_input(uri="s3://west/a"), [{"Key": "team", "Value": "a"}]
    for name in ("b", "a", "c"):
        sagemaker.create_transform_job(**a_transform_request(name, TransformInput=given), Tags=tags)
    sagemaker.stop_transform_job(TransformJobName="a")
    pages = sagemaker.get_paginator("list_transform_jobs").paginate(PaginationConfig={"PageSize": 2})
    found = [job["TransformJobName"] for page in pages for job in page["TransformJobSummaries"]]
    assert found == ["c", "a", "b"]
    (stopping,) = sagemaker.list_transform_jobs(StatusEquals="Stopping")["TransformJobSummaries"]
    assert (stopping["TransformJobName"], stopping["TransformJobStatus"]) == ("a", "Stopping")
    assert stopping["LastModifiedTime"] > stopping["CreationTime"]
    assert sagemaker.list_tags(ResourceArn=stopping["TransformJobArn"])["Tags"] == tags
