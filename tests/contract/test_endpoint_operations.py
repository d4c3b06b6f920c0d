"""Endpoints with the real boto3; tests stand in for the hosting plane."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from emulator.compute.fake import FakeBackend
from emulator.domain.arn import ResourceKey
from emulator.domain.endpoint import Endpoint, EndpointStatus
from emulator.store.hosting_stores import HostingStores
from tests.contract.test_training_job_operations import refusal
from tests.support.emulator_server import RunningEmulator
from tests.support.hosting_requests import (
    a_config_request,
    a_model_request,
    a_serverless_variant,
    a_variant,
    in_service,
)
from tests.support.idle_hosting import emulator_with_idle_hosting, with_stores

ARN = "arn:aws:sagemaker:us-east-1:123456789012:"
NAMES = count(1)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    data_dir = tmp_path_factory.mktemp("data")
    with emulator_with_idle_hosting(data_dir, FakeBackend({}), instance_quota=4) as running:
        running.client("sagemaker").create_model(**a_model_request("Model-1"))
        yield running


@pytest.fixture(scope="module")
def sagemaker(running: RunningEmulator) -> Any:
    return running.client("sagemaker")


def progress(
    running: RunningEmulator, name: str, change: Callable[[Endpoint], Endpoint] = in_service
) -> None:
    """The hosting plane brings the endpoint on."""

    async def save(stores: HostingStores) -> None:
        endpoint = await stores.endpoints.get(ResourceKey("123456789012", "us-east-1", "endpoint", name))
        assert endpoint is not None
        await stores.endpoints.save_progress(change(endpoint))

    with_stores(running, save)


def fail(endpoint: Endpoint) -> Endpoint:
    return endpoint.advance(status=EndpointStatus.FAILED, tried=1, failure_reason="no ping")


def make(sagemaker: Any, **config: Any) -> tuple[str, str]:
    """A configuration and an endpoint with it, which is being created; their names."""
    config_name, name = f"config-{next(NAMES)}", f"endpoint-{next(NAMES)}"
    sagemaker.create_endpoint_config(**a_config_request(config_name, **config))
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config_name)
    return name, config_name


def serve(running: RunningEmulator, sagemaker: Any, **config: Any) -> str:
    name, _ = make(sagemaker, **config)
    progress(running, name)
    return name


def test_an_endpoint_is_created_once(sagemaker: Any) -> None:
    name, config = make(sagemaker)
    taken = ("ValidationException", f'Cannot create already existing endpoint "{ARN}endpoint/{name}".')
    create = partial(refusal, sagemaker.create_endpoint)
    assert create(EndpointName=name.upper(), EndpointConfigName=config) == taken
    assert sagemaker.describe_endpoint(EndpointName=name.upper())["EndpointName"] == name
    unknown = ("ValidationException", f'Could not find endpoint "{ARN}endpoint/nobody".')
    assert refusal(sagemaker.describe_endpoint, EndpointName="nobody") == unknown
    assert refusal(sagemaker.delete_endpoint, EndpointName="nobody") == unknown
    assert refusal(sagemaker.update_endpoint, EndpointName="nobody", EndpointConfigName=config) == unknown


def test_more_instances_than_the_quota_are_refused(sagemaker: Any) -> None:
    sagemaker.create_endpoint_config(
        **a_config_request("large", ProductionVariants=[a_variant(InitialInstanceCount=5)])
    )
    code, message = refusal(sagemaker.create_endpoint, EndpointName="large", EndpointConfigName="large")
    assert code == "ResourceLimitExceeded"
    assert message.startswith(
        "The account-level service limit 'ml.m5.large for endpoint usage' is 4 Instances"
    )


def test_quota_is_one_of_all_variants_of_a_type(running: RunningEmulator, sagemaker: Any) -> None:
    def variants(*counts: int) -> list[dict[str, Any]]:
        return [a_variant(VariantName=f"v{n}", InitialInstanceCount=count) for n, count in enumerate(counts)]

    sagemaker.create_endpoint_config(**a_config_request("both", ProductionVariants=variants(2, 3)))
    refused = refusal(sagemaker.create_endpoint, EndpointName="both", EndpointConfigName="both")
    assert refused[0] == "ResourceLimitExceeded"
    assert "request delta of 5" in refused[1]

    name = serve(running, sagemaker, ProductionVariants=variants(2, 2))
    call = partial(sagemaker.update_endpoint_weights_and_capacities, EndpointName=name)
    changes = [{"VariantName": "v1", "DesiredInstanceCount": 3}]
    assert refusal(call, DesiredWeightsAndCapacities=changes)[0] == "ResourceLimitExceeded"
    call(DesiredWeightsAndCapacities=[{"VariantName": "v0", "DesiredInstanceCount": 1}, *changes])


def test_the_waiters_of_an_endpoint(running: RunningEmulator, sagemaker: Any) -> None:
    name, _ = make(sagemaker)
    in_service_waiter = sagemaker.get_waiter("endpoint_in_service")
    quick = {"Delay": 0, "MaxAttempts": 2}
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        in_service_waiter.wait(EndpointName=name, WaiterConfig=quick)
    progress(running, name)
    in_service_waiter.wait(EndpointName=name, WaiterConfig=quick)
    sagemaker.delete_endpoint(EndpointName=name)
    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Deleting"
    deleted_waiter = sagemaker.get_waiter("endpoint_deleted")
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        deleted_waiter.wait(EndpointName=name, WaiterConfig=quick)

    async def remove(stores: HostingStores) -> None:
        (endpoint,) = [each for each in await stores.endpoints.all() if each.key.name == name]
        await stores.endpoints.remove(endpoint)

    with_stores(running, remove)
    deleted_waiter.wait(EndpointName=name, WaiterConfig=quick)
    with pytest.raises(WaiterError, match="ValidationException"):
        in_service_waiter.wait(EndpointName=name, WaiterConfig=quick)


def test_an_endpoint_in_progress_is_neither_updated_nor_deleted(
    running: RunningEmulator, sagemaker: Any
) -> None:
    name, config = make(sagemaker)
    busy = ("ValidationException", f'Cannot update in-progress endpoint "{ARN}endpoint/{name}".')
    update = partial(sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=config)
    changes = [{"VariantName": "AllTraffic", "DesiredWeight": 2.0}]
    scale = partial(sagemaker.update_endpoint_weights_and_capacities, EndpointName=name)
    for call in (update, partial(sagemaker.delete_endpoint, EndpointName=name)):
        assert refusal(call) == busy
    assert refusal(scale, DesiredWeightsAndCapacities=changes) == busy
    progress(running, name)
    update()
    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Updating"
    assert refusal(update) == busy
    progress(running, name)
    sagemaker.delete_endpoint(EndpointName=name)
    assert refusal(update) == busy
    assert refusal(sagemaker.delete_endpoint, EndpointName=name) == busy


def test_a_failed_endpoint_can_only_be_deleted(running: RunningEmulator, sagemaker: Any) -> None:
    name, config = make(sagemaker)
    progress(running, name, fail)
    told = sagemaker.describe_endpoint(EndpointName=name)
    assert (told["EndpointStatus"], told["FailureReason"]) == ("Failed", "no ping")
    failed = ("ValidationException", f'Cannot update failed endpoint "{ARN}endpoint/{name}".')
    assert refusal(sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=config) == failed
    sagemaker.delete_endpoint(EndpointName=name)
    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Deleting"


def test_what_an_endpoint_was_made_of_may_be_deleted(running: RunningEmulator, sagemaker: Any) -> None:
    sagemaker.create_model(**a_model_request("Short-lived"))
    variants = [a_variant(ModelName="Short-lived")]
    name, config = make(sagemaker, ProductionVariants=variants)
    sagemaker.delete_model(ModelName="Short-lived")
    gone = ("ValidationException", f'Could not find model "{ARN}model/short-lived".')
    assert refusal(sagemaker.create_endpoint, EndpointName="late", EndpointConfigName=config) == gone
    sagemaker.delete_endpoint_config(EndpointConfigName=config)
    progress(running, name)
    told = sagemaker.describe_endpoint(EndpointName=name)
    assert (told["EndpointStatus"], told["EndpointConfigName"]) == ("InService", config)


def scale(sagemaker: Any, name: str, *changes: dict[str, Any]) -> None:
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=list(changes)
    )


def variants_of(told: dict[str, Any]) -> dict[str, tuple[float, int]]:
    variants = told["ProductionVariants"]
    return {each["VariantName"]: (each["DesiredWeight"], each["DesiredInstanceCount"]) for each in variants}


def test_weights_and_counts_are_wished_for_until_they_are_reached(
    running: RunningEmulator, sagemaker: Any
) -> None:
    name = serve(running, sagemaker, ProductionVariants=[a_variant("a"), a_variant("b")])
    scale(sagemaker, name, {"VariantName": "a", "DesiredWeight": 0.25, "DesiredInstanceCount": 3})
    told = sagemaker.describe_endpoint(EndpointName=name)
    assert (told["EndpointStatus"], variants_of(told)) == ("Updating", {"a": (0.25, 3), "b": (1.0, 1)})
    assert told["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert "PendingDeploymentSummary" not in told
    progress(running, name)
    scale(sagemaker, name, {"VariantName": "a", "DesiredWeight": 0.5})
    assert variants_of(sagemaker.describe_endpoint(EndpointName=name))["a"] == (0.5, 3)


def test_a_wish_that_was_given_up_has_no_part_in_the_next_one(
    running: RunningEmulator, sagemaker: Any
) -> None:
    name = serve(running, sagemaker)
    scale(sagemaker, name, {"VariantName": "AllTraffic", "DesiredInstanceCount": 4})
    progress(running, name, lambda endpoint: endpoint.advance(given_up=endpoint.modified_at))
    told = sagemaker.describe_endpoint(EndpointName=name)
    assert (told["EndpointStatus"], variants_of(told)["AllTraffic"]) == ("InService", (1.0, 1))
    scale(sagemaker, name, {"VariantName": "AllTraffic", "DesiredWeight": 0.5})
    told = sagemaker.describe_endpoint(EndpointName=name)
    assert (told["EndpointStatus"], variants_of(told)["AllTraffic"]) == ("Updating", (0.5, 1))


def test_weights_and_counts_that_cannot_be(running: RunningEmulator, sagemaker: Any) -> None:
    name = serve(running, sagemaker)
    one = {"VariantName": "AllTraffic"}
    cases = {
        "was non-unique within the request": [{**one, "DesiredWeight": 1.0}] * 2,
        'The variant name(s) "x" is/are not present': [{"VariantName": "x", "DesiredWeight": 1.0}],
        "needs a DesiredWeight or a DesiredInstanceCount": [one],
        "support 0 as DesiredInstanceCount": [{**one, "DesiredInstanceCount": 0}],
        "must have a DesiredWeight above 0": [{**one, "DesiredWeight": 0.0}],
        "support ServerlessUpdateConfig": [{**one, "ServerlessUpdateConfig": {"MaxConcurrency": 2}}],
        "'ml.m5.large for endpoint usage' is 4": [{**one, "DesiredInstanceCount": 5}],
    }
    for message, changes in cases.items():
        call = partial(sagemaker.update_endpoint_weights_and_capacities, EndpointName=name)
        assert message in refusal(call, DesiredWeightsAndCapacities=changes)[1]
    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
    serverless = serve(running, sagemaker, ProductionVariants=[a_serverless_variant()])
    call = partial(sagemaker.update_endpoint_weights_and_capacities, EndpointName=serverless)
    changes = [{**one, "DesiredInstanceCount": 2}]
    assert "AllTraffic is serverless" in refusal(call, DesiredWeightsAndCapacities=changes)[1]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"a": (1.0, 1), "c": (1.0, 2)}),
        ({"RetainAllVariantProperties": True}, {"a": (0.25, 3), "c": (1.0, 2)}),
        (
            {
                "RetainAllVariantProperties": True,
                "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
            },
            {"a": (1.0, 3), "c": (1.0, 2)},
        ),
    ],
)
def test_an_update_retains_what_it_is_told_to(
    running: RunningEmulator, sagemaker: Any, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    name = serve(running, sagemaker, ProductionVariants=[a_variant("a"), a_variant("b")])
    scale(sagemaker, name, {"VariantName": "a", "DesiredWeight": 0.25, "DesiredInstanceCount": 3})
    progress(running, name)
    config = f"config-{next(NAMES)}"
    variants = [a_variant("a"), a_variant("c", InitialInstanceCount=2)]
    sagemaker.create_endpoint_config(**a_config_request(config, ProductionVariants=variants))
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, **options)
    told = sagemaker.describe_endpoint(EndpointName=name)
    assert variants_of(told["PendingDeploymentSummary"]) == expected
    assert variants_of(told) == {"a": (0.25, 3), "b": (1.0, 1)}
    progress(running, name)
    told = sagemaker.describe_endpoint(EndpointName=name)
    assert (told["EndpointStatus"], told["EndpointConfigName"]) == ("InService", config)
    assert variants_of(told) == expected


def test_an_endpoint_on_instances_does_not_become_serverless(
    running: RunningEmulator, sagemaker: Any
) -> None:
    configs = {"on-instances": a_variant(), "without": a_serverless_variant()}
    for config, variant in configs.items():
        sagemaker.create_endpoint_config(**a_config_request(config, ProductionVariants=[variant]))
    name = serve(running, sagemaker)
    code, message = refusal(sagemaker.update_endpoint, EndpointName=name, EndpointConfigName="without")
    assert code == "ValidationException"
    assert message.startswith(f'Cannot update endpoint "{ARN}endpoint/{name}" to serverless')
    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"
    name = serve(running, sagemaker, ProductionVariants=[a_serverless_variant()])
    for config in ("without", "on-instances"):
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
        progress(running, name)
    assert refusal(sagemaker.update_endpoint, EndpointName=name, EndpointConfigName="without")[0] == code


def test_a_deployment_configuration_is_told_and_retained(running: RunningEmulator, sagemaker: Any) -> None:
    name, config = make(sagemaker)
    progress(running, name)
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    deployment = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
    update = partial(sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=config)
    both = refusal(update, DeploymentConfig=deployment, RetainDeploymentConfig=True)
    assert "either DeploymentConfig or RetainDeploymentConfig" in both[1]
    for options, expected in (
        ({"DeploymentConfig": deployment}, deployment),
        ({"RetainDeploymentConfig": True}, deployment),
        ({}, None),
    ):
        update(**options)
        progress(running, name)
        assert sagemaker.describe_endpoint(EndpointName=name).get("LastDeploymentConfig") == expected
