"""More than one container behind a name, more than one model in a container, or no container until it is needed."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.endpoint_load import load
from tests.e2e.held_containers import let_go
from tests.e2e.hosting_client import HELD, HostingClient, archive, s3_source, variant
from tests.e2e.training_client import BUCKET, until

MIB = 2**20


def stages(hosting: HostingClient, count: int, **members: Any) -> list[dict[str, Any]]:
    return [
        hosting.container(environment={"SUFFIX": f"-{number}"}, ContainerHostname=f"stage{number}", **members)
        for number in range(1, count + 1)
    ]


@pytest.mark.parametrize("count", [2, 3])
def test_pipeline_passes_a_request_through_its_containers(hosting: HostingClient, count: int) -> None:
    name = hosting.deploy(*stages(hosting, count), count=2)
    assert len(hosting.containers(name)) == 2 * count
    expected = "x" + "".join(f"-{number}" for number in range(1, count + 1))
    assert hosting.ask(name, b"x") == expected.encode()
    hosts = {str(each.attrs["Config"]["Hostname"]) for each in hosting.containers(name)}
    assert hosts == {f"stage{number}" for number in range(1, count + 1)}
    limits = {each.attrs["HostConfig"]["Memory"] // MIB for each in hosting.containers(name)}
    assert limits == {7106 // count}
    hosting.wait_for_lines(name, "INVOKED", count)
    assert len(hosting.wait_for_lines(name, "SERVING", 2 * count)) == 2 * count
    hosting.delete(name)
    assert hosting.things(name) == []


def test_containers_of_a_pipeline_have_models_of_their_own(hosting: HostingClient) -> None:
    prefix = hosting.training.put({"a": b"1"})
    pipeline = stages(hosting, 2)
    pipeline[0]["ModelDataUrl"] = hosting.put_archive({"first": b"1"})
    pipeline[1]["ModelDataSource"] = s3_source(prefix)
    name = hosting.deploy(*pipeline)
    first, second = hosting.containers(name)
    assert first.exec_run("ls /opt/ml/model").output == b"first\n"
    assert second.exec_run("ls /opt/ml/model").output == b"a\n"
    hosting.delete(name)


def test_error_in_a_pipeline_names_the_container(hosting: HostingClient) -> None:
    name = hosting.deploy(*stages(hosting, 2))
    with pytest.raises(ClientError, match=r"Received server error \(500\) from stage1"):
        hosting.ask(name, wish={"status": 500})
    hosting.delete(name)


def test_pipeline_whose_container_dies_is_made_anew_as_a_whole(hosting: HostingClient) -> None:
    name = hosting.deploy(*stages(hosting, 2))
    first, second = hosting.containers(name)
    second.kill()

    def answers() -> bool:
        ids = {each.id for each in hosting.containers(name)}
        try:
            return not ids & {first.id, second.id} and hosting.ask(name, b"x") == b"x-1-2"
        except ClientError:
            return False

    until("the pipeline", answers)
    hosting.delete(name)


def test_direct_invocations_name_their_container(hosting: HostingClient) -> None:
    model = hosting.create_model(*stages(hosting, 2), InferenceExecutionConfig={"Mode": "Direct"})
    name = hosting.create(variant(model))
    hosting.wait(name)
    assert hosting.ask(name, b"x", TargetContainerHostname="stage2") == b"x-2"
    assert hosting.ask(name, b"x", TargetContainerHostname="stage1") == b"x-1"
    with pytest.raises(ClientError, match="TargetContainerHostname"):
        hosting.ask(name, b"x")
    hosting.delete(name)


def multi_model(hosting: HostingClient, **environment: str) -> tuple[str, str]:
    """The endpoint, and the prefix of its models `a` to `c`."""
    files = {f"{each}.tar.gz": archive({f"{each}.bin": each.encode()}) for each in "abc"}
    uri = hosting.training.put(files)
    container = hosting.container(environment=environment, ModelDataUrl=uri, Mode="MultiModel")
    return hosting.deploy(container), uri


def test_models_of_one_container_are_loaded_and_unloaded(hosting: HostingClient) -> None:
    name, uri = multi_model(hosting, MAX_MODELS="2")
    for target in "abac":
        assert hosting.ask(name, b"x", TargetModel=f"{target}.tar.gz") == b"x"
    [lines] = hosting.wait_for_lines(name, "LOADED", 3).values()
    steps = [line.split()[0] for line in lines if line.startswith(("LOADED", "UNLOADED"))]
    assert steps == ["LOADED", "LOADED", "UNLOADED", "LOADED"]
    loaded, unloaded = (
        [line.split()[1] for line in lines if line.startswith(kind)] for kind in ("LOADED", "UNLOADED")
    )
    assert unloaded == [loaded[1]], "not the least recently used one went"
    seen = hosting.report(name, TargetModel="a.tar.gz")
    assert seen["environment"]["SAGEMAKER_MULTI_MODEL"] == "true"
    assert sorted(seen["models"].values()) == [["a.bin"], ["c.bin"]]
    assert seen["request"]["headers"]["x-amzn-sagemaker-target-model"] == "a.tar.gz"
    assert hosting.run(name, "ls /opt/ml/models | wc -l", TargetModel="a.tar.gz") == "2\n"
    with pytest.raises(ClientError) as missing:
        hosting.ask(name, b"x", TargetModel="d.tar.gz")
    assert missing.value.response["Error"]["Message"].startswith("Failed to download model data(bucket: ")
    with pytest.raises(ClientError, match="is missing a target model header"):
        hosting.ask(name, b"x")
    hosting.s3.put_object(
        Bucket=BUCKET, Key=f"{uri.removeprefix(f's3://{BUCKET}/')}d.tar.gz", Body=archive({"d.bin": b"d"})
    )
    assert hosting.ask(name, b"x", TargetModel="d.tar.gz") == b"x", "a model may come later"
    hosting.delete(name)


def test_models_are_loaded_again_into_a_container_that_was_replaced(hosting: HostingClient) -> None:
    name, _ = multi_model(hosting)
    hosting.ask(name, b"x", TargetModel="a.tar.gz")
    [container] = hosting.containers(name)
    container.kill()

    def answers() -> bool:
        try:
            return hosting.ask(name, b"x", TargetModel="a.tar.gz") == b"x"
        except ClientError:
            return False

    until("an answer", answers)
    hosting.delete(name)


def serverless(hosting: HostingClient, concurrency: int = 2, memory: int = 1024, **environment: str) -> str:
    config = {"MemorySizeInMB": memory, "MaxConcurrency": concurrency}
    model = hosting.create_model(hosting.container(environment=environment))
    name = hosting.create(variant(model, ServerlessConfig=config))
    hosting.wait(name)
    return name


def test_serverless_container_lives_while_it_is_asked(hosting: HostingClient) -> None:
    name = serverless(hosting)
    assert hosting.containers(name) == []
    assert hosting.ask(name, b"x") == b"x"
    [container] = hosting.containers(name)
    assert container.attrs["HostConfig"]["Memory"] == 1024 * MIB
    until("no container", lambda: not hosting.containers(name))
    assert hosting.ask(name, b"y") == b"y", "it starts again"
    hosting.delete(name)
    assert hosting.things(name) == []


def test_first_requests_of_a_serverless_variant_start_one_container(hosting: HostingClient) -> None:
    name = serverless(hosting, concurrency=8, PING_AFTER="1")
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda number: hosting.ask(name, str(number).encode()), range(8))]
    assert answers == [str(number).encode() for number in range(8)]
    assert len(hosting.containers(name)) == 1
    hosting.delete(name)


def test_serverless_requests_beyond_max_concurrency_are_throttled(hosting: HostingClient) -> None:
    name = serverless(hosting, concurrency=1)
    hosting.ask(name, b"x")
    asking = threading.Thread(target=hosting.ask, args=(name,), kwargs={"wish": {**HELD, "body": "held"}})
    asking.start()
    [container] = hosting.containers(name)
    until("the first request", lambda: b"INVOKED 0" in container.logs())
    with pytest.raises(ClientError) as throttled:
        hosting.ask(name, b"x")
    assert throttled.value.response["Error"]["Code"] == "ThrottlingException"
    assert throttled.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    let_go([container])
    asking.join()
    assert hosting.ask(name, b"x") == b"x"
    hosting.delete(name)


def outcome(hosting: HostingClient, name: str) -> str:
    """The answer, or the error's code."""
    try:
        return hosting.ask(name, b"x").decode()
    except ClientError as error:
        return str(error.response["Error"]["Code"])


