from typing import Any

import pytest

from emulator.domain.errors import ServiceError
from emulator.operations.deployment_config_rules import check_deployment_config
from emulator.operations.endpoint_config_rules import check_endpoint_config
from emulator.operations.endpoint_model_rules import check_models_of_config
from tests.support.hosting_requests import (
    a_config_request,
    a_container,
    a_model_request,
    a_serverless_variant,
    a_variant,
)

Members = dict[str, Any]


def variant(**members: Any) -> Members:
    return {"ProductionVariants": [a_variant(**members)]}


def serverless(**members: Any) -> Members:
    return {"ProductionVariants": [{**a_serverless_variant(), **members}]}


def asynchronous(**output: Any) -> Members:
    return {"AsyncInferenceConfig": {"OutputConfig": output}}


CAPTURE = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://b/capture",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}

ACCEPTED: dict[str, Members] = {
    "one variant": {},
    "two variants, one without traffic": {
        "ProductionVariants": [a_variant("a", InitialVariantWeight=0.0), a_variant("b")]
    },
    "the routing that is done": variant(RoutingConfig={"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}),
    "AWS's default routing": variant(RoutingConfig={"RoutingStrategy": "RANDOM"}),
    "no access with SSM": variant(EnableSSMAccess=False),
    "what is only told again": {**variant(VolumeSizeInGB=5), "KmsKeyId": "k", "MetricsConfig": {}},
    "serverless": serverless(InitialVariantWeight=1.0),
    "asynchronous": asynchronous(S3OutputPath="s3://b/out", S3FailurePath="s3://b/failed"),
    "captured": {"DataCaptureConfig": CAPTURE},
    "isolated": {"EnableNetworkIsolation": True},
}

REFUSED: dict[str, tuple[Members, str]] = {
    "shadow variants": ({"ShadowProductionVariants": [a_variant()]}, "support ShadowProductionVariants"),
    "explanations": ({"ExplainerConfig": {}}, "support ExplainerConfig"),
    "equal names": ({"ProductionVariants": [a_variant(), a_variant()]}, "VariantName must be unique"),
    "an inference component": (variant(ModelName=None), "which is for inference components"),
    "no traffic at all": (variant(InitialVariantWeight=0.0), "InitialVariantWeight above 0"),
    **{
        member: (variant(**{member: {}}), f"support {member} as a member of a ProductionVariant")
        for member in (
            "InstancePools",
            "VariantInstanceProvisionTimeoutInSeconds",
            "AcceleratorType",
            "CoreDumpConfig",
            "ManagedInstanceScaling",
            "CapacityReservationConfig",
            "AcceleratorPartitionLayouts",
        )
    },
    "access with SSM": (variant(EnableSSMAccess=True), "EnableSSMAccess"),
    "routing by prefixes": (variant(RoutingConfig={"RoutingStrategy": "PREFIX_AWARE"}), "PREFIX_AWARE"),
    "prefixes that would not count": (
        variant(RoutingConfig={"RoutingStrategy": "RANDOM", "PrefixAwareRoutingConfig": {}}),
        "support PrefixAwareRoutingConfig",
    ),
    "no type": (variant(InstanceType=None), "needs InstanceType and InitialInstanceCount"),
    "no count": (variant(InitialInstanceCount=None), "needs InstanceType and InitialInstanceCount"),
    "an unknown size": (variant(InstanceType="ml.unheard.of"), "size is not public"),
    "serverless with a type": (serverless(InstanceType="ml.m5.large"), "cannot have InstanceType"),
    "serverless with a count": (serverless(InitialInstanceCount=1), "cannot have InitialInstanceCount"),
    "an odd memory size": (
        {"ProductionVariants": [a_serverless_variant(MemorySizeInMB=1536)]},
        "one of 1024, 2048",
    ),
    "provisioned concurrency": (
        {"ProductionVariants": [a_serverless_variant(ProvisionedConcurrency=1)]},
        "ProvisionedConcurrency",
    ),
    "enhanced metrics": ({"MetricsConfig": {"EnableEnhancedMetrics": True}}, "EnableEnhancedMetrics"),
    "notifications": (asynchronous(S3OutputPath="s3://b/o", NotificationConfig={}), "NotificationConfig"),
    "nowhere to store answers": (asynchronous(), "needs S3OutputPath"),
    "no URI": (asynchronous(S3OutputPath="b/out"), "is not an S3 URI"),
}

MODELS: dict[str, tuple[Members, Members, str]] = {
    "two serverless variants": (
        {"ProductionVariants": [a_serverless_variant("a"), a_serverless_variant("b")]},
        {},
        "more than one ProductionVariant",
    ),
    "serverless capture": ({**serverless(), "DataCaptureConfig": CAPTURE}, {}, "DataCaptureConfig"),
    "serverless and asynchronous": (
        {**serverless(), **asynchronous(S3OutputPath="s3://b/o")},
        {},
        "AsyncInferenceConfig",
    ),
    "serverless isolation": (serverless(), {"EnableNetworkIsolation": True}, "EnableNetworkIsolation"),
    "a serverless pipeline": (
        serverless(),
        {"PrimaryContainer": None, "Containers": [a_container(), a_container()]},
        "an inference pipeline",
    ),
    "many serverless models": (
        serverless(),
        {"PrimaryContainer": a_container(Mode="MultiModel")},
        "Mode MultiModel",
    ),
    "serverless single files": (
        serverless(),
        {"PrimaryContainer": a_container(ModelDataSource={})},
        "ModelDataSource",
    ),
    "many asynchronous models": (
        asynchronous(S3OutputPath="s3://b/o"),
        {"PrimaryContainer": a_container(Mode="MultiModel")},
        "AsyncInferenceConfig does not support",
    ),
}

ALL_AT_ONCE = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}

DEPLOYMENTS: dict[str, tuple[Members, str]] = {
    "a canary": (
        {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {**ALL_AT_ONCE, "Type": "CANARY"}}},
        "support CANARY",
    ),
    "steps": (
        {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {**ALL_AT_ONCE, "Type": "LINEAR"}}},
        "support LINEAR",
    ),
    "a size that nothing has": (
        {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {**ALL_AT_ONCE, "CanarySize": {}}}},
        "CanarySize cannot be given",
    ),
    "rolling": ({"RollingUpdatePolicy": {}}, "support RollingUpdatePolicy"),
    "both": ({"RollingUpdatePolicy": {}, "BlueGreenUpdatePolicy": {}}, "Only one update policy"),
    "alarms": ({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}}, "list of Alarms"),
}


@pytest.mark.parametrize("members", ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(members: Members) -> None:
    request = a_config_request(**members)
    check_models_of_config(request, {"Model-1": a_model_request()})
    assert check_endpoint_config(request) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(("members", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(members: Members, message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_endpoint_config(a_config_request(**members))
    assert caught.value.code == "ValidationException"
    assert message in caught.value.message


@pytest.mark.parametrize(("members", "model", "message"), MODELS.values(), ids=MODELS)
def test_what_models_do_not_go_with(members: Members, model: Members, message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_models_of_config(a_config_request(**members), {"Model-1": a_model_request(**model)})
    assert message in caught.value.message


@pytest.mark.parametrize(("config", "message"), DEPLOYMENTS.values(), ids=DEPLOYMENTS)
def test_other_deployments_are_refused_by_name(config: Members, message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_deployment_config(config)
    assert message in caught.value.message


def test_all_traffic_at_once_is_taken() -> None:
    policy = {"TrafficRoutingConfiguration": ALL_AT_ONCE, "TerminationWaitInSeconds": 60}
    config = {"BlueGreenUpdatePolicy": policy, "AutoRollbackConfiguration": {}}
    assert check_deployment_config(config) is None  # type: ignore[func-returns-value]
