from dataclasses import replace
from datetime import timedelta
from typing import Any

from emulator.domain.endpoint import DeployedImage, EndpointStatus, VariantState
from emulator.operations.endpoint_description import describe_endpoint
from tests.support.clock import START
from tests.support.hosting_requests import (
    a_deployment,
    a_serverless_variant,
    a_variant,
    an_endpoint,
    in_service,
)

LATER = START + timedelta(seconds=60)
CAPTURE = {"InitialSamplingPercentage": 20, "DestinationS3Uri": "s3://b/c", "CaptureOptions": []}


def only(description: dict[str, Any]) -> dict[str, Any]:
    (variant,) = description["ProductionVariants"]
    assert isinstance(variant, dict)
    return variant


def test_while_it_is_made_everything_is_pending() -> None:
    told = describe_endpoint(an_endpoint())
    assert (told["EndpointStatus"], told["EndpointConfigName"]) == ("Creating", "Config-1")
    counts = {
        "CurrentInstanceCount": 0,
        "DesiredInstanceCount": 1,
        "CurrentWeight": 0.0,
        "DesiredWeight": 1.0,
    }
    assert only(told) == {"VariantName": "AllTraffic", **counts}
    pending = told["PendingDeploymentSummary"]
    assert (pending["EndpointConfigName"], pending["StartTime"]) == ("Config-1", START)
    status = [{"Status": "Creating", "StartTime": START}]
    assert only(pending) == {**only(told), "InstanceType": "ml.m5.large", "VariantStatus": status}
    assert "FailureReason" not in told


def test_in_service_it_tells_its_images() -> None:
    image = DeployedImage(specified_image="i:1", resolved_image="i@sha256:1", resolution_time=LATER)
    state = VariantState(instance_count=1, weight=1.0, images=(image,))
    endpoint = in_service(an_endpoint(), variants={"AllTraffic": state}, last_modified_time=LATER)
    told = describe_endpoint(endpoint)
    assert (told["EndpointStatus"], told["LastModifiedTime"]) == ("InService", LATER)
    assert only(told)["DeployedImages"] == [
        {"SpecifiedImage": "i:1", "ResolvedImage": "i@sha256:1", "ResolutionTime": LATER}
    ]
    assert (only(told)["CurrentInstanceCount"], only(told)["CurrentWeight"]) == (1, 1.0)
    assert "PendingDeploymentSummary" not in told


def test_while_it_is_updated_the_former_configuration_is_told_and_the_next_one_pending() -> None:
    variants = [a_variant("next", InitialInstanceCount=2)]
    deployment = a_deployment(2, name="Config-2", ProductionVariants=variants).model_copy(
        update={"retained": {"next": {"DesiredInstanceCount": 3}}, "deployment_config": {"A": 1}}
    )
    endpoint = replace(in_service(an_endpoint()), deployment=deployment, modified_at=LATER)
    told = describe_endpoint(endpoint)
    assert (told["EndpointStatus"], told["EndpointConfigName"]) == ("Updating", "Config-1")
    assert only(told)["VariantName"] == "AllTraffic"
    pending = told["PendingDeploymentSummary"]
    assert (pending["EndpointConfigName"], pending["StartTime"]) == ("Config-2", LATER)
    assert (only(pending)["VariantName"], only(pending)["DesiredInstanceCount"]) == ("next", 3)
    assert told["LastDeploymentConfig"] == {"A": 1}


def test_a_failure_is_told_when_it_is_over_in_either_way() -> None:
    failed = an_endpoint().advance(status=EndpointStatus.FAILED, tried=1, failure_reason="no ping")
    assert describe_endpoint(failed)["FailureReason"] == "no ping"
    assert "ProductionVariants" not in describe_endpoint(failed)
    rolled_back = replace(in_service(an_endpoint()), deployment=a_deployment(2, name="Config-2"))
    told = describe_endpoint(rolled_back.advance(tried=2, failure_reason="no ping"))
    assert (told["EndpointStatus"], told["FailureReason"]) == ("InService", "no ping")
    assert told["EndpointConfigName"] == "Config-1"


def test_a_serverless_variant_tells_its_configuration_in_place_of_instances() -> None:
    endpoint = an_endpoint(ProductionVariants=[a_serverless_variant()])
    config = a_serverless_variant()["ServerlessConfig"]
    assert "CurrentServerlessConfig" not in only(describe_endpoint(endpoint))
    told = only(describe_endpoint(in_service(endpoint)))
    assert (told["CurrentServerlessConfig"], told["DesiredServerlessConfig"]) == (config, config)
    assert (told["CurrentInstanceCount"], "DesiredInstanceCount" in told) == (0, False)


def test_the_configuration_s_other_parts_are_told() -> None:
    asynchronous = {"OutputConfig": {"S3OutputPath": "s3://b/o"}}
    routing = {"RoutingConfig": {"RoutingStrategy": "RANDOM"}}
    endpoint = an_endpoint(
        DataCaptureConfig=CAPTURE,
        AsyncInferenceConfig=asynchronous,
        ProductionVariants=[a_variant(**routing)],
    )
    told = describe_endpoint(endpoint)
    assert told["DataCaptureConfig"] == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 20,
        "DestinationS3Uri": "s3://b/c",
        "KmsKeyId": "",
    }
    assert told["AsyncInferenceConfig"] == asynchronous
    assert only(told)["RoutingConfig"] == routing["RoutingConfig"]
    off = an_endpoint(DataCaptureConfig={**CAPTURE, "EnableCapture": False})
    assert describe_endpoint(off)["DataCaptureConfig"]["CaptureStatus"] == "Stopped"
