"""Docker and boto3 as a user has them: log in, push, train, pull; through the emulator's own port."""

import base64
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest
from anyio.from_thread import start_blocking_portal
from docker.errors import ImageNotFound

from emulator.registry.process import RegistryProcess
from tests.compose.compose_images import REGISTRY_IMAGE, build_registry_image, find_registry
from tests.e2e.training_client import ACCOUNT, REGION, TrainingClient, new_name, training_client
from tests.support.emulator_process import running_emulator
from tests.support.images import base_image, build_tiny_image, cannot_run

ECR = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


class Ecr:
    """One emulator with its ECR, and the Engine that pushes to it."""

    def __init__(self, client: TrainingClient, engine: docker.DockerClient) -> None:
        self.training = client
        self.engine = engine
        self._pushed: set[str] = set()
        keys: dict[str, Any] = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        self.api = boto3.client("ecr", endpoint_url=client.url, region_name=REGION, **keys)
        self.address = client.url.removeprefix("http://").replace("127.0.0.1", "localhost")

    def log_in(self) -> None:
        (given,) = self.api.get_authorization_token()["authorizationData"]
        user, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
        answer = self.engine.login(user, password, registry=given["proxyEndpoint"], reauth=True)
        assert answer["Status"] == "Login Succeeded"

    def push(self, image: str, repository: str, tag: str = "1") -> str:
        """The digest that the Engine names. Afterwards it has the image under no name of ours any more."""
        name = f"{self.address}/{repository}"
        self._pushed.add(repository)
        assert self.engine.images.get(image).tag(name, tag)
        said = list(self.engine.images.push(name, tag, stream=True, decode=True))
        assert not [line for line in said if "error" in line], said
        (digest,) = [line["aux"]["Digest"] for line in said if "aux" in line]
        self.forget()
        return str(digest)

    def forget(self) -> None:
        """Remove every name of ours from the Engine; other names keep their image."""
        port = self.address.rpartition(":")[2]
        # Not `engine.images.list`, which looks at each again: those of other tests may go meanwhile.
        for image in self.engine.api.images():
            for name in [*(image["RepoTags"] or ()), *(image["RepoDigests"] or ())]:
                if f":{port}/" in name or self.is_own_registrys(name):
                    with suppress(ImageNotFound):
                        self.engine.images.remove(name)

    def is_own_registrys(self, name: str) -> bool:
        """Not that of another emulator on this Engine."""
        path = name.partition(f"/{ACCOUNT}/{REGION}/")[2]
        return name.startswith("127.0.0.1:") and re.split("[:@]", path)[0] in self._pushed


@pytest.fixture(scope="module")
def image(engine: docker.DockerClient) -> Iterator[str]:
    """A small image that is nowhere but on this Engine under a name of its own."""
    container = engine.containers.create(build_tiny_image(engine))
    name = f"sagemaker-emulator-tests/pushed-{new_name()}"
    made = container.commit(name, "latest", conf={"Labels": {"test": name}})
    container.remove()
    yield f"{name}:latest"
    engine.images.remove(f"{name}:latest")
    with suppress(ImageNotFound):
        engine.images.remove(made.id)


@pytest.fixture(scope="module")
def ecr(engine: docker.DockerClient, data_dirs: Callable[[], Path], algorithm_image: str) -> Iterator[Ecr]:
    if shutil.which("docker-registry") is None:
        cannot_run("no docker-registry; Debian's package of that name has it")
    with (
        running_emulator(data_dirs(), {}) as emulator,
        training_client(emulator.url, algorithm_image) as client,
    ):
        ecr = Ecr(client, engine)
        yield ecr
        ecr.forget()
        ecr.api.close()


@pytest.mark.ordinary_user
def test_pushed_image_trains_under_both_names(ecr: Ecr, image: str) -> None:
    repository = new_name("algorithm")
    ecr.api.create_repository(repositoryName=repository)
    ecr.log_in()
    digest = ecr.push(image, repository)
    (detail,) = ecr.api.describe_images(repositoryName=repository)["imageDetails"]
    assert (detail["imageDigest"], detail["imageTags"]) == (digest, ["1"])

    for name in (f"{ECR}/{repository}:1", f"{ecr.address}/{repository}:1", f"{ECR}/{repository}@{digest}"):
        job = ecr.training.train({"run": "echo trained"}, algorithm={"TrainingImage": name})
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        assert job["AlgorithmSpecification"]["TrainingImage"] == name
        told = ecr.training.emulator_report(job["TrainingJobName"])["image"]
        assert (told["digest"], told["source"]) == (digest, "registry")
        ecr.forget()


