"""Containers die, the emulator dies, memory is short: what endpoints do then."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.request import urlopen

import docker
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.e2e.conftest import Launch, Restartable
from tests.e2e.endpoint_load import THREADS, load
from tests.e2e.held_containers import let_go
from tests.e2e.hosting_client import (
    HELD,
    HostingClient,
    ask_container,
    hosting_client,
    ids_of,
    variant,
)
from tests.e2e.leftovers import find_leftovers
from tests.e2e.training_client import BUCKET, new_name, statuses, until

SLEEPING = {"on_sigterm": "save", "sleep": "600"}


@pytest.fixture
def start(restartable: Restartable, engine: docker.DockerClient) -> Iterator[Callable[..., HostingClient]]:
    """The next emulator on the same data directory."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(hosting_client(restartable.start(**settings), engine))


def is_answering(client: HostingClient, name: str) -> bool:
    try:
        return client.ask(name, b"alive") == b"alive"
    except (ClientError, BotoCoreError):
        return False


def test_only_requests_inside_a_container_that_dies_fail(hosting: HostingClient) -> None:
    name = hosting.deploy(count=2)
    first, second = hosting.containers(name)
    with load(hosting, name, sleep=0.2) as running:
        first.kill()
        killed = time.monotonic()
        running.wait()
        until("another container", lambda: len(hosting.containers(name)) == 2)
        replaced = set(ids_of(hosting.containers(name)))
        running.wait()
    failed = [each for each in running.asked if each.error]
    assert 0 < len(failed) < THREADS
    assert all(each.began < killed for each in failed)
    assert all("ModelError" in each.error for each in failed)
    assert second.id in replaced
    assert first.id not in replaced
    until("both to answer", lambda: len({hosting.report(name)["hostname"] for _ in range(2)}) == 2)
    assert hosting.describe(name)["EndpointStatus"] == "InService"
    hosting.delete(name)
    assert hosting.things(name) == []


def test_container_that_dies_alone_comes_back_and_logs_to_the_same_stream(hosting: HostingClient) -> None:
    name = hosting.deploy()
    with pytest.raises(ClientError) as lost:
        hosting.ask(name, wish={"exit": 3})
    assert lost.value.response["Error"]["Code"] == "ModelError"
    until("an answer", lambda: is_answering(hosting, name))
    [lines] = hosting.wait_for_lines(name, "SERVING", 2).values()
    assert [line for line in lines if line.startswith("SERVING")] == ["SERVING 8080"] * 2
    hosting.delete(name)


def test_container_is_replaced_also_when_its_model_and_configuration_are_gone(hosting: HostingClient) -> None:
    model = hosting.create_model()
    name = hosting.create(variant(model))
    hosting.wait(name)
    config = hosting.describe(name)["EndpointConfigName"]
    hosting.sagemaker.delete_model(ModelName=model)
    hosting.sagemaker.delete_endpoint_config(EndpointConfigName=config)
    [container] = hosting.containers(name)
    container.kill()
    until("another container", lambda: hosting.containers(name) not in ([], [container]))
    until("an answer", lambda: is_answering(hosting, name))
    hosting.delete(name)


def test_killed_emulator_comes_back_to_its_containers(
    start: Callable[..., HostingClient], restartable: Restartable
) -> None:
    before = start()
    uri = before.put_archive({"weights": b"w"})
    name = before.deploy(before.container(ModelDataUrl=uri), count=2)
    described = before.describe(name)
    containers = before.containers(name)
    before.ask(name, b"1")
    restartable.kill()
    for container in containers:
        ask_container(container, {"body": "past the emulator"})

    after = start()
    hosts = {"AllTraffic-1", "AllTraffic-2"}
    until("an answer", lambda: is_answering(after, name))
    until("both to answer", lambda: {after.report(name)["hostname"] for _ in range(2)} == hosts)
    assert ids_of(after.containers(name)) == ids_of(containers)
    told = after.describe(name)
    assert {**told, "ResponseMetadata": None} == {**described, "ResponseMetadata": None}
    found = until("later lines of both", lambda: lines_if_all_have(after, name, "INVOKED 0"))
    asked = [line for lines in found.values() for line in lines]
    assert asked.count("INVOKED 29") == 2, "a line was lost or doubled"
    after.delete(name)
    assert after.things(name) == []


