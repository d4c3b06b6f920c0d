from typing import Any

import pytest

from emulator.domain.errors import ServiceError
from emulator.operations.training_job_rules import check_rules
from tests.support.builders import a_channel, a_request, instance_groups, instances

Members = dict[str, Any]

IMAGE = {"TrainingImage": "i:1", "TrainingInputMode": "File"}
GROUPS = instance_groups(("a", "ml.m5.large", 1), ("b", "ml.g5.xlarge", 2))
SPOT = {"EnableManagedSpotTraining": True}


def channel(name: str = "train", **members: Any) -> Members:
    return {"InputDataConfig": [{**a_channel(name), **members}]}


def source(**members: Any) -> Members:
    return {"InputDataConfig": [a_channel("train", **members)]}


ACCEPTED: dict[str, Members] = {
    "the plainest": {},
    "no stopping condition": {"StoppingCondition": None},
    "channels": {"InputDataConfig": [a_channel("a"), a_channel("b", "https://bucket/x")]},
    "a channel of two groups": {"ResourceConfig": GROUPS, **source(InstanceGroupNames=["b", "a"])},
    "instance groups beside empty singles": {
        "ResourceConfig": {**GROUPS, "InstanceCount": 0, "InstanceType": ""},
    },
    "spot": {**SPOT, "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}},
    "a channel that says File where the job says Pipe": {
        "AlgorithmSpecification": {**IMAGE, "TrainingInputMode": "Pipe"},
        **channel(InputMode="File"),
    },
    "None, spelt out": channel(CompressionType="None", RecordWrapperType="None"),
    "GZIP, spelt out": {"OutputDataConfig": {"S3OutputPath": "s3://b", "CompressionType": "GZIP"}},
    "a name that begins with dots": channel("..."),
}


@pytest.mark.parametrize("members", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_rules_accept(members: Members) -> None:
    check_rules(a_request(**members))


REFUSED: dict[str, tuple[Members, str]] = {
    "a serverless job": (
        {"ServerlessJobConfig": {}, "ResourceConfig": None},
        "ServerlessJobConfig",
    ),
    "no algorithm": ({"AlgorithmSpecification": None}, "AlgorithmSpecification is required"),
    "neither image nor algorithm": (
        {"AlgorithmSpecification": {"TrainingInputMode": "File"}},
        "either TrainingImage or AlgorithmName",
    ),
    "image and algorithm": (
        {"AlgorithmSpecification": {**IMAGE, "AlgorithmName": "x"}},
        "either TrainingImage or AlgorithmName",
    ),
    "an algorithm of the marketplace": (
        {"AlgorithmSpecification": {"AlgorithmName": "my-algorithm", "TrainingInputMode": "File"}},
        "my-algorithm as AlgorithmName",
    ),
    "no resources": ({"ResourceConfig": None}, "ResourceConfig is required"),
    "no type": ({"ResourceConfig": {"InstanceCount": 1}}, "InstanceType"),
    "no count": ({"ResourceConfig": {"InstanceType": "ml.m5.large"}}, "InstanceCount"),
    "a count of 0": ({"ResourceConfig": instances(0)}, "InstanceCount"),
    "an unknown type": ({"ResourceConfig": instances(1, "ml.g7.2xlarge")}, "ml.g7.2xlarge as InstanceType"),
    "groups and a type": (
        {"ResourceConfig": {**GROUPS, "InstanceType": "ml.m5.large"}},
        "InstanceType cannot be given together with InstanceGroups",
    ),
    "groups and type and count": (
        {"ResourceConfig": {**GROUPS, **instances(1)}},
        "InstanceType and InstanceCount cannot be given together with InstanceGroups",
    ),
    "groups of one name": (
        {"ResourceConfig": instance_groups(("a", "ml.m5.large", 1), ("a", "ml.m5.large", 1))},
        "InstanceGroupName must be unique",
    ),
    "a group of 0": ({"ResourceConfig": instance_groups(("a", "ml.m5.large", 0))}, "InstanceCount"),
    "a group of an unknown type": (
        {"ResourceConfig": instance_groups(("a", "ml.m5.large", 1), ("b", "ml.g7.2xlarge", 1))},
        "ml.g7.2xlarge as InstanceType",
    ),
    "a wait without spot": (
        {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}},
        "MaxWaitTimeInSeconds can only be given together with EnableManagedSpotTraining",
    ),
    "spot without a wait": (SPOT, "MaxWaitTimeInSeconds must be given"),
    "spot that waits for less than it runs": (
        {**SPOT, "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}},
        "greater than or equal to MaxRuntimeInSeconds",
    ),
    "spot that waits for less than a day, without a limit": (
        {**SPOT, "StoppingCondition": {"MaxWaitTimeInSeconds": 86_399}},
        "greater than or equal to MaxRuntimeInSeconds",
    ),
    "an output that is no URI": (
        {"OutputDataConfig": {"S3OutputPath": "bucket/x"}},
        "OutputDataConfig.S3OutputPath",
    ),
    "an output without a bucket": (
        {"OutputDataConfig": {"S3OutputPath": "s3://"}},
        "OutputDataConfig.S3OutputPath",
    ),
    "output that is not compressed": (
        {"OutputDataConfig": {"S3OutputPath": "s3://b", "CompressionType": "NONE"}},
        "NONE as OutputDataConfig.CompressionType",
    ),
    "channels of one name": (
        {"InputDataConfig": [a_channel("a"), a_channel("b"), a_channel("a")]},
        "Channel names must be unique in InputDataConfig",
    ),
    "a channel called .": (channel("."), "ChannelName"),
    "a channel called ..": (channel(".."), "ChannelName"),
    "Pipe without channels": (
        {"AlgorithmSpecification": {**IMAGE, "TrainingInputMode": "Pipe"}},
        "Pipe as AlgorithmSpecification.TrainingInputMode",
    ),
    "Pipe for all channels": (
        {"AlgorithmSpecification": {**IMAGE, "TrainingInputMode": "Pipe"}, **channel("labels")},
        "Pipe as the input mode of channel labels",
    ),
    "FastFile for one channel": (
        channel("labels", InputMode="FastFile"),
        "FastFile as the input mode of channel labels",
    ),
    "compression in File mode": (
        channel("labels", CompressionType="Gzip"),
        "CompressionType Gzip of channel labels",
    ),
    "records in File mode": (
        channel("labels", RecordWrapperType="RecordIO"),
        "RecordWrapperType RecordIO of channel labels",
    ),
    "a file system": (
        channel(DataSource={"FileSystemDataSource": {}}),
        "FileSystemDataSource as the DataSource of channel train",
    ),
    "no data source": (channel(DataSource={}), "an empty structure as the DataSource of channel train"),
    "a manifest": (source(S3DataType="ManifestFile"), "ManifestFile as the S3DataType of channel train"),
    "an augmented manifest": (
        source(S3DataType="AugmentedManifestFile", AttributeNames=["a"]),
        "AugmentedManifestFile as the S3DataType of channel train",
    ),
    "attributes": (source(AttributeNames=["a"]), "AttributeNames"),
    "a licence": (source(ModelAccessConfig={"AcceptEula": True}), "ModelAccessConfig"),
    "a hub": (source(HubAccessConfig={"HubContentArn": "a"}), "HubAccessConfig"),
    "an input that is no URI": (source(S3Uri="data"), "the S3Uri of channel train"),
    "a channel of an unknown group": (
        {"ResourceConfig": GROUPS, **source(InstanceGroupNames=["a", "c", "d"])},
        "Channel train names the instance groups c, d",
    ),
    "a channel of a group where there are none": (
        source(InstanceGroupNames=["a"]),
        "Channel train names the instance groups a",
    ),
}


@pytest.mark.parametrize(("members", "text"), REFUSED.values(), ids=REFUSED.keys())
def test_rules_refuse_and_name_the_member(members: Members, text: str) -> None:
    with pytest.raises(ServiceError) as refusal:
        check_rules(a_request(**members))

    assert (refusal.value.code, refusal.value.status) == ("ValidationException", 400)
    assert text in refusal.value.message


def test_rules_tell_the_first_fault_alone() -> None:
    request = a_request(AlgorithmSpecification=None, ResourceConfig=None)

    with pytest.raises(ServiceError, match="AlgorithmSpecification is required"):
        check_rules(request)
