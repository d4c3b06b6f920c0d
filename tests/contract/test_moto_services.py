"""STS, IAM and what moto answers, through the real boto3 over a socket."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from botocore.handlers import BUILTIN_HANDLERS
from moto.core.models import botocore_stubber

from emulator.compute.fake import FakeBackend
from tests.support import web
from tests.support.emulator_server import RunningEmulator, job_request, running_emulator

ACCOUNT = "123456789012"
SAGEMAKER_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
EC2_TRUST = json.loads(json.dumps(SAGEMAKER_TRUST).replace("sagemaker", "ec2"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    with running_emulator(tmp_path_factory.mktemp("moto"), FakeBackend()) as running:
        yield running


@pytest.fixture
def strict_server(tmp_path: Path) -> Iterator[RunningEmulator]:
    with running_emulator(tmp_path, FakeBackend(), strict_roles=True) as running:
        yield running


def fault(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str, str]:
    answer = error.value.response
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status, answer["Error"]["Code"], answer["Error"]["Message"]


def create_role(iam: Any, trust: dict[str, Any], **options: Any) -> str:
    name = f"role-{uuid4().hex[:8]}"
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), **options)
    return name


def keys_of(answer: dict[str, Any]) -> dict[str, str]:
    credentials = answer["Credentials"]
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def test_get_caller_identity_is_a_role_of_the_keys_account(server: RunningEmulator) -> None:
    identity = server.client("sts").get_caller_identity()
    assert identity["Account"] == ACCOUNT
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/SageMakerRole/emulator"
    other = server.client("sts", aws_access_key_id="111122223333").get_caller_identity()
    assert other["Account"] == "111122223333"


def test_assume_role_keys_belong_to_the_roles_account(server: RunningEmulator) -> None:
    role = "arn:aws:iam::444455556666:role/service-role/Trainer"
    answer = server.client("sts").assume_role(RoleArn=role, RoleSessionName="me")
    arn = "arn:aws:sts::444455556666:assumed-role/Trainer/me"
    assert answer["AssumedRoleUser"]["Arn"] == arn
    keys = keys_of(answer)
    identity = server.client("sts", **keys).get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == ("444455556666", arn)
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    # Everything else follows the keys too: SageMaker, S3 and moto.
    job = server.client("sagemaker", **keys).create_training_job(**job_request(f"job-{uuid4().hex[:8]}"))
    assert ":444455556666:" in job["TrainingJobArn"]
    bucket = "sagemaker-us-east-1-444455556666"
    server.client("s3", **keys).head_bucket(Bucket=bucket, ExpectedBucketOwner="444455556666")
    topic = server.client("sns", **keys).create_topic(Name="t")
    assert ":444455556666:" in topic["TopicArn"]


def test_assume_role_of_no_role(server: RunningEmulator) -> None:
    with pytest.raises(ClientError) as error:
        server.client("sts").assume_role(RoleArn="arn:aws:iam::123456789012:user/me", RoleSessionName="me")
    assert fault(error)[:2] == (400, "ValidationError")


def test_get_session_token_keeps_the_account_and_the_role(server: RunningEmulator) -> None:
    sts = server.client("sts", aws_access_key_id="111122223333")
    keys = keys_of(sts.get_session_token())
    assert server.client("sts", **keys).get_caller_identity()["Account"] == "111122223333"
    info = sts.get_access_key_info(AccessKeyId=keys["aws_access_key_id"])
    assert info["Account"] == "111122223333"


def test_sts_operation_of_moto(server: RunningEmulator) -> None:
    answer = server.client("sts").get_federation_token(Name="bob")
    assert answer["FederatedUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:federated-user/bob"


def test_role_that_was_created(server: RunningEmulator) -> None:
    iam = server.client("iam")
    tags = [{"Key": "team", "Value": "a & b"}]
    name = create_role(iam, EC2_TRUST, Path="/a/b/", Description="d", Tags=tags)
    role = iam.get_role(RoleName=name)["Role"]
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/a/b/{name}"
    assert role["AssumeRolePolicyDocument"] == EC2_TRUST
    assert (role["Path"], role["Description"], role["Tags"]) == ("/a/b/", "d", tags)
    listed = next(r for r in iam.list_roles(PathPrefix="/a/b/")["Roles"] if r["RoleName"] == name)
    created = listed["CreateDate"].replace(microsecond=0)
    assert (listed["RoleId"], created) == (role["RoleId"], role["CreateDate"])
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    policy = iam.create_policy(PolicyName=f"p-{name}", PolicyDocument=json.dumps(document))
    iam.attach_role_policy(RoleName=name, PolicyArn=policy["Policy"]["Arn"])
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [entry["PolicyName"] for entry in attached] == [f"p-{name}"]
    with pytest.raises(ClientError) as error:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    assert fault(error)[:2] == (409, "EntityAlreadyExists")


def test_role_that_nobody_created_trusts_sagemaker(server: RunningEmulator) -> None:
    role = server.client("iam").get_role(RoleName="Whatever")["Role"]
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/Whatever"
    assert role["AssumeRolePolicyDocument"] == SAGEMAKER_TRUST
    studio = "AmazonSageMaker-ExecutionRole-20260101T000000"
    arn = server.client("iam").get_role(RoleName=studio)["Role"]["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:role/service-role/{studio}"


def test_simulate_principal_policy_allows_everything(server: RunningEmulator) -> None:
    actions = ["s3:GetObject", "s3:PutObject", "sagemaker:CreateTrainingJob"]
    pages = (
        server.client("iam")
        .get_paginator("simulate_principal_policy")
        .paginate(
            PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/Whatever",
            ActionNames=actions,
            ResourceArns=["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"],
            PaginationConfig={"PageSize": 4},
        )
    )
    found = [result for page in pages for result in page["EvaluationResults"]]
    assert [result["EvalActionName"] for result in found] == sorted([*actions, *actions], key=actions.index)
    assert {result["EvalDecision"] for result in found} == {"allowed"}
    assert found[1]["EvalResourceName"] == "arn:aws:s3:::b/*"


def test_secrets_are_kept_per_account_and_region(server: RunningEmulator) -> None:
    def client(account: str, region: str) -> Any:
        return server.client("secretsmanager", aws_access_key_id=account, region_name=region)

    places = [(a, r) for a in ("111111111111", "222222222222") for r in ("us-east-1", "eu-west-1")]
    for account, region in places:
        client(account, region).create_secret(Name="password", SecretString=f"{account} {region}")
    for account, region in places:
        secret = client(account, region).get_secret_value(SecretId="password")
        assert secret["SecretString"] == f"{account} {region}"
        assert secret["ARN"].startswith(f"arn:aws:secretsmanager:{region}:{account}:secret:password-")


def test_roles_are_kept_per_account(server: RunningEmulator) -> None:
    name = create_role(server.client("iam"), EC2_TRUST)
    other = server.client("iam", aws_access_key_id="111122223333")
    assert name not in [role["RoleName"] for role in other.list_roles()["Roles"]]
    assert name in [
        role["RoleName"] for role in server.client("iam", region_name="eu-west-1").list_roles()["Roles"]
    ]


def test_services_of_every_protocol(server: RunningEmulator) -> None:
    """JSON 1.0, JSON 1.1, query, REST-JSON, REST-XML, EC2 and CBOR."""
    sqs = server.client("sqs")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="hello")
    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "hello"
    table = server.client("dynamodb")
    key = {"AttributeName": "id", "KeyType": "HASH"}
    attribute = {"AttributeName": "id", "AttributeType": "S"}
    table.create_table(
        TableName="t", KeySchema=[key], AttributeDefinitions=[attribute], BillingMode="PAY_PER_REQUEST"
    )
    table.put_item(TableName="t", Item={"id": {"S": "1"}})
    assert table.get_item(TableName="t", Key={"id": {"S": "1"}})["Item"] == {"id": {"S": "1"}}
    kms = server.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    secret = kms.encrypt(KeyId=key_id, Plaintext=b"text")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=secret)["Plaintext"] == b"text"
    assert server.client("eks").list_clusters()["clusters"] == []
    assert server.client("route53").list_hosted_zones()["HostedZones"] == []
    assert server.client("ec2").describe_vpcs()["Vpcs"]
    server.client("events").put_rule(Name="r", ScheduleExpression="rate(1 minute)")
    server.client("ssm").put_parameter(Name="p", Value="v", Type="String")
    assert server.client("ssm").get_parameter(Name="p")["Parameter"]["Value"] == "v"


def test_errors_of_moto_are_the_services(server: RunningEmulator) -> None:
    with pytest.raises(ClientError) as error:
        server.client("secretsmanager").get_secret_value(SecretId="none")
    assert fault(error)[1] == "ResourceNotFoundException"
    with pytest.raises(ClientError) as error:
        server.client("sns").publish(TopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:none", Message="m")
    assert fault(error)[:2] == (404, "NotFound")


def test_unknown_region_is_refused(server: RunningEmulator) -> None:
    with pytest.raises(ClientError) as error:
        server.client("sqs", region_name="mars-north-1").list_queues()
    assert fault(error) == (400, "InvalidRegion", "moto does not know the Region 'mars-north-1'.")


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("gamelift", "list_builds", {}),
        ("iam", "get_service_last_accessed_details", {"JobId": "0" * 36}),
        ("lambda", "list_functions", {}),
        ("stepfunctions", "list_state_machines", {}),
        ("sagemaker", "list_processing_jobs", {}),
    ],
)
def test_what_is_missing_answers_not_implemented(
    server: RunningEmulator, service: str, operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as error:
        getattr(server.client(service), operation)(**params)
    status, code, message = fault(error)
    assert (status, code) == (501, "NotImplemented")
    names = {"stepfunctions": "states", "sagemaker": "sagemaker.ListProcessingJobs"}
    assert names.get(service, service) in message


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_topics_do_not_make_the_emulator_call_urls(server: RunningEmulator, protocol: str) -> None:
    sns = server.client("sns")
    topic = sns.create_topic(Name=f"topic-{protocol}")["TopicArn"]
    with pytest.raises(ClientError) as error:
        sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=f"{protocol}://127.0.0.1:1/hook")
    status, code, message = fault(error)
    assert (status, code) == (501, "NotImplemented")
    assert "HTTP endpoints" in message
    scope = "test/20240101/us-east-1/sns/aws4_request"
    query = {"Action": "Subscribe", "Version": "2010-03-31", "TopicArn": topic, "Protocol": protocol}
    url = {"Endpoint": f"{protocol}://127.0.0.1:1/hook", "X-Amz-Credential": scope}
    assert web.get(server.endpoint, params=query | url).status_code == 501
    assert not sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]


def test_topics_still_send_to_queues(server: RunningEmulator) -> None:
    sns, sqs = server.client("sns"), server.client("sqs")
    topic, queue = (
        sns.create_topic(Name="to-queue")["TopicArn"],
        sqs.create_queue(QueueName="of-topic")["QueueUrl"],
    )
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="Protocol=http")
    assert len(sqs.receive_message(QueueUrl=queue)["Messages"]) == 1


def test_delivery_streams_do_not_make_the_emulator_call_urls(server: RunningEmulator) -> None:
    bucket = {"RoleARN": f"arn:aws:iam::{ACCOUNT}:role/r", "BucketARN": "arn:aws:s3:::bucket"}
    destination = {"EndpointConfiguration": {"Url": "http://127.0.0.1:1/"}, "S3Configuration": bucket}
    with pytest.raises(ClientError) as error:
        server.client("firehose").create_delivery_stream(
            DeliveryStreamName="stream", HttpEndpointDestinationConfiguration=destination
        )
    status, code, message = fault(error)
    assert (status, code) == (501, "NotImplemented")
    assert "HTTP endpoints" in message


def test_motos_own_calls_are_not_reachable(server: RunningEmulator) -> None:
    scope = {"X-Amz-Credential": "test/20240101/us-east-1/motoapi/aws4_request"}
    for path in ("moto-api/data.json", "moto-api/reset-auth"):
        answer = web.get(f"{server.endpoint}/{path}", params=scope)
        assert (answer.status_code, "NotImplemented" in answer.text) == (501, True)


def test_moto_leaves_boto3_alone(server: RunningEmulator) -> None:
    """The server is in this process; only an enabled stubber keeps clients from the network."""
    server.client("sqs").list_queues()
    assert ("before-send", botocore_stubber) in BUILTIN_HANDLERS
    assert not botocore_stubber.enabled


def test_state_goes_with_a_reset_of_the_account(server: RunningEmulator) -> None:
    mine, other = (server.client("sqs", aws_access_key_id=a) for a in ("777777777777", "888888888888"))
    for client in (mine, other):
        client.create_queue(QueueName="kept")
    answer = web.post(f"{server.endpoint}/_emulator/reset", json={"account_id": "777777777777"})
    assert answer.status_code == 200
    assert "QueueUrls" not in mine.list_queues()
    assert len(other.list_queues()["QueueUrls"]) == 1


def test_any_role_can_train(server: RunningEmulator) -> None:
    name = create_role(server.client("iam"), EC2_TRUST)
    for role in (name, "nobody-made-it"):
        request = job_request(f"job-{uuid4().hex[:8]}", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}")
        server.client("sagemaker").create_training_job(**request)


def test_strict_roles_demand_a_role_that_trusts_sagemaker(strict_server: RunningEmulator) -> None:
    iam, sagemaker = strict_server.client("iam"), strict_server.client("sagemaker")
    trusting, other = create_role(iam, SAGEMAKER_TRUST), create_role(iam, EC2_TRUST)
    elsewhere = strict_server.client("iam", aws_access_key_id="111122223333")
    foreign = f"arn:aws:iam::111122223333:role/{create_role(elsewhere, SAGEMAKER_TRUST)}"
    mine = f"arn:aws:iam::{ACCOUNT}:role/"
    for role in (f"{mine}{other}", f"{mine}missing", f"{mine}path/{trusting}", foreign):
        with pytest.raises(ClientError) as error:
            sagemaker.create_training_job(**job_request(f"job-{uuid4().hex[:8]}", RoleArn=role))
        text = (
            f"Could not assume role {role}. Please ensure that the role exists and allows principal "
            "'sagemaker.amazonaws.com' to assume the role."
        )
        assert fault(error) == (400, "ValidationException", text)
    sagemaker.create_training_job(**job_request(f"job-{uuid4().hex[:8]}", RoleArn=f"{mine}{trusting}"))


def test_strict_roles_are_unknown_to_iam_and_sts(strict_server: RunningEmulator) -> None:
    iam, arn = strict_server.client("iam"), f"arn:aws:iam::{ACCOUNT}:role/missing"
    unknown = (404, "NoSuchEntity", "The role with name missing cannot be found.")
    with pytest.raises(iam.exceptions.NoSuchEntityException) as error:
        iam.get_role(RoleName="missing")
    assert fault(error) == unknown
    with pytest.raises(ClientError) as error:
        iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["s3:GetObject"])
    assert fault(error) == unknown
    with pytest.raises(ClientError) as error:
        strict_server.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")
    assert fault(error)[:2] == (403, "AccessDenied")
    name = create_role(iam, EC2_TRUST)
    iam.simulate_principal_policy(PolicySourceArn=arn.replace("missing", name), ActionNames=["s3:GetObject"])
