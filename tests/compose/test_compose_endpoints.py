"""Models that an emulator in a container serves: its calls to their containers, and what it leaves behind."""

import csv
from collections.abc import Callable
from typing import Any

import docker
import pytest

from scripts.images import build_sample
from tests.compose.compose_hosting import CLASSES, LIMIT_SECONDS, ROWS, Hosting
from tests.compose.compose_project import ComposeProject, wait_until

pytestmark = [pytest.mark.compose, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def hosting(compose_project: ComposeProject, engine: docker.DockerClient) -> Hosting:
    return Hosting(compose_project, build_sample(engine, "logistic_regression"))


def test_compose_endpoint_answers_and_leaves_nothing(hosting: Hosting) -> None:
    name = f"plain-{hosting.project.name}"
    hosting.deploy(name)
    assert hosting.classes(name) == CLASSES
    hosting.delete(name)


def test_compose_batch_transform_job_writes_its_output(hosting: Hosting) -> None:
    name = f"transform-{hosting.project.name}"
    hosting.create_model(name)
    hosting.s3.put_object(Bucket=hosting.bucket, Key="rows/a.csv", Body=ROWS)
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{hosting.bucket}/rows/"}
    hosting.sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=name,
        TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "text/csv"},
        TransformOutput={"S3OutputPath": f"s3://{hosting.bucket}/predictions"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )

    def describe() -> Any:
        return hosting.sagemaker.describe_transform_job(TransformJobName=name)

    wait_until(lambda: describe()["TransformJobStatus"] != "InProgress", "transform job over", LIMIT_SECONDS)
    assert describe()["TransformJobStatus"] == "Completed", describe()
    output = hosting.s3.get_object(Bucket=hosting.bucket, Key="predictions/a.csv.out")["Body"].read().decode()
    assert [row[1] for row in csv.reader(output.splitlines())] == CLASSES
    hosting.await_removal(name)


def kill_and_start(project: ComposeProject) -> None:
    container = project.container("emulator")
    container.kill()
    container.start()


def make_anew(project: ComposeProject) -> None:
    project.container("emulator").kill()
    project.compose("up", "--detach", "--force-recreate", "--no-deps", "emulator")


@pytest.mark.parametrize("isolated", [False, True])
@pytest.mark.parametrize("restart", [kill_and_start, make_anew])
def test_compose_endpoint_outlives_its_emulator(
    hosting: Hosting, restart: Callable[[ComposeProject], None], isolated: bool
) -> None:
    name = f"kept-{restart.__name__.replace('_', '-')}-{isolated}-{hosting.project.name}".lower()
    hosting.deploy(name, EnableNetworkIsolation=isolated)
    before = {container.id for container in hosting.containers(name)}
    restart(hosting.project)
    wait_until(lambda: is_up(hosting.project), "emulator up", LIMIT_SECONDS)
    wait_until(lambda: hosting.answers(name), "endpoint answers", LIMIT_SECONDS)
    assert {container.id for container in hosting.containers(name)} == before
    told = emulator_address(hosting, name)
    assert hosting.reached(name, told) == told
    hosting.delete(name)


def emulator_address(hosting: Hosting, name: str) -> list[str]:
    """What the endpoint's container was told of it at its start; nothing under network isolation."""
    variables = dict(line.split("=", 1) for line in hosting.serving(name).attrs["Config"]["Env"])
    url = variables.get("AWS_ENDPOINT_URL")
    return [] if url is None else [url.removeprefix("http://")]


def is_up(project: ComposeProject) -> bool:
    return set(project.health().values()) == {"healthy"}


def test_compose_isolated_endpoint_answers_and_reaches_nobody(hosting: Hosting) -> None:
    name = f"isolated-{hosting.project.name}"
    hosting.deploy(name, EnableNetworkIsolation=True)
    assert hosting.classes(name) == CLASSES
    assert hosting.reached(name, machine_and_emulator(hosting.project)) == []
    hosting.delete(name)


def test_compose_other_endpoint_reaches_the_emulator(hosting: Hosting) -> None:
    """So what isolation refuses is really there."""
    name = f"open-{hosting.project.name}"
    hosting.deploy(name)
    assert hosting.reached(name, machine_and_emulator(hosting.project))
    hosting.delete(name)


def machine_and_emulator(project: ComposeProject) -> list[str]:
    """The emulator's port at all of its addresses, and the project's ports at those of the Engine's machine."""
    networks = project.container("emulator").attrs["NetworkSettings"]["Networks"].values()
    gateways = [network["Gateway"] for network in networks if network["Gateway"]]
    published = [f"{gateway}:{port}" for gateway in gateways for port in (22, 4567, *project.ports)]
    return [*(f"{network['IPAddress']}:4567" for network in networks), *published, "1.1.1.1:53"]
