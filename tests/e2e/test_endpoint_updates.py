"""Endpoints change while they are asked, and nobody who asks notices."""

import time

from tests.e2e.endpoint_load import load
from tests.e2e.hosting_client import HostingClient, ids_of, variant
from tests.e2e.training_client import until


def model(hosting: HostingClient, suffix: str, **environment: str) -> str:
    return hosting.create_model(hosting.container(environment={"SUFFIX": suffix, **environment}))


def test_update_under_load_fails_no_request(hosting: HostingClient) -> None:
    name = hosting.create(variant(model(hosting, "-old"), count=2))
    hosting.wait(name)
    old = ids_of(hosting.containers(name))
    with load(hosting, name) as running:
        hosting.update(name, variant(model(hosting, "-new"), count=2))
        assert hosting.describe(name)["EndpointStatus"] == "Updating"
        hosting.wait(name)
        moved = time.monotonic()
        running.wait()
    assert running.errors == []
    assert {each.body for each in running.asked} == {b"x-old", b"x-new"}
    assert running.bodies_since(moved) == {b"x-new"}
    assert len(hosting.containers(name)) == 2
    assert not set(old) & set(ids_of(hosting.containers(name)))
    hosting.delete(name)
    assert hosting.things(name) == []


def test_update_to_a_model_that_never_gets_healthy_changes_nothing(hosting: HostingClient) -> None:
    name = hosting.create(variant(model(hosting, "-old"), count=2))
    before = hosting.wait(name)
    old = ids_of(hosting.containers(name))
    with load(hosting, name) as running:
        hosting.update(name, variant(model(hosting, "-broken", START_EXIT="1")))
        after = hosting.wait(name)
        running.wait()
    assert running.errors == []
    assert {each.body for each in running.asked} == {b"x-old"}
    assert after["FailureReason"].startswith(
        "The primary container for production variant AllTraffic did not pass the ping health check."
    )
    assert after["EndpointConfigName"] == before["EndpointConfigName"]
    assert after["ProductionVariants"] == before["ProductionVariants"]
    assert ids_of(hosting.containers(name)) == old
    hosting.update(name, variant(model(hosting, "-good")))
    assert "FailureReason" not in hosting.wait(name)
    assert hosting.ask(name, b"x") == b"x-good"
    hosting.delete(name)


def test_update_replaces_variants_and_follows_the_new_configuration(hosting: HostingClient) -> None:
    name = hosting.deploy()
    hosting.update(name, variant(model(hosting, "-a"), "A"), variant(model(hosting, "-b"), "B"))
    described = hosting.wait(name)
    assert [each["VariantName"] for each in described["ProductionVariants"]] == ["A", "B"]
    assert hosting.ask(name, b"x", TargetVariant="A") == b"x-a"
    assert hosting.ask(name, b"x", TargetVariant="B") == b"x-b"
    hosting.delete(name)


def scale(hosting: HostingClient, name: str, count: int, weight: float = 1.0) -> None:
    change = {"VariantName": "AllTraffic", "DesiredInstanceCount": count, "DesiredWeight": weight}
    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=[change]
    )


def test_retained_properties_outlive_an_update(hosting: HostingClient) -> None:
    name = hosting.deploy()
    scale(hosting, name, 2, weight=0.5)
    hosting.wait(name)
    hosting.update(name, variant(model(hosting, "-new"), count=1), RetainAllVariantProperties=True)
    [served] = hosting.wait(name)["ProductionVariants"]
    assert (served["CurrentInstanceCount"], served["CurrentWeight"]) == (2, 0.5)
    assert len(hosting.containers(name)) == 2
    hosting.update(name, variant(model(hosting, "-newer"), count=1))
    [served] = hosting.wait(name)["ProductionVariants"]
    assert (served["CurrentInstanceCount"], served["CurrentWeight"]) == (1, 1.0)
    assert len(hosting.containers(name)) == 1
    hosting.delete(name)


def test_capacities_go_up_and_down_under_load(hosting: HostingClient) -> None:
    name = hosting.deploy()
    [first] = ids_of(hosting.containers(name))
    with load(hosting, name) as running:
        for count in (3, 1, 2):
            scale(hosting, name, count)
            [served] = hosting.wait(name)["ProductionVariants"]
            assert served["CurrentInstanceCount"] == served["DesiredInstanceCount"] == count
            assert len(hosting.containers(name)) == count
            assert first in ids_of(hosting.containers(name))
            running.wait(50)
    assert running.errors == []
    hosting.delete(name)
    assert hosting.things(name) == []


def test_new_instances_take_their_part_of_the_requests(hosting: HostingClient) -> None:
    name = hosting.deploy()
    scale(hosting, name, 3)
    hosting.wait(name)
    assert {hosting.report(name)["hostname"] for _ in range(3)} == {f"AllTraffic-{n}" for n in (1, 2, 3)}
    hosting.delete(name)


def test_weights_share_the_requests(hosting: HostingClient) -> None:
    one = hosting.create_model()
    name = hosting.create(
        variant(one, "Main", InitialVariantWeight=9.0), variant(one, "Canary", InitialVariantWeight=1.0)
    )
    hosting.wait(name)
    with load(hosting, name, sleep=0) as running:
        running.wait(400)
    shares = [each.variant for each in running.asked]
    assert running.errors == []
    assert abs(shares.count("Canary") - len(shares) / 10) <= 16 + 1
    weights = [{"VariantName": "Main", "DesiredWeight": 0.0}, {"VariantName": "Canary", "DesiredWeight": 1.0}]
    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=weights
    )
    until("the new weights", lambda: hosting.describe(name)["EndpointStatus"] == "InService")
    asked = [hosting.runtime.invoke_endpoint(EndpointName=name, Body=b"x") for _ in range(10)]
    assert {each["InvokedProductionVariant"] for each in asked} == {"Canary"}
    answer = hosting.runtime.invoke_endpoint(EndpointName=name, Body=b"x", TargetVariant="Main")
    assert answer["InvokedProductionVariant"] == "Main"
    hosting.delete(name)
