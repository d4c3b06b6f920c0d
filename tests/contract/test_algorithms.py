"""Algorithms, and training jobs that name one, with the real boto3."""

from collections.abc import Iterator
from typing import Any

import pytest

from emulator.compute.fake import FakeBackend
from tests.contract.test_training_job_operations import refusal
from tests.contract.test_training_job_update import read_job
from tests.support import web
from tests.support.emulator_server import (
    ROLE,
    RunningEmulator,
    job_request,
    running_emulator,
    s3_channel,
    wait_for_status,
)

METRIC = {"Name": "loss", "Regex": "loss=(.*)"}
ARN = "arn:aws:sagemaker:us-east-1:123456789012:algorithm/"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    with running_emulator(tmp_path_factory.mktemp("data"), FakeBackend({})) as running:
        s3 = running.client("s3")
        for bucket in ("artifacts", "inputs"):
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket="inputs", Key="a/b", Body=b"x")
        yield running


@pytest.fixture(scope="module")
def sagemaker(running: RunningEmulator) -> Any:
    return running.client("sagemaker")


def an_algorithm(name: str, **members: Any) -> dict[str, Any]:
    channel = {"Name": "train", "SupportedContentTypes": ["text/csv"], "SupportedInputModes": ["File"]}
    training = {
        "TrainingImage": "algorithm:1",
        "SupportedTrainingInstanceTypes": ["ml.m5.large"],
        "TrainingChannels": [{**channel, "IsRequired": True}],
        "SupportedHyperParameters": [
            {"Name": "epochs", "Type": "Integer", "IsRequired": True},
            {"Name": "rate", "Type": "Continuous", "DefaultValue": "0.5"},
        ],
        "MetricDefinitions": [METRIC],
    }
    return {"AlgorithmName": name, "TrainingSpecification": training, **members}


def a_job(name: str, algorithm: str, **changes: Any) -> dict[str, Any]:
    specification = {"AlgorithmName": algorithm, "TrainingInputMode": "File"}
    members = {
        "AlgorithmSpecification": specification,
        "InputDataConfig": [s3_channel("train", "s3://inputs/a/")],
        "HyperParameters": {"epochs": "3"},
    }
    return job_request(name, **{**members, **changes})