def test_one_of_two_requests_that_find_no_container_is_throttled(hosting: HostingClient) -> None:
    name = serverless(hosting, concurrency=1, memory=6144, PING_AFTER="1")
    with ThreadPoolExecutor(2) as pool:
        outcomes = [*pool.map(lambda _: outcome(hosting, name), range(2))]
    assert sorted(outcomes) == ["ThrottlingException", "x"]
    [container] = hosting.containers(name)
    assert container.attrs["HostConfig"]["Memory"] == 6144 * MIB
    hosting.delete(name)


def test_update_of_a_serverless_variant_fails_no_request(hosting: HostingClient) -> None:
    name = serverless(hosting, concurrency=50)
    config = {"MemorySizeInMB": 1024, "MaxConcurrency": 50}
    model = hosting.create_model(hosting.container(environment={"SUFFIX": "-new"}))
    with load(hosting, name) as running:
        hosting.update(name, variant(model, ServerlessConfig=config))
        hosting.wait(name)
        moved = time.monotonic()
        running.wait()
    assert running.errors == []
    assert running.bodies_since(moved) == {b"x-new"}
    assert len(hosting.containers(name)) == 1
    hosting.delete(name)


def test_serverless_container_that_cannot_start(hosting: HostingClient) -> None:
    name = serverless(hosting, START_EXIT="1")
    with pytest.raises(ClientError, match="ping health check") as failed:
        hosting.ask(name, b"x")
    assert failed.value.response["Error"]["Code"] == "ModelError"
    hosting.delete(name)
    assert hosting.things(name) == []
