"""Search and GetSearchSuggestions with the real boto3."""

from collections.abc import Iterator
from typing import Any

import pytest

from emulator.compute.fake import FakeBackend, Script
from tests.contract.test_training_job_operations import refusal
from tests.support.emulator_server import (
    RunningEmulator,
    job_request,
    running_emulator,
    s3_channel,
    wait_for_status,
)

RATES = {"one": "0.1", "two": "0.2", "three": "0.3"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    scripts = {"two/algo-1": Script(exit_code=1)}
    with running_emulator(tmp_path_factory.mktemp("data"), FakeBackend(scripts)) as running:
        s3, sagemaker = running.client("s3"), running.client("sagemaker")
        for bucket in ("artifacts", "inputs"):
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket="inputs", Key="a/b", Body=b"x")
        for name, rate in RATES.items():
            request = job_request(
                name,
                HyperParameters={"learning_rate": rate},
                Tags=[{"Key": "team", "Value": "blue" if name == "one" else "red"}],
                InputDataConfig=[s3_channel("train" if name == "one" else "test", "s3://inputs/a/")],
            )
            sagemaker.create_training_job(**request)
            wait_for_status(sagemaker, name, "Completed", "Failed")
        yield running


@pytest.fixture(scope="module")
def sagemaker(running: RunningEmulator) -> Any:
    return running.client("sagemaker")


def a_filter(name: str, operator: str, value: str) -> dict[str, str]:
    return {"Name": name, "Operator": operator, "Value": value}


def found(sagemaker: Any, *filters: dict[str, str], **params: Any) -> list[str]:
    if filters:
        params["SearchExpression"] = {"Filters": list(filters)}
    answer = sagemaker.search(Resource="TrainingJob", **params)
    return [result["TrainingJob"]["TrainingJobName"] for result in answer["Results"]]


def test_all_jobs_the_last_modified_first(sagemaker: Any) -> None:
    assert found(sagemaker) == ["three", "two", "one"]
    assert sagemaker.search(Resource="TrainingJob")["TotalHits"] == {"Value": 3, "Relation": "EqualTo"}


def test_filters_on_status_hyperparameters_tags_and_channels(sagemaker: Any) -> None:
    assert found(sagemaker, a_filter("TrainingJobStatus", "Equals", "Failed")) == ["two"]
    assert found(sagemaker, a_filter("HyperParameters.learning_rate", "GreaterThan", "0.15")) == [
        "three",
        "two",
    ]
    assert found(sagemaker, a_filter("Tags.team", "Equals", "blue")) == ["one"]
    assert found(sagemaker, a_filter("InputDataConfig.ChannelName", "Equals", "train")) == ["one"]
    assert found(sagemaker, a_filter("CreationTime", "LessThan", "2001-01-01T00:00:00")) == []


def test_nested_filters_and_subexpressions(sagemaker: Any) -> None:
    channel = [a_filter("InputDataConfig.ChannelName", "Equals", "test")]
    expression = {
        "NestedFilters": [{"NestedPropertyName": "InputDataConfig", "Filters": channel}],
        "SubExpressions": [
            {
                "Operator": "Or",
                "Filters": [
                    a_filter("TrainingJobName", "Equals", "one"),
                    a_filter("TrainingJobName", "Equals", "three"),
                ],
            }
        ],
    }
    assert found(sagemaker, SearchExpression=expression) == ["three"]


def test_results_are_descriptions_with_tags(sagemaker: Any) -> None:
    (result,) = sagemaker.search(
        Resource="TrainingJob", SearchExpression={"Filters": [a_filter("TrainingJobName", "Equals", "one")]}
    )["Results"]
    described = sagemaker.describe_training_job(TrainingJobName="one")
    job = result["TrainingJob"]
    assert job.pop("Tags") == [{"Key": "team", "Value": "blue"}]
    assert job.items() <= described.items()
    assert described.keys() - job.keys() == {"ProfilingStatus", "ResponseMetadata"}


def test_pages_hold_every_job_once(sagemaker: Any) -> None:
    pages = sagemaker.get_paginator("search").paginate(
        Resource="TrainingJob",
        SortBy="HyperParameters.learning_rate",
        SortOrder="Ascending",
        PaginationConfig={"PageSize": 2},
    )
    names = [[result["TrainingJob"]["TrainingJobName"] for result in page["Results"]] for page in pages]
    assert names == [["one", "two"], ["three"]]


def test_a_token_of_another_search_is_refused(sagemaker: Any) -> None:
    token = sagemaker.search(Resource="TrainingJob", MaxResults=1)["NextToken"]
    again = refusal(sagemaker.search, Resource="TrainingJob", SortOrder="Ascending", NextToken=token)
    assert again == ("ValidationException", "The NextToken is invalid; repeat the request without it.")


def test_other_resources_and_conditions_are_refused_by_name(sagemaker: Any) -> None:
    assert "Experiment" in refusal(sagemaker.search, Resource="Experiment")[1]
    conditions = [{"Key": "a", "Value": "b"}]
    message = refusal(sagemaker.search, Resource="TrainingJob", VisibilityConditions=conditions)[1]
    assert "VisibilityConditions" in message
    assert "Colour" in refusal(sagemaker.search, Resource="TrainingJob", SortBy="Colour")[1]


def test_nobody_sees_the_jobs_of_others(running: RunningEmulator, sagemaker: Any) -> None:
    for elsewhere in ({"region_name": "eu-west-1"}, {"aws_access_key_id": "999999999999"}):
        assert found(running.client("sagemaker", **elsewhere)) == []
    assert found(sagemaker, CrossAccountFilterOption="CrossAccount") == []


def test_suggestions_are_names_that_jobs_have(sagemaker: Any) -> None:
    def suggested(**params: Any) -> list[str]:
        answer = sagemaker.get_search_suggestions(Resource="TrainingJob", **params)
        return [suggestion["PropertyName"] for suggestion in answer["PropertyNameSuggestions"]]

    assert suggested() == ["HyperParameters.learning_rate", "Tags.team"]
    hint = {"PropertyNameQuery": {"PropertyNameHint": "Tags.te"}}
    assert suggested(SuggestionQuery=hint) == ["Tags.team"]
    assert "Model" in refusal(sagemaker.get_search_suggestions, Resource="Model")[1]