def test_an_algorithm_is_described_as_it_was_created(sagemaker: Any) -> None:
    definition = {
        "TrainingInputMode": "File",
        "InputDataConfig": [s3_channel("train", "s3://inputs/a/")],
        "OutputDataConfig": {"S3OutputPath": "s3://artifacts/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    profile = {"ProfileName": "small", "TrainingJobDefinition": definition}
    validation = {"ValidationRole": ROLE, "ValidationProfiles": [profile]}
    request = an_algorithm("Described", ValidationSpecification=validation, CertifyForMarketplace=False)
    assert sagemaker.create_algorithm(**request)["AlgorithmArn"] == f"{ARN}described"
    for name in ("Described", f"{ARN}described"):
        told = sagemaker.describe_algorithm(AlgorithmName=name)
        assert told["TrainingSpecification"] == request["TrainingSpecification"]
        assert told["ValidationSpecification"] == validation
        assert told["CertifyForMarketplace"] is False
        assert (told["AlgorithmName"], told["AlgorithmStatus"]) == ("Described", "Completed")
        assert told["AlgorithmStatusDetails"]["ValidationStatuses"] == [
            {"Name": "small", "Status": "NotStarted"}
        ]


def test_names_are_unique_and_unknown_ones_refused(running: RunningEmulator, sagemaker: Any) -> None:
    sagemaker.create_algorithm(**an_algorithm("taken"))
    assert refusal(sagemaker.create_algorithm, **an_algorithm("Taken")) == (
        "ValidationException",
        f'Cannot create already existing algorithm "{ARN}taken".',
    )
    unknown = ("ValidationException", f"Algorithm {ARN}unknown does not exist.")
    assert refusal(sagemaker.describe_algorithm, AlgorithmName="unknown") == unknown
    assert refusal(sagemaker.delete_algorithm, AlgorithmName="unknown") == unknown
    assert refusal(sagemaker.create_training_job, **a_job("j", "unknown")) == unknown
    elsewhere = ARN.replace("us-east-1", "eu-west-1") + "taken"
    assert (
        refusal(sagemaker.describe_algorithm, AlgorithmName=elsewhere)[1]
        == f"Algorithm {elsewhere} does not exist."
    )
    other = running.client("sagemaker", aws_access_key_id="999999999999")
    assert refusal(other.describe_algorithm, AlgorithmName="taken")[0] == "ValidationException"


def test_a_specification_that_cannot_be_honoured_is_refused(sagemaker: Any) -> None:
    request = an_algorithm("refused")
    source = {"S3DataType": "S3Object", "S3Uri": "s3://inputs/a"}
    request["TrainingSpecification"]["AdditionalS3DataSource"] = source
    assert "AdditionalS3DataSource" in refusal(sagemaker.create_algorithm, **request)[1]
    twice = an_algorithm("refused")
    twice["TrainingSpecification"]["TrainingChannels"] *= 2
    assert refusal(sagemaker.create_algorithm, **twice) == (
        "ValidationException",
        "TrainingSpecification is invalid: names of TrainingChannels must be unique.",
    )


def test_list_filters_sorts_and_pages(running: RunningEmulator) -> None:
    mine = running.client("sagemaker", aws_access_key_id="111111111111")
    for name in ("c", "a", "b", "other"):
        mine.create_algorithm(**an_algorithm(f"page-{name}", AlgorithmDescription=name))

    def names(**params: Any) -> list[str]:
        pages = mine.get_paginator("list_algorithms").paginate(PaginationConfig={"PageSize": 2}, **params)
        return [
            one["AlgorithmName"].removeprefix("page-") for p in pages for one in p["AlgorithmSummaryList"]
        ]

    assert names() == ["c", "a", "b", "other"]
    assert names(SortOrder="Descending") == ["other", "b", "a", "c"]
    assert names(SortBy="Name") == ["a", "b", "c", "other"]
    assert names(NameContains="OTH") == ["other"]
    assert names(CreationTimeBefore=0) == []
    assert names(CreationTimeAfter=0, SortBy="Name", SortOrder="Descending") == ["other", "c", "b", "a"]
    assert mine.list_algorithms(MaxResults=1)["AlgorithmSummaryList"][0]["AlgorithmDescription"] == "c"
    assert refusal(mine.list_algorithms, NextToken="bm9uc2Vuc2U=")[0] == "ValidationException"


def test_tags_of_algorithms(sagemaker: Any) -> None:
    arn = sagemaker.create_algorithm(**an_algorithm("tagged", Tags=[{"Key": "a", "Value": "1"}]))[
        "AlgorithmArn"
    ]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    sagemaker.delete_algorithm(AlgorithmName="tagged")
    assert refusal(sagemaker.list_tags, ResourceArn=arn)[0] == "ValidationException"
    sagemaker.create_algorithm(**an_algorithm("tagged"))
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


@pytest.mark.parametrize("named_by", ["name", "ARN"])
def test_a_job_gets_what_its_algorithm_gives_and_echoes_what_was_sent(
    running: RunningEmulator, sagemaker: Any, named_by: str
) -> None:
    name = f"trained-by-{named_by}"
    arn = sagemaker.create_algorithm(**an_algorithm(name))["AlgorithmArn"]
    request = a_job(name, arn if named_by == "ARN" else name)
    sagemaker.create_training_job(**request)
    sagemaker.delete_algorithm(AlgorithmName=name)
    told = wait_for_status(sagemaker, name, "Completed")
    assert told["AlgorithmSpecification"].items() >= request["AlgorithmSpecification"].items()
    assert "TrainingImage" not in told["AlgorithmSpecification"]
    assert told["HyperParameters"] == {"epochs": "3"}
    job = read_job(running, name)
    assert job.request.algorithm_specification.training_image == "algorithm:1"
    assert [dict(metric) for metric in job.request.algorithm_specification.metric_definitions] == [METRIC]
    assert job.request.hyper_parameters == {"epochs": "3", "rate": "0.5"}


def test_a_job_that_the_algorithm_does_not_allow_is_refused(sagemaker: Any) -> None:
    sagemaker.create_algorithm(**an_algorithm("strict"))
    code, message = refusal(
        sagemaker.create_training_job, **a_job("not", "strict", HyperParameters={"epochs": "x"})
    )
    assert code == "ValidationException"
    assert message == (
        "The request does not fit algorithm strict: hyperparameter epochs must be an integer, not 'x'."
    )
    assert refusal(sagemaker.describe_training_job, TrainingJobName="not")[0] == "ValidationException"


def test_a_reset_takes_algorithms_away(running: RunningEmulator) -> None:
    mine = running.client("sagemaker", aws_access_key_id="222222222222")
    mine.create_algorithm(**an_algorithm("gone"))
    web.post(f"{running.endpoint}/_emulator/reset", json={"account_id": "222222222222"}).raise_for_status()
    assert mine.list_algorithms()["AlgorithmSummaryList"] == []
