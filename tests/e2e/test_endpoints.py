"""From a model to containers that serve it, and back to nothing."""

import json
import re

import pytest
from botocore.exceptions import ClientError
from docker.models.containers import Container

from tests.e2e.hosting_client import (
    HostingClient,
    ask_container,
    direct_url,
    error_of,
    model_uri,
    s3_source,
    variant,
)
from tests.e2e.training_client import BUCKET, TrainingClient, channel, new_name
from tests.support import web

pytestmark = pytest.mark.ordinary_user

MIB = 2**20
LIMIT = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null"


def run(container: Container, script: str) -> str:
    return ask_container(container, {"run": script}).decode()


def report(container: Container) -> dict[str, object]:
    seen: dict[str, object] = json.loads(ask_container(container, {"report": True}))
    return seen


def texts(container: Container) -> dict[str, str]:
    """Regular files below /opt/ml/model."""
    files: dict[str, dict[str, str]] = report(container)["files"]  # type: ignore[assignment]
    return {name: told["text"] for name, told in files.items() if told["text"] is not None}


def test_model_that_was_trained_here_is_served(hosting: HostingClient, emulator: TrainingClient) -> None:
    uri = emulator.put({"in.csv": b"1,2\n"})
    script = "mkdir /opt/ml/model/deep; cp /opt/ml/input/data/train/in.csv /opt/ml/model/deep/weights"
    job = emulator.train({"run": script}, [channel("train", uri)])
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    name = hosting.deploy(hosting.container(ModelDataUrl=model_uri(job)))
    [container] = hosting.containers(name)
    assert texts(container) == {"deep/weights": "1,2\n"}
    assert container.attrs["Config"]["Cmd"] == ["serve"]
    hosting.delete(name)
    assert hosting.things(name) == []


def test_files_of_a_prefix_are_served_as_they_are(hosting: HostingClient) -> None:
    files = {"config.json": b"{}", "layers/0.bin": bytes(3 * MIB), "layers/1.bin": b"one"}
    uri = hosting.training.put(files)
    name = hosting.deploy(hosting.container(ModelDataSource=s3_source(uri)))
    [container] = hosting.containers(name)
    seen: dict[str, dict[str, object]] = report(container)["files"]  # type: ignore[assignment]
    regular = {path: told["size"] for path, told in seen.items() if told["text"] is not None}
    assert regular == {path: len(body) for path, body in files.items()}
    hosting.delete(name)


@pytest.mark.parametrize("compression", ["Gzip", "None"])
def test_one_object_is_served_unpacked_or_as_it_is(hosting: HostingClient, compression: str) -> None:
    uri = hosting.put_archive({"weights": b"w"})
    name = hosting.deploy(hosting.container(ModelDataSource=s3_source(uri, "S3Object", compression)))
    [container] = hosting.containers(name)
    expected = "weights" if compression == "Gzip" else "model.tar.gz"
    assert run(container, "find /opt/ml/model -type f -printf '%P\\n'").split() == [expected]
    hosting.delete(name)


def test_each_instance_has_a_writable_view_and_what_it_writes_is_its_own(hosting: HostingClient) -> None:
    uri = hosting.put_archive({"weights": b"shared"})
    name = hosting.deploy(hosting.container(ModelDataUrl=uri), count=2)
    first, second = hosting.containers(name)
    assert run(first, "cd /opt/ml/model; echo mine > weights && echo more > more && ls") == "more\nweights\n"
    assert texts(first) == {"weights": "mine\n", "more": "more\n"}
    assert texts(second) == {"weights": "shared"}
    later = hosting.deploy(hosting.container(ModelDataUrl=uri))
    [third] = hosting.containers(later)
    assert texts(third) == {"weights": "shared"}
    for each in (name, later):
        hosting.delete(each)


def test_model_without_artifacts_hides_what_the_image_has_in_the_directory(hosting: HostingClient) -> None:
    name = hosting.deploy()
    [container] = hosting.containers(name)
    assert run(container, "ls -A /opt/ml/model") == ""
    assert run(container, "touch /opt/ml/model/new; ls /opt/ml/model") == "new\n"
    hosting.delete(name)


def test_instance_has_the_memory_that_training_has(hosting: HostingClient, emulator: TrainingClient) -> None:
    job = emulator.train({"report": "true"}, instance_type="ml.m5.large")
    name = hosting.deploy(InstanceType="ml.m5.large")
    [container] = hosting.containers(name)
    told = [int(line) for line in run(container, LIMIT).split()]
    assert told == [int(emulator.report(job["TrainingJobName"])["limits"]["memory"])]
    hosting.delete(name)


