from typing import Any

import pytest

from emulator.domain.errors import ServiceError
from emulator.operations.training_job_rules import check_rules
from tests.support.builders import a_request, instance_groups, instances

Members = dict[str, Any]

IMAGE = {"TrainingImage": "i:1", "TrainingInputMode": "File"}
GROUPS = instance_groups(("a", "ml.m5.large", 1), ("b", "ml.g5.xlarge", 2))
SPOT = {"EnableManagedSpotTraining": True}


ACCEPTED: dict[str, Members] = {
    "the plainest": {},
    "no stopping condition": {"StoppingCondition": None},
    "instance groups beside empty singles": {
        "ResourceConfig": {**GROUPS, "InstanceCount": 0, "InstanceType": ""},
    },
    "spot": {**SPOT, "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}},
    "GZIP, spelt out": {"OutputDataConfig": {"S3OutputPath": "s3://b", "CompressionType": "GZIP"}},
    "no compression": {"OutputDataConfig": {"S3OutputPath": "s3://b/", "CompressionType": "NONE"}},
}


@pytest.mark.parametrize("members", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_rules_accept(members: Members) -> None:
    check_rules(a_request(**members))


REFUSED: dict[str, tuple[Members, str]] = {
    "a variable that is none": ({"Environment": {"A": "1\x002"}}, "The value of A in Environment has a NUL"),
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
    "no resources": ({"ResourceConfig": None}, "ResourceConfig is required"),
    "no type": ({"ResourceConfig": {"InstanceCount": 1}}, "InstanceType"),
    "no count": ({"ResourceConfig": {"InstanceType": "ml.m5.large"}}, "InstanceCount"),
    "a count of 0": ({"ResourceConfig": instances(0)}, "InstanceCount"),
    "an unknown type": ({"ResourceConfig": instances(1, "ml.g7.2xlarge")}, "ml.g7.2xlarge as InstanceType"),
    "several types to choose from": (
        {"ResourceConfig": {"InstancePreferences": [{"InstanceType": "ml.m5.large", "InstanceCount": 1}]}},
        "InstancePreferences as InstanceType",
    ),
    "what only Describe tells": (
        {"ResourceConfig": {**instances(1), "SelectedInstanceCount": 1}},
        "SelectedInstanceCount is read-only",
    ),
    "a volume of nothing": (
        {"ResourceConfig": {**instances(1), "VolumeSizeInGB": 0}},
        "VolumeSizeInGB must be at least 1: ml.m5.large",
    ),
    "a key for local storage": (
        {"ResourceConfig": {**instances(1, "ml.g5.xlarge"), "VolumeKmsKeyId": "key"}},
        "VolumeKmsKeyId when using an instance type with local storage: ml.g5.xlarge",
    ),
    "a key for local storage of one group": (
        {"ResourceConfig": {**GROUPS, "VolumeKmsKeyId": "key"}},
        "VolumeKmsKeyId when using an instance type with local storage: ml.g5.xlarge",
    ),
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
