from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.domain.errors import ServiceError
from emulator.domain.search_expression import compile_expression

JOB: Mapping[str, Any] = {
    "TrainingJobName": "Train-1",
    "TrainingJobStatus": "Completed",
    "CreationTime": datetime(2024, 5, 6, 7, 8, 9, 123_456, UTC),
    "BillableTimeInSeconds": 125,
    "EnableManagedSpotTraining": False,
    "HyperParameters": {"learning_rate": "0.5", "optimizer": "adam", "a.b": "7", "huge": "1e999"},
    "FinalMetricDataList": [
        {"MetricName": "accuracy", "Value": 0.93, "Timestamp": datetime(2024, 5, 6, tzinfo=UTC)},
        {"MetricName": "train:loss", "Value": 0.1, "Timestamp": datetime(2024, 5, 6, tzinfo=UTC)},
    ],
    "Tags": [{"Key": "team", "Value": "blue"}, {"Key": "x.y", "Value": "1"}],
    "InputDataConfig": [
        {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://mybucket/catdata"}}},
        {"ChannelName": "test", "DataSource": {"S3DataSource": {"S3Uri": "s3://other/dogs"}}},
    ],
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
    "VpcConfig": {"Subnets": ["subnet-1", "subnet-2"]},
}


def a_filter(name: str, operator: str | None = None, value: str | None = None) -> dict[str, str]:
    asked = {"Name": name, "Operator": operator, "Value": value}
    return {member: text for member, text in asked.items() if text is not None}


def matches(*filters: dict[str, str], **expression: Any) -> bool:
    given = {"Filters": list(filters)} if filters else {}
    return compile_expression({**given, **expression})(JOB)


@pytest.mark.parametrize(
    ("name", "operator", "value", "expected"),
    [
        ("TrainingJobName", None, "Train-1", True),
        ("TrainingJobName", None, "train-1", False),
        ("TrainingJobName", "NotEquals", "other", True),
        ("TrainingJobName", "NotEquals", "Train-1", False),
        ("TrainingJobName", "Contains", "ain", True),
        ("TrainingJobName", "Contains", "xyz", False),
        ("TrainingJobStatus", "In", "Failed, Completed", True),
        ("TrainingJobStatus", "In", "Failed,Stopped", False),
        ("FailureReason", "Exists", None, False),
        ("FailureReason", "NotExists", None, True),
        ("FailureReason", "NotEquals", "x", True),
        ("FailureReason", "Equals", "x", False),
        ("VpcConfig", "Exists", None, True),
        ("CheckpointConfig", "Exists", None, False),
        ("InputDataConfig", "Exists", None, True),
        ("HyperParameters", "Exists", None, True),
        ("Environment", "Exists", None, False),
        ("BillableTimeInSeconds", "Equals", "125.0", True),
        ("BillableTimeInSeconds", "GreaterThan", "125", False),
        ("BillableTimeInSeconds", "GreaterThanOrEqualTo", "125", True),
        ("ResourceConfig.InstanceCount", "LessThan", "3", True),
        ("ResourceConfig.InstanceType", "Equals", "ml.m5.large", True),
        ("EnableManagedSpotTraining", "Equals", "False", True),
        ("EnableManagedSpotTraining", "Equals", "true", False),
        ("CreationTime", "Equals", "2024-05-06T07:08:09", True),
        ("CreationTime", "GreaterThan", "2024-05-06T07:08:09Z", True),
        ("CreationTime", "LessThan", "2024-05-06T09:08:09+02:00", False),
        ("CreationTime", "LessThanOrEqualTo", "1714979290", True),
        ("CreationTime", "GreaterThan", "1714979290", False),
        ("InputDataConfig.ChannelName", "Equals", "test", True),
        ("InputDataConfig.ChannelName", "NotEquals", "test", False),
        ("InputDataConfig.ChannelName", "Equals", "validation", False),
        ("VpcConfig.Subnets", "Equals", "subnet-2", True),
        ("Tags.team", "Equals", "blue", True),
        ("Tags.x.y", "Equals", "1", True),
        ("Tags.nobody", "Exists", None, False),
        ("Metrics.accuracy", "GreaterThan", "0.9", True),
        ("Metrics.train:loss", "GreaterThan", "0.9", False),
        ("Metrics.nothing", "LessThan", "0.9", False),
        ("HyperParameters.learning_rate", "Equals", "0.50", True),
        ("HyperParameters.learning_rate", "LessThan", "0.5", False),
        ("HyperParameters.learning_rate", "LessThan", "0.51", True),
        ("HyperParameters.learning_rate", "LessThanOrEqualTo", "0", True),
        ("HyperParameters.huge", "GreaterThan", "1", True),
        ("HyperParameters.a.b", "GreaterThan", "6", True),
        ("HyperParameters.optimizer", "GreaterThan", "1", False),
        ("HyperParameters.optimizer", "Contains", "da", True),
        ("HyperParameters.optimizer", "In", "sgd,adam", True),
    ],
)
def test_a_filter(name: str, operator: str | None, value: str | None, expected: bool) -> None:
    assert matches(a_filter(name, operator, value)) is expected


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (a_filter("Colour", None, "red"), "Colour is not a property of TrainingJob"),
        (a_filter("Metrics", None, "1"), "Metrics is not a property of TrainingJob"),
        (a_filter("TrainingJobName"), "needs a Value for the operator Equals"),
        (a_filter("TrainingJobName", "GreaterThan", "a"), "GreaterThan is not supported for TrainingJobName"),
        (a_filter("BillableTimeInSeconds", "In", "1,2"), "In is not supported for BillableTimeInSeconds"),
        (a_filter("CreationTime", "Contains", "2024"), "Contains is not supported for CreationTime"),
        (a_filter("EnableNetworkIsolation", "LessThan", "true"), "LessThan is not supported"),
        (a_filter("BillableTimeInSeconds", None, "many"), "must be a number"),
        (a_filter("BillableTimeInSeconds", None, "nan"), "must be a number"),
        (a_filter("HyperParameters.x", "LessThan", "abc"), "must be a number"),
        (a_filter("CreationTime", None, "yesterday"), "must be a time such as"),
        (a_filter("CreationTime", None, "1e999"), "must be a time such as"),
        (a_filter("EnableNetworkIsolation", None, "yes"), "must be true or false"),
        (a_filter("InputDataConfig", None, "train"), "has no value"),
        (a_filter("VpcConfig", "Contains", "train"), "has no value"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(asked: dict[str, str], text: str) -> None:
    with pytest.raises(ServiceError) as refusal:
        compile_expression({"Filters": [asked]})
    assert refusal.value.code == "ValidationException"
    assert text in refusal.value.message


YES, NO = a_filter("TrainingJobName", None, "Train-1"), a_filter("TrainingJobName", None, "x")


def test_filters_are_joined_by_and_or_as_told_by_or() -> None:
    assert not matches(YES, NO)
    assert matches(YES, NO, Operator="Or")
    assert not matches(NO, Operator="Or")


def test_subexpressions_are_as_good_as_filters() -> None:
    inner = {"Filters": [YES, NO], "Operator": "Or"}
    assert matches(YES, SubExpressions=[inner])
    assert not matches(NO, SubExpressions=[inner])
    assert matches(NO, SubExpressions=[{"SubExpressions": [inner]}], Operator="Or")


@pytest.mark.parametrize(("channel", "expected"), [("train", True), ("test", False)])
def test_nested_filters_want_one_element_that_satisfies_all(channel: str, expected: bool) -> None:
    nested = {
        "NestedPropertyName": "InputDataConfig",
        "Filters": [
            a_filter("InputDataConfig.ChannelName", "Equals", channel),
            a_filter("InputDataConfig.DataSource.S3DataSource.S3Uri", "Contains", "mybucket/catdata"),
        ],
    }
    assert matches(NestedFilters=[nested]) is expected


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("TrainingJobName", "TrainingJobName"),
        ("Nothing", "Nothing.X"),
        ("InputDataConfig", "ChannelName"),
        ("InputDataConfig", "FinalMetricDataList.Value"),
    ],
)
def test_nested_filters_want_a_list_and_its_members(name: str, inner: str) -> None:
    nested = {"NestedPropertyName": name, "Filters": [a_filter(inner, "Exists")]}
    with pytest.raises(ServiceError, match="is not a property of"):
        compile_expression({"NestedFilters": [nested]})


def test_only_one_contains_in_all_of_the_expression() -> None:
    contains = a_filter("TrainingJobName", "Contains", "a")
    with pytest.raises(ServiceError) as refusal:
        compile_expression({"Filters": [contains], "SubExpressions": [{"Filters": [contains]}]})
    assert refusal.value.message == "'CONTAINS' operator usage limit of 1 exceeded."


def test_an_expression_has_something_in_it_and_not_too_much() -> None:
    with pytest.raises(ServiceError, match="needs at least one of"):
        compile_expression({"Operator": "And"})
    with pytest.raises(ServiceError, match="needs at least one of"):
        compile_expression({"SubExpressions": [{}]})
    with pytest.raises(ServiceError, match="at most 50"):
        compile_expression({"SubExpressions": [{"Filters": [YES] * 17}] * 3})
    assert compile_expression(None)(JOB)