def test_environment_and_the_way_to_the_emulator(hosting: HostingClient) -> None:
    name = hosting.deploy(hosting.container(environment={"THRESHOLD": "0.5", "AWS_REGION": "eu-west-1"}))
    [container] = hosting.containers(name)
    environment: dict[str, str] = report(container)["environment"]  # type: ignore[assignment]
    assert environment["THRESHOLD"] == "0.5"
    assert environment["AWS_REGION"] == "eu-west-1"
    assert environment["SAGEMAKER_BIND_TO_PORT"] == "8080"
    ask = (
        "python3 -c 'import os, urllib.request as r; "
        'print(r.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_emulator/health").status)\''
    )
    assert run(container, ask) == "200\n"
    hosting.delete(name)


def test_logs_have_a_stream_for_each_instance(hosting: HostingClient) -> None:
    name = hosting.deploy(count=2)
    streams = hosting.wait_for_lines(name, "SERVING", 2)
    assert len(streams) == 2
    assert all(re.fullmatch(r"AllTraffic/i-[0-9a-f]{17}", stream) for stream in streams)
    assert list(streams.values()) == [["SERVING 8080"], ["SERVING 8080"]]
    hosting.delete(name)


def test_endpoint_is_creating_until_its_container_is_healthy(hosting: HostingClient) -> None:
    model = hosting.create_model(hosting.container(environment={"PING_AFTER": "2"}))
    name = hosting.create(variant(model))
    assert hosting.describe(name)["EndpointStatus"] == "Creating"
    with pytest.raises(ClientError) as refused:
        hosting.sagemaker.delete_endpoint(EndpointName=name)
    assert "in-progress" in error_of(refused.value)[1]
    described = hosting.wait(name)
    [served] = described["ProductionVariants"]
    [image] = served["DeployedImages"]
    assert image["SpecifiedImage"] == hosting.image
    assert "@sha256:" in image["ResolvedImage"]
    [container] = hosting.containers(name)
    assert web.get(f"{direct_url(container)}/ping").status_code == 200
    hosting.delete(name)


def test_container_that_never_gets_healthy(hosting: HostingClient) -> None:
    model = hosting.create_model(hosting.container(environment={"START_EXIT": "1"}))
    name = hosting.create(variant(model, ContainerStartupHealthCheckTimeoutInSeconds=60))
    described = hosting.wait(name, "Failed")
    assert described["FailureReason"] == (
        "The primary container for production variant AllTraffic did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )
    assert hosting.things(name) == []
    hosting.delete(name)


def test_archive_that_leaves_its_directory(hosting: HostingClient) -> None:
    uri = hosting.put_archive({"weights": b"w", "../outside": b"o"})
    name = hosting.create(variant(hosting.create_model(hosting.container(ModelDataUrl=uri))))
    reason = hosting.wait(name, "Failed")["FailureReason"]
    assert reason.startswith(f'Failed to extract model data archive from URL "{uri}". ')
    assert "'../outside'" in reason
    hosting.delete(name)


def test_artifact_that_is_gone_when_the_endpoint_is_made(hosting: HostingClient) -> None:
    uri = hosting.put_archive({"weights": b"w"})
    model = hosting.create_model(hosting.container(ModelDataUrl=uri))
    hosting.s3.delete_object(Bucket=BUCKET, Key=uri.removeprefix(f"s3://{BUCKET}/"))
    name = hosting.create(variant(model))
    reason = hosting.wait(name, "Failed")["FailureReason"]
    assert reason.startswith('Failed to download model data for container "container_1" from URL: ')
    hosting.delete(name)


def test_image_that_does_not_exist_is_refused_at_once(hosting: HostingClient) -> None:
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/nowhere:1"
    with pytest.raises(ClientError) as refused:
        hosting.create_model(hosting.container(Image=image))
    code, message = error_of(refused.value)
    assert code == "ValidationException"
    assert "nowhere" in message


def test_names_may_be_as_long_as_aws_allows(hosting: HostingClient) -> None:
    longest = f"{new_name('n')}{'x' * 63}"[:63]
    model = hosting.create_model(hosting.container(ContainerHostname=longest))
    config = hosting.create_config(variant(model, longest, count=2))
    hosting.sagemaker.create_endpoint(EndpointName=longest, EndpointConfigName=config)
    hosting.wait(longest)
    assert {str(report(each)["hostname"]) for each in hosting.containers(longest)} == {longest}
    streams = hosting.wait_for_lines(longest, "SERVING", 2)
    assert [stream.split("/")[0] for stream in streams] == [longest] * 2
    hosting.delete(longest)
    assert hosting.things(longest) == []


def test_names_in_use_and_unknown_names(hosting: HostingClient) -> None:
    name = hosting.deploy()
    config = hosting.describe(name)["EndpointConfigName"]
    with pytest.raises(ClientError, match="Cannot create already existing endpoint") as refused:
        hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    assert error_of(refused.value)[0] == "ValidationException"
    hosting.delete(name)
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    hosting.wait(name)
    hosting.delete(name)
    with pytest.raises(ClientError, match="Could not find endpoint"):
        hosting.sagemaker.delete_endpoint(EndpointName=new_name())
