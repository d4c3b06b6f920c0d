"""Models and endpoint configurations with the real boto3, and what all lists and tags of hosting share."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from emulator.compute.fake import FakeBackend
from tests.contract.test_training_job_operations import refusal
from tests.support.emulator_server import ROLE, RunningEmulator, running_emulator
from tests.support.hosting_requests import (
    a_config_request,
    a_container,
    a_model_request,
    a_serverless_variant,
    a_variant,
)
from tests.support.idle_hosting import emulator_with_idle_hosting

ARN = "arn:aws:sagemaker:us-east-1:123456789012:"
ARTIFACT = "s3://models/a/model.tar.gz"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    backend = FakeBackend({}, missing_images=frozenset({"missing:1"}))
    with emulator_with_idle_hosting(tmp_path_factory.mktemp("data"), backend) as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket="models")
        s3.put_object(Bucket="models", Key="a/model.tar.gz", Body=b"x")
        elsewhere = running.client("s3", region_name="eu-west-1")
        elsewhere.create_bucket(
            Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        elsewhere.put_object(Bucket="far-away", Key="m", Body=b"x")
        running.client("sagemaker").create_model(**a_model_request("Model-1"))
        yield running


@pytest.fixture(scope="module")
def sagemaker(running: RunningEmulator) -> Any:
    return running.client("sagemaker")


def test_a_model_is_described_as_aws_tells_it(sagemaker: Any) -> None:
    container = a_container(ModelDataUrl=ARTIFACT, ContainerHostname="h")
    request = a_model_request("Described", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    assert sagemaker.create_model(**request)["ModelArn"] == f"{ARN}model/described"
    told = sagemaker.describe_model(ModelName="Described")
    data = {"S3Uri": ARTIFACT, "S3DataType": "S3Object", "CompressionType": "Gzip"}
    assert told["PrimaryContainer"] == {
        **container,
        "Mode": "SingleModel",
        "Environment": {},
        "ModelDataSource": {"S3DataSource": data},
    }
    assert (told["ModelName"], told["ModelArn"]) == ("Described", f"{ARN}model/described")
    assert (told["EnableNetworkIsolation"], told["ExecutionRoleArn"]) == (False, ROLE)


def test_a_pipeline_is_described_in_its_order(sagemaker: Any) -> None:
    containers = [a_container(ContainerHostname=name, Environment={"N": name}) for name in ("b", "a")]
    request = {"ModelName": "Pipeline", "Containers": containers}
    sagemaker.create_model(**request, InferenceExecutionConfig={"Mode": "Direct"})
    told = sagemaker.describe_model(ModelName="Pipeline")
    assert told["Containers"] == [{**container, "Mode": "SingleModel"} for container in containers]
    assert told["InferenceExecutionConfig"] == {"Mode": "Direct"}


def test_models_of_unknown_and_of_known_names_are_refused(sagemaker: Any) -> None:
    unknown = ("ValidationException", f'Could not find model "{ARN}model/nobody".')
    assert refusal(sagemaker.describe_model, ModelName="Nobody") == unknown
    assert refusal(sagemaker.delete_model, ModelName="Nobody") == unknown
    taken = ("ValidationException", f'Cannot create already existing model "{ARN}model/model-1".')
    assert refusal(sagemaker.create_model, **a_model_request("MODEL-1")) == taken


def test_what_a_model_needs_has_to_be_there(sagemaker: Any) -> None:
    create = partial(refusal, sagemaker.create_model)
    for uri in ("s3://models/none.tar.gz", "s3://nobodys-bucket/m.tar.gz"):
        request = a_model_request("No", PrimaryContainer=a_container(ModelDataUrl=uri))
        assert create(**request) == ("ValidationException", f"Could not find model data at {uri}.")
    source = {"S3Uri": "s3://models/none/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = a_container(ModelDataSource={"S3DataSource": source})
    assert "at s3://models/none/." in create(**a_model_request("No", PrimaryContainer=container))[1]
    container = a_container(Mode="MultiModel", ModelDataUrl="s3://models/none/")
    assert "at s3://models/none/." in create(**a_model_request("No", PrimaryContainer=container))[1]
    far = a_model_request("No", PrimaryContainer=a_container(ModelDataUrl="s3://far-away/m"))
    assert "object is located in us-east-1" in create(**far)[1]
    missing = a_model_request("No", PrimaryContainer=a_container(Image="missing:1"))
    assert "cannot find the inference image missing:1" in create(**missing)[1]


def test_a_model_for_many_models_has_a_prefix(sagemaker: Any) -> None:
    container = a_container(Mode="MultiModel", ModelDataUrl="s3://models/a/")
    sagemaker.create_model(**a_model_request("Multi", PrimaryContainer=container))
    assert sagemaker.describe_model(ModelName="Multi")["PrimaryContainer"] == {**container, "Environment": {}}


def test_lists_have_pages_orders_and_filters(running: RunningEmulator) -> None:
    sagemaker = running.client("sagemaker", region_name="eu-west-2")
    for name in ("b-1", "a-1", "c-2"):
        sagemaker.create_model(**a_model_request(name))
        sagemaker.create_endpoint_config(
            **a_config_request(name, ProductionVariants=[a_variant(ModelName=name)])
        )
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    lists = {
        "list_models": ("Models", "ModelName"),
        "list_endpoint_configs": ("EndpointConfigs", "EndpointConfigName"),
        "list_endpoints": ("Endpoints", "EndpointName"),
    }
    for operation, (member, name) in lists.items():
        pages = sagemaker.get_paginator(operation).paginate(PaginationConfig={"PageSize": 2})
        assert [entry[name] for page in pages for entry in page[member]] == ["c-2", "a-1", "b-1"]
        call = getattr(sagemaker, operation)
        by_name = call(SortBy="Name", SortOrder="Ascending", NameContains="1", MaxResults=1)
        assert [entry[name] for entry in by_name[member]] == ["a-1"]
        code, message = refusal(call, NextToken=by_name["NextToken"])
        assert (code, "NextToken is invalid" in message) == ("ValidationException", True)
        assert call(CreationTimeAfter=datetime.now(UTC) + timedelta(hours=1))[member] == []
    endpoints = sagemaker.list_endpoints(StatusEquals="InService")["Endpoints"]
    assert endpoints == []
    (summary, *_) = sagemaker.list_endpoints(StatusEquals="Creating")["Endpoints"]
    assert set(summary) == {
        "EndpointName",
        "EndpointArn",
        "CreationTime",
        "LastModifiedTime",
        "EndpointStatus",
    }


def test_an_endpoint_configuration_is_described_as_it_was_created(sagemaker: Any) -> None:
    request = a_config_request(
        "Described",
        ProductionVariants=[a_variant("a", VolumeSizeInGB=5), a_variant("b", InitialVariantWeight=0.5)],
        KmsKeyId="key",
        DataCaptureConfig={
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": "s3://models/captured",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        },
    )
    arn = sagemaker.create_endpoint_config(**request)["EndpointConfigArn"]
    assert arn == f"{ARN}endpoint-config/described"
    told = sagemaker.describe_endpoint_config(EndpointConfigName="Described")
    first, second = told["ProductionVariants"]
    assert first == {**request["ProductionVariants"][0], "InitialVariantWeight": 1.0}
    assert second == request["ProductionVariants"][1]
    assert (told["EndpointConfigArn"], told["KmsKeyId"]) == (arn, "key")
    assert told["DataCaptureConfig"] == request["DataCaptureConfig"]


def test_configurations_of_unknown_and_of_known_names_are_refused(sagemaker: Any) -> None:
    unknown = ("ValidationException", f'Could not find endpoint configuration "{ARN}endpoint-config/nobody".')
    assert refusal(sagemaker.describe_endpoint_config, EndpointConfigName="nobody") == unknown
    assert refusal(sagemaker.delete_endpoint_config, EndpointConfigName="nobody") == unknown
    create = partial(refusal, sagemaker.create_endpoint)
    assert create(EndpointName="e", EndpointConfigName="nobody") == unknown
    sagemaker.create_endpoint_config(**a_config_request("taken"))
    taken = f'Cannot create already existing endpoint configuration "{ARN}endpoint-config/taken".'
    assert refusal(sagemaker.create_endpoint_config, **a_config_request("taken"))[1] == taken
    variants = [a_variant(ModelName="nobody")]
    missing = refusal(sagemaker.create_endpoint_config, **a_config_request("x", ProductionVariants=variants))
    assert missing == ("ValidationException", f'Could not find model "{ARN}model/nobody".')


def test_a_serverless_variant_needs_a_model_that_goes_with_it(sagemaker: Any) -> None:
    sagemaker.create_model(**a_model_request("Isolated", EnableNetworkIsolation=True))
    variants = [{**a_serverless_variant(), "ModelName": "Isolated"}]
    request = a_config_request("isolated", ProductionVariants=variants)
    assert "a model with EnableNetworkIsolation" in refusal(sagemaker.create_endpoint_config, **request)[1]


def test_tags_go_with_what_they_are_on(sagemaker: Any) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    sagemaker.create_model(**a_model_request("Tagged"), Tags=tags)
    sagemaker.create_endpoint_config(**a_config_request("Tagged"), Tags=tags)
    sagemaker.create_endpoint(EndpointName="Tagged", EndpointConfigName="Tagged", Tags=tags)
    for kind in ("model", "endpoint-config", "endpoint"):
        arn = f"{ARN}{kind}/tagged"
        assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
        more = {"Key": "more", "Value": ""}
        assert sagemaker.add_tags(ResourceArn=arn, Tags=[more])["Tags"] == [more, *tags]
        sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
        assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [more]
        code, message = refusal(sagemaker.list_tags, ResourceArn=arn, NextToken="anything")
        assert (code, "NextToken is invalid" in message) == ("ValidationException", True)
        code, message = refusal(sagemaker.list_tags, ResourceArn=f"{ARN}{kind}/nobody")
        assert (code, message) == ("ValidationException", "Requested resource not found.")
    sagemaker.delete_model(ModelName="Tagged")
    sagemaker.create_model(**a_model_request("Tagged"))
    assert sagemaker.list_tags(ResourceArn=f"{ARN}model/tagged")["Tags"] == []


def test_strict_roles_have_to_exist(tmp_path_factory: pytest.TempPathFactory) -> None:
    data_dir = tmp_path_factory.mktemp("strict")
    with running_emulator(data_dir, FakeBackend({}), strict_roles=True) as running:
        sagemaker = running.client("sagemaker")
        request = a_model_request("Strict", ExecutionRoleArn=ROLE)
        code, message = refusal(sagemaker.create_model, **request)
        assert code == "ValidationException"
        assert message.startswith(f'The execution role ARN "{ROLE}" is invalid. Please ensure that')