def test_image_of_a_new_push_is_taken_for_the_same_tag(ecr: Ecr, image: str) -> None:
    repository = new_name("algorithm")
    digests = [ecr.push(pushed, repository) for pushed in (image, build_tiny_image(ecr.engine))]
    assert len(set(digests)) == 2
    job = ecr.training.train({"run": "true"}, algorithm={"TrainingImage": f"{ECR}/{repository}:1"})
    assert ecr.training.emulator_report(job["TrainingJobName"])["image"]["digest"] == digests[1]


def test_push_without_login_makes_the_repository_and_pull_gives_it_back(ecr: Ecr, image: str) -> None:
    repository = new_name("algorithm")
    digest = ecr.push(image, repository)
    pulled = ecr.engine.images.pull(f"{ecr.address}/{repository}", tag="1")
    assert f"{ecr.address}/{repository}@{digest}" in pulled.attrs["RepoDigests"]
    ecr.forget()


def test_image_on_the_engine_under_its_full_name_comes_first(ecr: Ecr, image: str) -> None:
    repository = new_name("algorithm")
    assert ecr.engine.images.get(image).tag(f"{ECR}/{repository}", "1")
    try:
        job = ecr.training.train({"run": "true"}, algorithm={"TrainingImage": f"{ECR}/{repository}:1"})
    finally:
        ecr.engine.images.remove(f"{ECR}/{repository}:1")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert ecr.training.emulator_report(job["TrainingJobName"])["image"]["source"] == "engine"


def test_alias_stands_for_an_image_of_aws(
    engine: docker.DockerClient, data_dirs: Callable[[], Path], image: str, tmp_path: Path
) -> None:
    aliases = tmp_path / "aliases.yaml"
    aliases.write_text(f'"built-in:*": {image}\n')
    with (
        running_emulator(data_dirs(), {"IMAGE_ALIASES": str(aliases)}) as emulator,
        training_client(
            emulator.url, "683313688378.dkr.ecr.us-east-1.amazonaws.com/built-in:1.7-1"
        ) as client,
    ):
        job = client.train({"run": "true"})
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        assert client.emulator_report(job["TrainingJobName"])["image"]["source"] == "alias"


@pytest.mark.ordinary_user
def test_registry_runs_as_a_container_where_its_program_is_missing(
    engine: docker.DockerClient,
    data_dirs: Callable[[], Path],
    image: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = find_registry()
    if program is None:
        cannot_run("no docker-registry to make an image of; Debian's package of that name has it")
    build_registry_image(engine, base_image(engine), program, tmp_path)
    monkeypatch.setenv("PATH", "/nonexistent")
    data_dir = data_dirs()
    with (
        running_emulator(data_dir, {"REGISTRY_IMAGE": REGISTRY_IMAGE}) as emulator,
        training_client(emulator.url, image) as client,
    ):
        monkeypatch.undo()
        ecr = Ecr(client, engine)
        repository = new_name("in-a-container")
        digest = ecr.push(image, repository)
        (container,) = engine.containers.list(filters={"name": emulator.installation}, ignore_removed=True)
        assert container.attrs["HostConfig"]["PortBindings"]["5000/tcp"][0]["HostIp"] == "127.0.0.1"
        job = client.train({"run": "true"}, algorithm={"TrainingImage": f"{ECR}/{repository}:1"})
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        assert client.emulator_report(job["TrainingJobName"])["image"]["digest"] == digest
        ecr.forget()
        ecr.api.close()
    assert (
        engine.containers.list(all=True, filters={"name": emulator.installation}, ignore_removed=True) == []
    )


def test_named_registry_also_has_what_was_pushed_past_the_emulator(
    engine: docker.DockerClient, data_dirs: Callable[[], Path], image: str, tmp_path: Path
) -> None:
    """As in docker-compose.yml: the Engine and the emulator know it by different addresses."""
    program = find_registry()
    if program is None:
        cannot_run("no docker-registry; Debian's package of that name has it")
    registry = RegistryProcess(program, tmp_path / "registry")
    with start_blocking_portal() as portal:
        port = portal.call(registry.start).engine.rpartition(":")[2]
        settings = {"REGISTRY": f"localhost:{port}", "REGISTRY_URL": f"http://127.0.0.1:{port}"}
        with (
            running_emulator(data_dirs(), settings) as emulator,
            training_client(emulator.url, image) as client,
        ):
            ecr = Ecr(client, engine)
            through = ecr.push(image, "through")
            ecr.address = f"localhost:{port}"
            past = ecr.push(image, "past")
            for name, digest in (
                (f"{ECR}/through:1", through),
                (f"{ECR}/past:1", past),
                (f"localhost:{port}/past:1", past),
            ):
                job = client.train({"run": "true"}, algorithm={"TrainingImage": name})
                told = client.emulator_report(job["TrainingJobName"])["image"]
                assert (told["source"], told["digest"]) == ("registry", digest)
                ecr.forget()
            ecr.api.close()
        portal.call(registry.stop)
