"""The gateway as the real boto3 sees it, over a real socket."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.domain.caller import Caller
from emulator.domain.errors import ServiceError, operation_not_emulated
from emulator.wire.dispatch import Params, Result
from emulator.wire.gateway import Gateway
from emulator.wire.service_model import load_service_models
from tests.support.asgi_server import serving

CREATED = datetime(2024, 1, 2, 3, 4, 5, 678_000, UTC)
ROLE = "arn:aws:iam::111122223333:role/service-role/role"
MINIMUM = {
    "TrainingJobName": "job",
    "RoleArn": ROLE,
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/output"},
    "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": "image"},
}


async def dispatch(caller: Caller, service: str, name: str, params: Params) -> Result:
    """Answers that tell what arrived."""
    if name == "GetCallerIdentity":
        arn = f"arn:aws:iam::{caller.account_id}:root"
        return {"Account": caller.account_id, "Arn": arn, "UserId": caller.access_key}
    if name == "DescribeTrainingJob":
        raise ServiceError("ResourceNotFound", "Requested resource not found.")
    if name == "ListTrainingJobs":
        return {"TrainingJobSummaries": [{"TrainingJobName": caller.region, "CreationTime": CREATED}]}
    if name == "CreateTrainingJob":
        return {"TrainingJobArn": f"arn:{params['TrainingJobName']}"}
    if name == "StopTrainingJob":
        return {}
    if name == "DeleteTrainingJob":
        raise RuntimeError("secret detail")
    raise operation_not_emulated(service, name)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    app = Gateway(load_service_models(), dispatch, "000000000000", "us-east-1", strict=True)
    with serving(app) as server:
        yield server.url


@pytest.fixture
def client(url: str) -> Iterator[Callable[..., Any]]:
    opened = []

    def connect(service: str, access_key: str = "111122223333") -> Any:
        made = boto3.client(
            service,
            endpoint_url=url,
            region_name="eu-west-1",
            aws_access_key_id=access_key,
            aws_secret_access_key="secret",
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
        )
        opened.append(made)
        return made

    yield connect
    for made in opened:
        made.close()


def test_call_and_answer_carry_times_and_region(client: Callable[..., Any]) -> None:
    answer = client("sagemaker").list_training_jobs(CreationTimeAfter=CREATED)
    (summary,) = answer["TrainingJobSummaries"]
    assert summary == {"TrainingJobName": "eu-west-1", "CreationTime": CREATED}
    assert answer["ResponseMetadata"]["RequestId"]


def test_create_training_job_passes_validation(client: Callable[..., Any]) -> None:
    assert client("sagemaker").create_training_job(**MINIMUM)["TrainingJobArn"] == "arn:job"


def test_operation_without_output_is_accepted(client: Callable[..., Any]) -> None:
    answer = client("sagemaker").stop_training_job(TrainingJobName="job")
    assert answer.keys() == {"ResponseMetadata"}


def test_modelled_error_becomes_its_exception_class(client: Callable[..., Any]) -> None:
    sagemaker = client("sagemaker")
    with pytest.raises(sagemaker.exceptions.ResourceNotFound) as raised:
        sagemaker.describe_training_job(TrainingJobName="job")
    assert raised.value.response["Error"]["Message"] == "Requested resource not found."
    assert raised.value.response["Message"] == "Requested resource not found."


@pytest.mark.parametrize(
    ("service", "method", "params", "code", "text"),
    [
        (
            "sagemaker",
            "create_training_job",
            {**MINIMUM, "RoleArn": None, "TrainingJobName": "a_b"},
            "ValidationException",
            "2 validation errors detected: Value 'a_b' at 'trainingJobName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}; "
            "Value null at 'roleArn' failed to satisfy constraint: Member must not be null",
        ),
        (
            "logs",
            "get_log_events",
            {"logStreamName": "a:b", "logGroupName": "g"},
            "InvalidParameterException",
            "1 validation error detected: Value 'a:b' at 'logStreamName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [^:*]*",
        ),
        (
            "sts",
            "assume_role",
            {"RoleArn": "short", "RoleSessionName": "session"},
            "ValidationError",
            "1 validation error detected: Value 'short' at 'roleArn' failed to satisfy constraint: "
            "Member must have length greater than or equal to 20",
        ),
    ],
)
def test_broken_constraint_is_told_in_the_services_words(
    client: Callable[..., Any], service: str, method: str, params: dict[str, Any], code: str, text: str
) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(client(service), method)(**params)
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["Error"]["Message"] == text


def test_wrong_json_type_is_a_serialization_exception(client: Callable[..., Any]) -> None:
    with pytest.raises(ClientError) as raised:
        client("sagemaker").describe_training_job(TrainingJobName=["job"])
    assert raised.value.response["Error"] == {
        "Code": "SerializationException",
        "Message": "Start of list found where not expected",
    }


@pytest.mark.parametrize(
    ("access_key", "account"), [("222233334444", "222233334444"), ("AKIAEXAMPLE", "000000000000")]
)
def test_sts_tells_the_account(client: Callable[..., Any], access_key: str, account: str) -> None:
    identity = client("sts", access_key).get_caller_identity()
    assert (identity["Account"], identity["UserId"]) == (account, access_key)
    assert identity["Arn"] == f"arn:aws:iam::{account}:root"


@pytest.mark.parametrize(
    ("service", "method", "params", "status", "name"),
    [
        ("sagemaker", "list_domains", {}, 501, "sagemaker.ListDomains"),
        ("logs", "describe_queries", {}, 501, "logs.DescribeQueries"),
        ("sts", "get_session_token", {}, 501, "sts.GetSessionToken"),
        ("codebuild", "list_projects", {}, 501, "'codebuild'"),
        ("sns", "list_topics", {}, 501, "'sns'"),
        ("cloudwatch", "list_dashboards", {}, 501, "cloudwatch.ListDashboards"),
    ],
)
def test_operation_that_is_not_emulated_is_refused_by_its_name(
    client: Callable[..., Any], service: str, method: str, params: dict[str, Any], status: int, name: str
) -> None:
    with pytest.raises(ClientError) as raised:
        getattr(client(service), method)(**params)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert raised.value.response["Error"]["Code"] == "NotImplemented"
    assert name in raised.value.response["Error"]["Message"]


def test_fault_of_a_handler_is_an_internal_failure(client: Callable[..., Any]) -> None:
    with pytest.raises(ClientError) as raised:
        client("sagemaker").delete_training_job(TrainingJobName="job")
    assert raised.value.response["Error"]["Code"] == "InternalFailure"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "secret" not in str(raised.value)


def test_body_beyond_the_limit_is_refused_and_the_connection_lives_on(client: Callable[..., Any]) -> None:
    sagemaker = client("sagemaker")
    with pytest.raises(ClientError) as raised:
        sagemaker.describe_training_job(TrainingJobName="x" * 20_000_000)
    assert raised.value.response["Error"]["Code"] == "RequestEntityTooLargeException"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert sagemaker.stop_training_job(TrainingJobName="job")