def lines_if_all_have(client: HostingClient, name: str, line: str) -> dict[str, list[str]] | None:
    """Of both streams."""
    found = client.lines(name)
    return found if sum(line in lines for lines in found.values()) == 2 else None


def object_at(client: HostingClient, uri: str) -> bytes | None:
    """None while it is not there."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    try:
        body: bytes = client.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except client.s3.exceptions.NoSuchKey:
        return None
    return body


def test_asynchronous_requests_of_a_killed_emulator_are_answered_by_the_next(
    start: Callable[..., HostingClient], restartable: Restartable
) -> None:
    before = start()
    paths = {"S3OutputPath": f"s3://{BUCKET}/{new_name('async')}"}
    one_by_one = {"MaxConcurrentInvocationsPerInstance": 1}
    name = before.create(
        variant(before.create_model()),
        AsyncInferenceConfig={"OutputConfig": paths, "ClientConfig": one_by_one},
    )
    before.wait(name)
    # It is under way until the emulator was killed.
    slow = {"CustomAttributes": json.dumps({**HELD, "body": "slow"}), "Body": b"slow"}
    stored = {"InputLocation": before.training.put({"x": b"stored"}) + "x"}
    asked = [slow, stored, *({"Body": b"inline-%d" % number} for number in range(8))]
    told = [before.runtime.invoke_endpoint_async(EndpointName=name, **request) for request in asked]
    before.wait_for_lines(name, "INVOKED 4")
    restartable.kill()
    let_go(before.containers(name))

    after = start()
    outputs = [until("an output", lambda: object_at(after, each["OutputLocation"])) for each in told]  # noqa: B023
    assert outputs == [b"slow", b"stored", *(b"inline-%d" % number for number in range(8))]
    [lines] = after.wait_for_lines(name, "INVOKED", len(asked) + 1).values()
    sizes = [line for line in lines if line.startswith("INVOKED")]
    assert sizes == ["INVOKED 4", "INVOKED 4", "INVOKED 6", *["INVOKED 8"] * 8], (
        "only what was under way, twice"
    )
    after.delete(name)
    assert after.things(name) == []


def test_container_that_ended_while_the_emulator_was_down_is_replaced(
    start: Callable[..., HostingClient], restartable: Restartable
) -> None:
    before = start()
    name = before.deploy(count=2)
    first, second = before.containers(name)
    restartable.kill()
    first.kill()
    after = start()
    until("an answer", lambda: is_answering(after, name))
    until("two containers", lambda: len(after.containers(name)) == 2)
    ids = ids_of(after.containers(name))
    assert second.id in ids
    assert first.id not in ids
    after.delete(name)


def at_once(client: HostingClient, name: str) -> bool:
    return True


def with_a_container(client: HostingClient, name: str) -> bool:
    return bool(client.containers(name))


@pytest.mark.parametrize("reached", [at_once, with_a_container])
def test_emulator_is_killed_while_an_endpoint_is_created(
    start: Callable[..., HostingClient],
    restartable: Restartable,
    reached: Callable[[HostingClient, str], bool],
) -> None:
    before = start()
    uri = before.put_archive({"weights": b"w"})
    container = before.container(ModelDataUrl=uri, environment={"PING_AFTER": "3"})
    name = before.create(variant(before.create_model(container)))
    until("the moment", lambda: reached(before, name))
    begun = ids_of(before.containers(name))
    restartable.kill()
    after = start()
    after.wait(name)
    until("an answer", lambda: is_answering(after, name))
    assert set(begun) <= set(ids_of(after.containers(name)))
    after.delete(name)
    assert after.things(name) == []


def test_emulator_is_killed_while_an_endpoint_is_updated(
    start: Callable[..., HostingClient], restartable: Restartable
) -> None:
    before = start()
    name = before.deploy()
    [old] = before.containers(name)
    container = before.container(environment={"PING_STATUS": "503", "SUFFIX": "-new"})
    model = before.create_model(container)
    before.update(name, variant(model, ContainerStartupHealthCheckTimeoutInSeconds=3600))
    until("the new container", lambda: len(before.containers(name)) == 2)
    restartable.kill()
    after = start()
    until("an answer of the old container", lambda: is_answering(after, name))
    [new] = [each for each in after.containers(name) if each.id != old.id]
    until("the new container's server", lambda: b"SERVING" in new.logs())
    ask_container(new, {"ping": 200})
    assert after.wait(name)["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert after.ask(name, b"x") == b"x-new"
    assert old.id not in ids_of(after.containers(name))
    after.delete(name)


def test_deletion_that_a_killed_emulator_had_accepted(
    start: Callable[..., HostingClient], restartable: Restartable
) -> None:
    before = start()
    name = before.deploy(count=2)
    before.sagemaker.delete_endpoint(EndpointName=name)
    restartable.kill()
    after = start()
    until("the endpoint's end", lambda: not after.exists(name))
    assert after.things(name) == []


def test_shutdown_with_stop_leaves_nothing_and_the_next_emulator_serves_again(
    start: Callable[..., HostingClient], restartable: Restartable, engine: docker.DockerClient
) -> None:
    before = start(ON_SHUTDOWN="stop")
    uri = before.put_archive({"weights": b"w"})
    name = before.deploy(before.container(ModelDataUrl=uri), count=2)
    restartable.stop()
    assert find_leftovers(engine, [(restartable.data_dir / "installation").read_text()]) == []
    after = start()
    until("an answer", lambda: is_answering(after, name))
    assert "weights" in after.report(name)["files"]
    after.delete(name)


def test_models_files_go_with_the_last_endpoint_that_uses_them(
    start: Callable[..., HostingClient], restartable: Restartable
) -> None:
    client = start()
    model = client.create_model(client.container(ModelDataUrl=client.put_archive({"weights": b"w"})))
    names = [client.create(variant(model)) for _ in range(2)]
    for name in names:
        client.wait(name)
    staged = restartable.data_dir / "hosting" / "models"
    assert len([*staged.iterdir()]) == 1, "one copy for both"
    client.delete(names[0])
    assert client.report(names[1])["files"]["weights"]["text"] == "w"
    client.delete(names[1])
    until("no files", lambda: not [*staged.iterdir()])


def report_of(client: HostingClient, name: str) -> dict[str, Any]:
    with urlopen(f"{client.url}/_emulator/endpoints/{name}") as answer:
        told: dict[str, Any] = json.load(answer)
    return told


@pytest.fixture(scope="module")
def small(launch: Launch, engine: docker.DockerClient) -> Iterator[HostingClient]:
    """One ml.m5.large fits: it takes 8 GiB * 0.93 - 512 MiB. An endpoint waits three minutes for its room."""
    with (
        launch(MEMORY_BUDGET="8GiB", TIME_SCALE="0.2") as training,
        hosting_client(training, engine) as client,
    ):
        yield client


def test_job_waits_for_an_endpoint_and_says_so(small: HostingClient) -> None:
    name = small.deploy()
    job = small.training.create({"run": "true"}, instance_type="ml.m5.large")
    small.training.wait_for_status(job, "Pending")
    [(holder, held)] = small.training.emulator_report(job)["waits_for"].items()
    assert holder == small.describe(name)["EndpointArn"]
    assert 6 * 2**30 < held < 7 * 2**30
    small.delete(name)
    ended = small.training.wait(job)
    assert statuses(ended) == ["Starting", "Pending", "Downloading", "Training", "Uploading", "Completed"]


def test_endpoint_waits_for_a_job_and_says_so(small: HostingClient) -> None:
    job = small.training.create(SLEEPING, instance_type="ml.m5.large")
    small.training.wait_for_line(job, "SLEEPING")
    name = small.create(variant(small.create_model()))
    told = until("the report", lambda: report_of(small, name)["waits_for"])
    assert list(told) == [small.training.describe(job)["TrainingJobArn"]]
    assert small.describe(name)["EndpointStatus"] == "Creating"
    assert small.containers(name) == []
    small.training.stop(job)
    small.wait(name)
    small.delete(name)


def test_budget_is_kept_over_a_restart(start: Callable[..., HostingClient], restartable: Restartable) -> None:
    before = start(MEMORY_BUDGET="8GiB")
    name = before.deploy()
    job = before.training.create({"run": "true"}, instance_type="ml.m5.large")
    before.training.wait_for_status(job, "Pending")
    restartable.kill()
    after = start(MEMORY_BUDGET="8GiB")
    until("an answer", lambda: is_answering(after, name))
    assert after.training.describe(job)["SecondaryStatus"] == "Pending"
    after.delete(name)
    assert after.training.wait(job)["TrainingJobStatus"] == "Completed"
