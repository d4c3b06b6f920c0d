"""Pipelines and multi-model endpoints are updated, scaled and broken while they are asked."""

import re
import time
from collections.abc import Sequence
from typing import Any

from docker.models.containers import Container

from tests.e2e.endpoint_load import THREADS, Load, load
from tests.e2e.hosting_client import VARIANT, HostingClient, archive, ids_of, variant
from tests.e2e.training_client import until


def pipeline(hosting: HostingClient, *suffixes: str) -> list[dict[str, Any]]:
    """Containers that put these suffixes behind what they are asked."""
    return [
        hosting.container(environment={"SUFFIX": suffix}, ContainerHostname=f"stage{number}")
        for number, suffix in enumerate(suffixes, start=1)
    ]


def update_asked(hosting: HostingClient, name: str, running: Load, *containers: dict[str, Any]) -> float:
    """Bring the endpoint to a model of these containers; when it was there, on time.monotonic."""
    hosting.update(name, variant(hosting.create_model(*containers)))
    assert hosting.describe(name)["EndpointStatus"] == "Updating"
    assert "FailureReason" not in hosting.wait(name)
    moved = time.monotonic()
    running.wait(2 * THREADS)
    return moved


def test_update_of_a_pipeline_fails_no_request_and_mixes_no_containers(hosting: HostingClient) -> None:
    name = hosting.deploy(*pipeline(hosting, "-1", "-2"))
    old = ids_of(hosting.containers(name))
    with load(hosting, name) as running:
        second = update_asked(hosting, name, running, *pipeline(hosting, "-3", "-4"))
        assert running.bodies_since(second) == {b"x-3-4"}
        assert not set(old) & set(ids_of(hosting.containers(name)))
        alone = update_asked(hosting, name, running, *pipeline(hosting, "-5"))
    assert running.errors == []
    assert {each.body for each in running.asked} == {b"x-1-2", b"x-3-4", b"x-5"}
    assert running.bodies_since(alone) == {b"x-5"}
    assert len(hosting.containers(name)) == 1
    hosting.delete(name)
    assert hosting.things(name) == []


def put_models(hosting: HostingClient, names: str) -> str:
    """A model archive for each letter; their prefix."""
    return hosting.training.put({target(each): archive({f"{each}.bin": each.encode()}) for each in names})


def target(name: str) -> str:
    return f"{name}.tar.gz"


def multi_model(hosting: HostingClient, uri: str, suffix: str) -> dict[str, Any]:
    return hosting.container(environment={"SUFFIX": suffix}, ModelDataUrl=uri, Mode="MultiModel")


def scale(hosting: HostingClient, name: str, count: int) -> None:
    change = {"VariantName": VARIANT, "DesiredInstanceCount": count}
    hosting.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name, DesiredWeightsAndCapacities=[change]
    )
    [served] = hosting.wait(name)["ProductionVariants"]
    assert served["CurrentInstanceCount"] == len(hosting.containers(name)) == count


def files_asked(hosting: HostingClient, name: str, letter: str) -> list[str]:
    """Of the model that a request for this one arrives at."""
    seen = hosting.report(name, TargetModel=target(letter))
    files: list[str] = seen["models"][seen["request"]["path"].split("/")[2]]
    return files


def test_update_and_scaling_of_a_multi_model_endpoint_fail_no_request(hosting: HostingClient) -> None:
    uri = put_models(hosting, "abcd")
    name = hosting.deploy(multi_model(hosting, uri, "-old"))
    with load(hosting, name, sleep=0.3, targets=[target(each) for each in "abc"]) as running:
        moved = update_asked(hosting, name, running, multi_model(hosting, uri, "-new"))
        scale(hosting, name, 2)
        running.targets.append(target("d"))
        running.wait(2 * THREADS)
        [_, second] = hosting.containers(name)
        until("a model on the second instance", lambda: b"LOADED" in second.logs())
        scale(hosting, name, 1)
        running.wait(2 * THREADS)
    assert running.errors == []
    assert {each.body for each in running.asked} == {b"x-old", b"x-new"}
    assert running.bodies_since(moved) == {b"x-new"}
    for letter in "abcd":
        assert files_asked(hosting, name, letter) == [f"{letter}.bin"]
    hosting.delete(name)
    assert hosting.things(name) == []


def hosts_that_answer(hosting: HostingClient, name: str) -> set[bytes]:
    """Of as many requests as there are instances, the last containers' addresses."""
    return {hosting.ask(name, wish={"run": "hostname -i"}) for _ in range(2)}


def are_replaced(hosting: HostingClient, name: str, lost: Sequence[Container]) -> bool:
    now = ids_of(hosting.containers(name))
    return len(now) == 4 and not set(ids_of(lost)) & set(now)


def test_only_requests_before_the_end_of_a_pipelines_container_is_known_fail(hosting: HostingClient) -> None:
    """Until the Engine tells, the container before the dead one takes requests that nobody else may repeat."""
    name = hosting.deploy(*pipeline(hosting, "-1", "-2"), count=2)
    first, second, third, fourth = hosting.containers(name)
    with load(hosting, name, sleep=0.05) as running:
        second.kill()
        # The emulator knows when it begins to remove the rest of the instance, which no request is sent to any more.
        until("the end of the instance", lambda: first not in hosting.containers(name))
        known = time.monotonic()
        until("another instance", lambda: are_replaced(hosting, name, [first, second]))
        until("both to answer", lambda: len(hosts_that_answer(hosting, name)) == 2)
        running.wait()
    failed = [each for each in running.asked if each.error]
    assert failed
    assert all(each.began < known for each in failed)
    assert all("ModelError" in each.error for each in failed)
    # A slow request may be in the first container still when that one goes, too.
    assert any("from stage2" in each.error for each in failed)
    assert all(re.search("from stage[12]", each.error) for each in failed)
    assert {each.body for each in running.asked if not each.error} == {b"x-1-2"}
    assert {third.id, fourth.id} <= set(ids_of(hosting.containers(name)))
    assert hosting.describe(name)["EndpointStatus"] == "InService"
    hosting.delete(name)
    assert hosting.things(name) == []
