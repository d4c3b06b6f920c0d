"""The operations on training jobs, with the real boto3 over a real socket and scripted containers."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.compute.fake import FakeBackend, Script
from tests.support import web
from tests.support.emulator_server import (
    ROLE,
    RunningEmulator,
    job_request,
    running_emulator,
    s3_channel,
    transitions,
    wait_for_status,
)

SCRIPTS = {"endless/algo-1": Script(after=math.inf), "writes/algo-1": Script(writes={"model/m": b"m"})}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    with running_emulator(tmp_path_factory.mktemp("data"), FakeBackend(SCRIPTS)) as running:
        running.client("s3").create_bucket(Bucket="artifacts")
        yield running


@pytest.fixture(scope="module")
def sagemaker(running: RunningEmulator) -> Any:
    return running.client("sagemaker")


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_create_answers_an_arn_with_the_name_in_lower_case(sagemaker: Any) -> None:
    answer = sagemaker.create_training_job(**job_request("Mixed-Case"))
    assert answer["TrainingJobArn"] == "arn:aws:sagemaker:us-east-1:123456789012:training-job/mixed-case"
    assert sagemaker.describe_training_job(TrainingJobName="Mixed-Case")["TrainingJobName"] == "Mixed-Case"


def test_create_refuses_a_name_in_use_also_in_another_case(sagemaker: Any) -> None:
    arn = sagemaker.create_training_job(**job_request("taken"))["TrainingJobArn"]
    code, message = refusal(sagemaker.create_training_job, **job_request("Taken"))
    assert code == "ResourceInUse"
    assert message == (
        "Training job names must be unique within an AWS account and region, "
        f"and a training job with this name already exists ({arn})"
    )


def test_create_refuses_an_empty_s3_input(running: RunningEmulator, sagemaker: Any) -> None:
    running.client("s3").create_bucket(Bucket="inputs")
    request = job_request("no-input", InputDataConfig=[s3_channel("train", "s3://inputs/nothing/")])
    assert refusal(sagemaker.create_training_job, **request) == (
        "ValidationException",
        'No S3 objects found under S3 URL "s3://inputs/nothing/" given in input data source. Please ensure that '
        "the bucket exists in the selected region (us-east-1), that objects exist under that S3 prefix, and that "
        f'the role "{ROLE}" has "s3:ListBucket" permissions on bucket "inputs".',
    )
    assert refusal(sagemaker.describe_training_job, TrainingJobName="no-input")[0] == "ValidationException"


def test_create_refuses_an_input_bucket_of_another_region(running: RunningEmulator, sagemaker: Any) -> None:
    abroad = running.client("s3", region_name="eu-central-1")
    location = {"LocationConstraint": "eu-central-1"}
    abroad.create_bucket(Bucket="abroad", CreateBucketConfiguration=location)
    abroad.put_object(Bucket="abroad", Key="data/a", Body=b"a")
    request = job_request("abroad", InputDataConfig=[s3_channel("train", "s3://abroad/data")])
    assert refusal(sagemaker.create_training_job, **request) == (
        "ValidationException",
        'No S3 objects found under S3 URL "s3://abroad/data" given in input data source. Please ensure that the '
        "bucket exists in the selected region (us-east-1), that objects exist under that S3 prefix, and that the "
        f'role "{ROLE}" has "s3:ListBucket" permissions on bucket "abroad". Error message from S3: The bucket is in '
        "this region: eu-central-1. Please use this region to retry the request",
    )
    there = running.client("sagemaker", region_name="eu-central-1")
    there.create_training_job(**request)
    assert wait_for_status(there, "abroad", "Completed")["TrainingJobStatus"] == "Completed"


def test_a_job_uploads_to_a_bucket_of_another_region(running: RunningEmulator) -> None:
    tokyo = running.client("sagemaker", region_name="ap-northeast-1")
    tokyo.create_training_job(**job_request("writes"))
    assert wait_for_status(tokyo, "writes", "Completed")["TrainingJobStatus"] == "Completed"
    assert running.client("s3").head_object(Bucket="artifacts", Key="out/writes/output/model.tar.gz")


def test_create_tells_s3s_own_words_for_an_unknown_bucket(sagemaker: Any) -> None:
    request = job_request("no-bucket", InputDataConfig=[s3_channel("train", "s3://unknown-bucket/x")])
    message = refusal(sagemaker.create_training_job, **request)[1]
    assert message.endswith("Error message from S3: The specified bucket does not exist")


def test_describe_echoes_defaults_and_ends_with_artifacts(sagemaker: Any) -> None:
    sagemaker.create_training_job(**job_request("echo", HyperParameters={"epochs": "3"}))
    job = wait_for_status(sagemaker, "echo", "Completed")
    assert transitions(job) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["OutputDataConfig"] == {
        "S3OutputPath": "s3://artifacts/out",
        "KmsKeyId": "",
        "CompressionType": "GZIP",
    }
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://artifacts/out/echo/output/model.tar.gz"
    assert job["HyperParameters"] == {"epochs": "3"}
    assert job["EnableNetworkIsolation"] is False
    assert job["SecondaryStatusTransitions"][-1]["StartTime"] == job["TrainingEndTime"]
    assert job["TrainingTimeInSeconds"] >= 1


def test_describe_of_a_running_job_has_no_end_and_no_artifacts(sagemaker: Any) -> None:
    sagemaker.create_training_job(**job_request("endless"))
    job = wait_for_status(sagemaker, "endless", "Training")
    assert "ModelArtifacts" not in job
    assert "TrainingEndTime" not in job
    assert "EndTime" not in job["SecondaryStatusTransitions"][-1]
    sagemaker.stop_training_job(TrainingJobName="endless")
    assert transitions(wait_for_status(sagemaker, "endless", "Stopped"))[-3:] == [
        "Stopping",
        "Uploading",
        "Stopped",
    ]


@pytest.mark.parametrize("operation", ["describe_training_job", "stop_training_job"])
def test_an_unknown_job_is_a_validation_exception(sagemaker: Any, operation: str) -> None:
    answer = refusal(getattr(sagemaker, operation), TrainingJobName="unknown")
    assert answer == ("ValidationException", "Requested resource not found.")


def test_stop_of_a_finished_job_tells_its_status(sagemaker: Any) -> None:
    sagemaker.create_training_job(**job_request("finished"))
    wait_for_status(sagemaker, "finished", "Completed")
    assert refusal(sagemaker.stop_training_job, TrainingJobName="finished") == (
        "ValidationException",
        "The request was rejected because the training job is in status Completed.",
    )


def test_accounts_and_regions_do_not_see_each_other(running: RunningEmulator, sagemaker: Any) -> None:
    sagemaker.create_training_job(**job_request("private"))
    for elsewhere in ({"region_name": "eu-west-1"}, {"aws_access_key_id": "999999999999"}):
        other = running.client("sagemaker", **elsewhere)
        assert refusal(other.describe_training_job, TrainingJobName="private")[0] == "ValidationException"
        assert other.list_training_jobs()["TrainingJobSummaries"] == []
    arn = running.client("sagemaker", aws_access_key_id="999999999999").create_training_job(
        **job_request("private")
    )
    assert ":999999999999:" in arn["TrainingJobArn"]


def test_list_pages_through_everything_once(running: RunningEmulator) -> None:
    mine = running.client("sagemaker", aws_access_key_id="111111111111")
    names = [f"page-{number:02}" for number in range(7)]
    for name in names:
        mine.create_training_job(**job_request(name))
    pages = mine.get_paginator("list_training_jobs").paginate(
        SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 3}
    )
    sizes, found = [], []
    for page in pages:
        sizes.append(len(page["TrainingJobSummaries"]))
        found += [summary["TrainingJobName"] for summary in page["TrainingJobSummaries"]]
    assert found == names
    assert sizes == [3, 3, 1]


def test_list_filters(running: RunningEmulator) -> None:
    mine = running.client("sagemaker", aws_access_key_id="222222222222")
    before = datetime.now(UTC) - timedelta(seconds=1)
    for name in ("red-1", "red-2", "blue"):
        mine.create_training_job(**job_request(name))
        wait_for_status(mine, name, "Completed")

    def names(**filters: Any) -> set[str]:
        return {s["TrainingJobName"] for s in mine.list_training_jobs(**filters)["TrainingJobSummaries"]}

    assert names(NameContains="RED") == {"red-1", "red-2"}
    assert names(CreationTimeAfter=before) == {"red-1", "red-2", "blue"}
    assert names(CreationTimeBefore=before) == set()
    assert names(LastModifiedTimeAfter=before, StatusEquals="Completed") == {"red-1", "red-2", "blue"}
    assert names(StatusEquals="Failed") == set()
    assert names(WarmPoolStatusEquals="Available") == set()


def test_list_refuses_a_token_that_is_not_its_own(sagemaker: Any) -> None:
    code, message = refusal(sagemaker.list_training_jobs, NextToken="bm9uc2Vuc2U=")
    assert (code, message) == (
        "ValidationException",
        "The NextToken is invalid; repeat the request without it.",
    )


def test_tags_of_create_are_listed_added_to_and_deleted(sagemaker: Any) -> None:
    arn = sagemaker.create_training_job(**job_request("tagged", Tags=[{"Key": "team", "Value": "a"}]))[
        "TrainingJobArn"
    ]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "b"}, {"Key": "cost", "Value": "1"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [
        {"Key": "cost", "Value": "1"},
        {"Key": "team", "Value": "b"},
    ]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["cost"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "b"}]


def test_tags_of_an_unknown_resource_are_refused(sagemaker: Any) -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:training-job/unknown"
    assert refusal(sagemaker.list_tags, ResourceArn=arn)[0] == "ValidationException"


def test_waiter_ends_with_the_job(sagemaker: Any) -> None:
    sagemaker.create_training_job(**job_request("waited"))
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName="waited", WaiterConfig={"Delay": 1, "MaxAttempts": 20})


def test_caller_identity_tells_the_account_of_the_credentials(running: RunningEmulator) -> None:
    sts = running.client("sts", aws_access_key_id="333333333333")
    assert sts.get_caller_identity()["Account"] == "333333333333"


def test_health_tells_every_part(running: RunningEmulator) -> None:
    health = web.get(f"{running.endpoint}/_emulator/health").json()
    assert health["status"] == "ok"
    assert set(health["parts"]) == {"docker", "s3", "scheduler", "registry", "init"}


def test_report_of_a_job_tells_limits_and_shards(running: RunningEmulator, sagemaker: Any) -> None:
    s3 = running.client("s3")
    s3.create_bucket(Bucket="shards")
    for number in range(5):
        s3.put_object(Bucket="shards", Key=f"part-{number}", Body=b"x")
    request = job_request(
        "report",
        InputDataConfig=[s3_channel("train", "s3://shards/part-", "ShardedByS3Key")],
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 3, "VolumeSizeInGB": 1},
    )
    sagemaker.create_training_job(**request)
    wait_for_status(sagemaker, "report", "Completed")
    report = web.get(f"{running.endpoint}/_emulator/training-jobs/report").json()
    assert [host["objects"] for host in report["hosts"]] == [{"train": 2}, {"train": 2}, {"train": 1}]
    nominal = 8 * 2**30
    limit = int(nominal * 0.93) - 512 * 2**20
    assert report["hosts"][0]["memory_limit_bytes"] == limit // 2**20 * 2**20
    assert web.get(f"{running.endpoint}/_emulator/training-jobs/unknown").status_code == 404


def test_a_request_under_a_foreign_name_is_refused(running: RunningEmulator) -> None:
    answer = web.get(f"{running.endpoint}/_emulator/health", headers={"host": "evil.example"})
    assert answer.status_code == 403
    assert "Host and Origin" in answer.json()["message"]


@pytest.mark.parametrize("origin", ["https://evil.example", "http://203.0.113.5", "null"])
def test_a_web_page_elsewhere_cannot_reach_s3_nor_reset(running: RunningEmulator, origin: str) -> None:
    """A form of a page that sends no referrer has the origin `null`."""
    body = "<Delete><Object><Key>a</Key></Object></Delete>"
    page = {"origin": origin, "content-type": "text/plain"}
    for path in ("artifacts?delete", "_emulator/reset"):
        answer = web.post(f"{running.endpoint}/{path}", content=body, headers=page)
        assert answer.status_code == 403


def test_a_web_page_elsewhere_is_refused_also_where_other_machines_are_not(tmp_path: Path) -> None:
    open_to_others = {"host": "0.0.0.0", "allowed_hosts": ("emulator.lan",)}
    with running_emulator(tmp_path / "data", FakeBackend(), **open_to_others) as running:
        health = f"{running.endpoint}/_emulator/health"
        assert web.get(health, headers={"host": "emulator.lan"}).status_code == 200
        assert web.get(health, headers={"origin": "https://evil.example"}).status_code == 403
        own = {"host": "emulator.lan:1", "origin": "http://emulator.lan:1"}
        assert web.get(health, headers=own).status_code == 200
        made_up = {"host": "rebind.example:1", "origin": "http://rebind.example:1"}
        assert web.get(health, headers=made_up).status_code == 403


def test_create_refuses_more_instances_than_the_quota(sagemaker: Any) -> None:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 101, "VolumeSizeInGB": 1}
    code, message = refusal(
        sagemaker.create_training_job, **job_request("too-many", ResourceConfig=resources)
    )
    assert code == "ResourceLimitExceeded"
    assert message.startswith(
        "The account-level service limit 'ml.m5.large for training job usage' is 100 Instances"
    )
