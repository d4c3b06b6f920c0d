"""Algorithms: what they allow, and what they give to a job."""

from typing import Any

import pytest

from emulator.domain.algorithm import Algorithm, TrainingSpecification
from emulator.domain.algorithm_check import faults_of_request, faults_of_specification
from emulator.domain.arn import AlgorithmKey
from tests.support.builders import ACCOUNT, REGION, a_channel, a_request, instance_groups, instances
from tests.support.clock import START

INTEGER = {"IntegerParameterRangeSpecification": {"MinValue": "1", "MaxValue": "10"}}
CONTINUOUS = {"ContinuousParameterRangeSpecification": {"MinValue": "0.1", "MaxValue": "1e3"}}
CATEGORIES = {"CategoricalParameterRangeSpecification": {"Values": ["sgd", "adam"]}}
TRAIN = {
    "Name": "train",
    "IsRequired": True,
    "SupportedContentTypes": ["text/csv"],
    "SupportedCompressionTypes": ["None"],
    "SupportedInputModes": ["File"],
}
LOSS, ACCURACY = {"Name": "loss", "Regex": "l=(.*)"}, {"Name": "accuracy", "Regex": "a=(.*)"}


def a_parameter(name: str, kind: str = "FreeText", **members: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, **members}


def an_algorithm(*parameters: dict[str, Any], **members: Any) -> Algorithm:
    training = {
        "TrainingImage": "registry:5000/algorithm:1",
        "SupportedTrainingInstanceTypes": ["ml.m5.large"],
        "TrainingChannels": [
            TRAIN,
            {"Name": "test", "SupportedContentTypes": [], "SupportedInputModes": ["Pipe"]},
        ],
        "SupportedHyperParameters": list(parameters),
        **members,
    }
    return Algorithm(AlgorithmKey(ACCOUNT, REGION, "Al"), START, {"TrainingSpecification": training})


def a_job(**members: Any) -> dict[str, Any]:
    specification = {"AlgorithmName": "Al", "TrainingInputMode": "File", **members.pop("specification", {})}
    return a_request(AlgorithmSpecification=specification, **{"InputDataConfig": [a_channel()], **members})


def faults(algorithm: Algorithm, **members: Any) -> list[str]:
    return list(faults_of_request(algorithm, a_job(**members)))


def test_a_job_that_fits_has_no_fault() -> None:
    channel = {**a_channel(), "ContentType": "text/csv", "CompressionType": "None"}
    assert faults(an_algorithm(), InputDataConfig=[channel], HyperParameters={"any": "thing"}) == []


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"ResourceConfig": instances(1, "ml.m5.xlarge")}, "instance type ml.m5.xlarge is not supported"),
        ({"ResourceConfig": instance_groups(("a", "ml.c5.large", 1))}, "instance type ml.c5.large is not"),
        ({"ResourceConfig": instances(2)}, "distributed training is not supported"),
        ({"InputDataConfig": None}, "channel train is required"),
        (
            {"InputDataConfig": [a_channel(), a_channel("x")]},
            "channel x is not supported; supported are train, test",
        ),
        ({"InputDataConfig": [{**a_channel(), "ContentType": "a/b"}]}, "content type a/b of channel train"),
        (
            {"InputDataConfig": [{**a_channel(), "CompressionType": "Gzip"}]},
            "compression type Gzip of channel",
        ),
        ({"InputDataConfig": [{**a_channel(), "InputMode": "Pipe"}]}, "input mode Pipe of channel train"),
        ({"InputDataConfig": [a_channel(), a_channel("test")]}, "input mode File of channel test"),
        ({"specification": {"TrainingInputMode": "FastFile"}}, "input mode FastFile of channel train"),
    ],
)
def test_a_job_that_does_not_fit(members: dict[str, Any], fault: str) -> None:
    (found,) = faults(an_algorithm(SupportsDistributedTraining=False), **members)
    assert found.startswith(fault)


PARAMETERS = (
    a_parameter("epochs", "Integer", Range=INTEGER, IsRequired=True),
    a_parameter("rate", "Continuous", Range=CONTINUOUS, DefaultValue="0.5"),
    a_parameter("optimizer", "Categorical", Range=CATEGORIES),
    a_parameter("note"),
)


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"epochs": "10", "rate": "1000", "optimizer": "adam", "note": "\u2603"}, None),
        ({}, "hyperparameter epochs is required"),
        ({"epochs": "1", "other": "1"}, "hyperparameter other is not supported; supported are epochs, rate"),
        ({"epochs": "1.0"}, "hyperparameter epochs must be an integer, not '1.0'"),
        ({"epochs": "11"}, "hyperparameter epochs must be from 1 to 10, not 11"),
        ({"epochs": "1", "rate": "fast"}, "hyperparameter rate must be a number, not 'fast'"),
        ({"epochs": "1", "rate": "NaN"}, "hyperparameter rate must be a number, not 'NaN'"),
        ({"epochs": "1", "rate": "0.09"}, "hyperparameter rate must be from 0.1 to 1e3, not 0.09"),
        ({"epochs": "1", "optimizer": "lbfgs"}, "hyperparameter optimizer must be one of sgd, adam"),
    ],
)
def test_hyperparameters(values: dict[str, str], fault: str | None) -> None:
    found = faults(an_algorithm(*PARAMETERS), HyperParameters=values)
    assert (found == []) if fault is None else found[0].startswith(fault)


def test_a_job_gets_image_metrics_and_default_values() -> None:
    algorithm = an_algorithm(*PARAMETERS, MetricDefinitions=[LOSS, ACCURACY])
    own = {**LOSS, "Regex": "mine=(.*)"}
    request = a_job(specification={"MetricDefinitions": [own]}, HyperParameters={"epochs": "2"})
    assert algorithm.resolve(request) == {
        "AlgorithmSpecification": {
            "AlgorithmName": "Al",
            "TrainingInputMode": "File",
            "TrainingImage": "registry:5000/algorithm:1",
            "MetricDefinitions": [ACCURACY, own],
        },
        "HyperParameters": {"rate": "0.5", "epochs": "2"},
    }


def test_an_image_digest_wins_over_the_tag() -> None:
    digest = "sha256:" + "AB" * 32
    training = an_algorithm(TrainingImageDigest=digest).training
    assert training.image == f"registry:5000/algorithm@sha256:{'ab' * 32}"


@pytest.mark.parametrize(
    ("parameter", "fault"),
    [
        (
            a_parameter("a", IsRequired=True, DefaultValue="x"),
            "a has a DefaultValue, so it cannot be required",
        ),
        (a_parameter("a", "Integer", DefaultValue="x"), "a must be an integer"),
        (a_parameter("a", "Integer", Range=INTEGER, DefaultValue="11"), "a must be from 1 to 10"),
        (
            a_parameter(
                "a",
                "Integer",
                Range={"IntegerParameterRangeSpecification": {"MinValue": "x", "MaxValue": "1"}},
            ),
            "the range of hyperparameter a has 'x'",
        ),
    ],
)
def test_a_specification_that_cannot_be_meant(parameter: dict[str, Any], fault: str) -> None:
    (found,) = faults_of_specification(an_algorithm(parameter).training)
    assert fault in found


def test_names_in_a_specification_are_unique() -> None:
    training = an_algorithm(
        *[a_parameter("a")] * 2, MetricDefinitions=[LOSS, LOSS], TrainingChannels=[TRAIN, TRAIN]
    )
    assert len(list(faults_of_specification(training.training))) == 3
    assert isinstance(training.training, TrainingSpecification)
