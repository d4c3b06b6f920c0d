"""Every member of CreateTrainingJob does what docs/fidelity.md says of it, with the real boto3.

Which members there are, and what becomes of them, stands in emulator/domain/request_members.csv.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from emulator.compute.fake import FakeBackend
from emulator.domain.fidelity import Fidelity, request_members
from tests.support.emulator_server import RunningEmulator, job_request, running_emulator

REQUESTS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "data" / "full_requests.json").read_text(encoding="utf-8")
)
"""Valid requests that together have every member which is not refused."""

Changes = dict[str, Any]
HUB = "arn:aws:sagemaker:us-east-1:aws:hub-content/hub/Model/name/1.0.0"
DATA_SET = "arn:aws:sagemaker:us-east-1:123456789012:hub-content/hub/DataSet/name/1.0.0"
SERVERLESS: Changes = {
    "BaseModelArn": HUB,
    "AcceptEula": True,
    "JobType": "FineTuning",
    "CustomizationTechnique": "SFT",
    "Peft": "LORA",
    "EvaluationType": "BenchmarkEvaluation",
    "EvaluatorArn": DATA_SET,
    "SequenceLength": "4K",
}


def source(**members: Any) -> Changes:
    s3 = {"S3DataType": "S3Prefix", "S3Uri": "s3://inputs/train/", **members}
    return {"InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": s3}}]}


def resources(**members: Any) -> Changes:
    return {"ResourceConfig": {**job_request("any")["ResourceConfig"], **members}}


PREFERENCE = {
    "InstanceType": "ml.m5.large",
    "InstanceCount": 1,
    "TrainingPlanArns": ["arn:aws:sagemaker:us-east-1:123456789012:training-plan/plan"],
}
DATASET_CHANNEL = {"ChannelName": "train", "DataSource": {"DatasetSource": {"DatasetArn": DATA_SET}}}

REFUSED: dict[str, Changes] = {
    "ModelAccessConfig": source(ModelAccessConfig={"AcceptEula": True}),
    "HubAccessConfig": source(HubAccessConfig={"HubContentArn": HUB}),
    "DatasetSource": {"InputDataConfig": [DATASET_CHANNEL]},
    "InstancePreferences": {"ResourceConfig": {"InstancePreferences": [PREFERENCE]}},
    "SelectedInstanceType": resources(SelectedInstanceType="ml.m5.large"),
    "SelectedInstanceCount": resources(SelectedInstanceCount=1),
    "ServerlessJobConfig": {"ServerlessJobConfig": SERVERLESS},
}
"""By the member that the error names: what to add to a valid request."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    file_systems = {"fs-0123456789": tmp_path_factory.mktemp("efs")}
    data = tmp_path_factory.mktemp("data")
    with running_emulator(data, FakeBackend(), file_systems=file_systems) as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket="inputs")
        s3.create_bucket(Bucket="artifacts")
        s3.put_object(Bucket="inputs", Key="train/a", Body=b"a")
        s3.put_object(Bucket="inputs", Key="lines.manifest", Body=b'{"label": 1}\n')
        training = {
            "TrainingImage": "algorithm:1",
            "SupportedTrainingInstanceTypes": ["ml.m5.large"],
            "TrainingChannels": [
                {"Name": "train", "SupportedContentTypes": ["text/csv"], "SupportedInputModes": ["File"]}
            ],
        }
        running.client("sagemaker").create_algorithm(
            AlgorithmName="my-algorithm", TrainingSpecification=training
        )
        yield running


def find(document: Any, path: str) -> list[Any]:
    """The values of the member, of every element of the lists on the way to it."""
    found = [document]
    for name in path.split("."):
        elements = [e for one in found for e in (one if isinstance(one, list) else [one])]
        found = [element[name] for element in elements if name in element]
    return found


def members(*kinds: Fidelity) -> list[str]:
    return [path for path, member in request_members().items() if member.fidelity in kinds]


def shape(operation: str, which: str) -> Any:
    client = boto3.client("sagemaker", region_name="us-east-1")
    return getattr(client.meta.service_model.operation_model(operation), which)


def has(shape: Any, path: str) -> bool:
    for name in path.split("."):
        while shape.type_name == "list":
            shape = shape.member
        if name not in getattr(shape, "members", {}):
            return False
        shape = shape.members[name]
    return True


def is_structure(shape: Any, path: str) -> bool:
    for name in path.split("."):
        while shape.type_name == "list":
            shape = shape.member
        shape = shape.members[name]
    while shape.type_name == "list":
        shape = shape.member
    return bool(shape.type_name == "structure")


def test_the_full_requests_have_every_member_that_is_not_refused() -> None:
    missing = [
        path
        for path in members(Fidelity.EMULATED, Fidelity.ECHOED)
        if not any(find(request, path) for request in REQUESTS.values())
    ]
    assert missing == []


@pytest.mark.parametrize("name", REQUESTS)
def test_what_is_accepted_is_told_again(running: RunningEmulator, name: str) -> None:
    request = REQUESTS[name]
    sagemaker = running.client("sagemaker")
    arn = sagemaker.create_training_job(**request)["TrainingJobArn"]
    told = sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"])
    given, description = (
        shape("CreateTrainingJob", "input_shape"),
        shape("DescribeTrainingJob", "output_shape"),
    )
    leaves = [
        path
        for path in members(Fidelity.EMULATED, Fidelity.ECHOED)
        if find(request, path) and has(description, path) and not is_structure(given, path)
    ]
    assert len(leaves) > 15
    assert {path: find(told, path) for path in leaves} == {path: find(request, path) for path in leaves}
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == request["Tags"]


def test_what_describe_does_not_have_is_tags_and_session_chaining() -> None:
    description = shape("DescribeTrainingJob", "output_shape")
    accepted = members(Fidelity.EMULATED, Fidelity.ECHOED)
    assert {path.partition(".")[0] for path in accepted if not has(description, path)} == {
        "Tags",
        "SessionChainingConfig",
    }


def test_every_refused_member_is_tried() -> None:
    tried = [path for path in members(Fidelity.REFUSED) if any(find(c, path) for c in REFUSED.values())]
    assert tried == members(Fidelity.REFUSED)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named(running: RunningEmulator, name: str) -> None:
    request = job_request(f"refused-{name}", **REFUSED[name])
    sagemaker = running.client("sagemaker")
    with pytest.raises(ClientError) as refusal:
        sagemaker.create_training_job(**request)
    assert refusal.value.response["Error"]["Code"] == "ValidationException"
    assert name in refusal.value.response["Error"]["Message"]
    with pytest.raises(ClientError, match="Requested resource not found"):
        sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"])
