"""ECR with the real boto3, a real registry behind it, and Docker's part played by plain HTTP."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from emulator.compute.fake import FakeBackend
from tests.support import web
from tests.support.docker_push import CONFIG, MANIFEST, Docker
from tests.support.emulator_process import start_emulator
from tests.support.emulator_server import RunningEmulator, running_emulator, wait_until
from tests.support.images import cannot_run

ACCOUNT, REGION = "123456789012", "us-east-1"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})
LIFECYCLE = json.dumps(
    {"rules": [{"rulePriority": 1, "description": "x" * 100, "action": {"type": "expire"}}]}
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    if shutil.which("docker-registry") is None:
        cannot_run("no docker-registry; Debian's package of that name has it")
    with running_emulator(tmp_path_factory.mktemp("ecr") / "data", FakeBackend()) as running:
        yield running


@pytest.fixture(scope="module")
def ecr(running: RunningEmulator) -> Any:
    return running.client("ecr")


@pytest.fixture
def name(ecr: Any) -> str:
    """Of a new repository."""
    name = f"team/algorithm-{uuid4().hex[:8]}"
    ecr.create_repository(repositoryName=name)
    return name


@pytest.fixture(scope="module")
def docker(running: RunningEmulator) -> Iterator[Docker]:
    docker = Docker(running.endpoint)
    yield docker
    docker.http.close()


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_the_registry_of_another_account_is_closed(running: RunningEmulator, ecr: Any, name: str) -> None:
    other = running.client("ecr", aws_access_key_id="222222222222")
    for call in (
        other.delete_repository,
        other.list_images,
        other.describe_images,
        other.get_repository_policy,
    ):
        code, message = refusal(call, repositoryName=name, registryId=ACCOUNT)
        assert code == "AccessDeniedException"
        assert ACCOUNT in message
    assert refusal(other.describe_repositories, registryId=ACCOUNT)[0] == "AccessDeniedException"
    assert ecr.describe_repositories(repositoryNames=[name], registryId=ACCOUNT)["repositories"]


def test_create_repository_tells_aws_members(running: RunningEmulator, ecr: Any) -> None:
    created = ecr.create_repository(repositoryName="described", tags=[{"Key": "a", "Value": "1"}])[
        "repository"
    ]
    port = running.endpoint.rpartition(":")[2]
    assert created.pop("createdAt").tzinfo is not None
    assert created == {
        "repositoryArn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/described",
        "registryId": ACCOUNT,
        "repositoryName": "described",
        "repositoryUri": f"localhost:{port}/described",
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }
    (told,) = ecr.describe_repositories(repositoryNames=["described"])["repositories"]
    assert {**told, "createdAt": None} == {**created, "createdAt": None}


def test_repository_names_are_unique_and_checked(ecr: Any, name: str) -> None:
    assert refusal(ecr.create_repository, repositoryName=name) == (
        "RepositoryAlreadyExistsException",
        f"The repository with name '{name}' already exists in the registry with id '{ACCOUNT}'",
    )
    code, message = refusal(ecr.create_repository, repositoryName="Capitals")
    assert code == "InvalidParameterException"
    assert "repositoryName" in message


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("describe_repositories", {"repositoryNames": ["nothing"]}),
        ("delete_repository", {"repositoryName": "nothing"}),
        ("list_images", {"repositoryName": "nothing"}),
        ("describe_images", {"repositoryName": "nothing"}),
        ("batch_get_image", {"repositoryName": "nothing", "imageIds": [{"imageTag": "1"}]}),
        ("get_repository_policy", {"repositoryName": "nothing"}),
        ("list_tags_for_resource", {"resourceArn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/nothing"}),
    ],
)
def test_unknown_repository_is_refused(ecr: Any, operation: str, params: dict[str, Any]) -> None:
    assert refusal(getattr(ecr, operation), **params) == (
        "RepositoryNotFoundException",
        f"The repository with name 'nothing' does not exist in the registry with id '{ACCOUNT}'",
    )


@pytest.mark.parametrize("reference", ["imageTag", "imageDigest"])
def test_reference_that_is_a_path_leads_to_no_other_accounts_image(
    running: RunningEmulator, docker: Docker, reference: str
) -> None:
    docker.push("guarded", "1")
    other = running.client("ecr", aws_access_key_id="222222222222")
    repository = f"mine-{reference.lower()}"
    other.create_repository(repositoryName=repository)
    for path in (f"../../../../{ACCOUNT}/{REGION}/guarded/manifests/1", "%2e%2e", "x?y=1", "a/b"):
        answer = other.batch_get_image(repositoryName=repository, imageIds=[{reference: path}])
        assert answer["images"] == []
        assert answer["failures"][0]["failureCode"] == "ImageNotFound"


def test_policy_that_is_nested_too_deeply_is_refused(ecr: Any, name: str) -> None:
    code, _ = refusal(ecr.set_repository_policy, repositoryName=name, policyText="[" * 5000)
    assert code == "InvalidParameterException"


def test_describe_repositories_pages(running: RunningEmulator) -> None:
    ecr = running.client("ecr", region_name="eu-west-1")
    for letter in "cab":
        ecr.create_repository(repositoryName=f"paged-{letter}")
    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})
    names = [[one["repositoryName"] for one in page["repositories"]] for page in pages]
    assert names == [["paged-a", "paged-b"], ["paged-c"]]


def test_pushed_image_is_described(ecr: Any, name: str, docker: Docker) -> None:
    digest = docker.push(name, "1", "latest", layer=b"described layer")
    (detail,) = ecr.describe_images(repositoryName=name)["imageDetails"]
    assert detail.pop("imagePushedAt").tzinfo is not None
    assert detail.pop("imageSizeInBytes") > len(b"described layer")
    assert detail == {
        "registryId": ACCOUNT,
        "repositoryName": name,
        "imageDigest": digest,
        "imageTags": ["1", "latest"],
        "imageManifestMediaType": MANIFEST,
        "artifactMediaType": CONFIG,
        "imageStatus": "ACTIVE",
    }
    (by_tag,) = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "1"}])["imageDetails"]
    assert by_tag["imageDigest"] == digest
    code, message = refusal(ecr.describe_images, repositoryName=name, imageIds=[{"imageTag": "2"}])
    assert code == "ImageNotFoundException"
    assert message == (
        "The image with imageId {imageDigest:'null', imageTag:'2'} does not exist within the repository with "
        f"name '{name}' in the registry with id '{ACCOUNT}'"
    )


def test_list_images_has_an_entry_for_each_tag_and_untagged_image(
    ecr: Any, name: str, docker: Docker
) -> None:
    old = docker.push(name, "1", layer=b"old")
    new = docker.push(name, "1", "2", layer=b"new")
    pages = ecr.get_paginator("list_images").paginate(repositoryName=name, PaginationConfig={"PageSize": 2})
    listed = [entry for page in pages for entry in page["imageIds"]]
    assert sorted((one["imageDigest"], one.get("imageTag")) for one in listed if "imageTag" in one) == [
        (new, "1"),
        (new, "2"),
    ]
    assert [one["imageDigest"] for one in listed if "imageTag" not in one] == [old]
    untagged = ecr.list_images(repositoryName=name, filter={"tagStatus": "UNTAGGED"})["imageIds"]
    assert untagged == [{"imageDigest": old}]


def test_batch_get_image_gives_the_manifest(ecr: Any, name: str, docker: Docker) -> None:
    digest = docker.push(name, "1")
    missing = {"imageTag": "missing"}
    answer = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "1"}, missing])
    (image,) = answer["images"]
    assert image["imageId"] == {"imageDigest": digest, "imageTag": "1"}
    assert f"sha256:{hashlib.sha256(image['imageManifest'].encode()).hexdigest()}" == digest
    assert answer["failures"] == [
        {"imageId": missing, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
    ]


def test_batch_delete_image_by_tag_keeps_the_image_until_its_last_tag(
    ecr: Any, name: str, docker: Docker
) -> None:
    digest = docker.push(name, "1", "2")
    answer = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "1"}])
    assert answer["imageIds"] == [{"imageDigest": digest, "imageTag": "1"}]
    assert ecr.list_images(repositoryName=name)["imageIds"] == [{"imageDigest": digest, "imageTag": "2"}]
    ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "2"}])
    assert ecr.list_images(repositoryName=name)["imageIds"] == []
    assert docker.http.get(f"/v2/{name}/manifests/{digest}").status_code == 404


def test_batch_delete_image_by_digest_takes_all_tags(ecr: Any, name: str, docker: Docker) -> None:
    digest = docker.push(name, "1", "2")
    answer = ecr.batch_delete_image(
        repositoryName=name, imageIds=[{"imageDigest": digest}, {"imageTag": "never"}]
    )
    assert answer["imageIds"] == [{"imageDigest": digest, "imageTag": tag} for tag in ("1", "2")]
    assert [failure["failureCode"] for failure in answer["failures"]] == ["ImageNotFound"]
    assert ecr.describe_images(repositoryName=name)["imageDetails"] == []


def test_delete_repository_wants_force_for_images(ecr: Any, name: str, docker: Docker) -> None:
    docker.push(name, "1")
    assert refusal(ecr.delete_repository, repositoryName=name) == (
        "RepositoryNotEmptyException",
        f"The repository with name '{name}' in registry with id '{ACCOUNT}' cannot be deleted because it still "
        "contains images",
    )
    assert ecr.delete_repository(repositoryName=name, force=True)["repository"]["repositoryName"] == name
    ecr.create_repository(repositoryName=name)
    assert ecr.list_images(repositoryName=name)["imageIds"] == []


def test_policies_are_kept(ecr: Any, name: str) -> None:
    assert refusal(ecr.get_repository_policy, repositoryName=name)[0] == "RepositoryPolicyNotFoundException"
    ecr.set_repository_policy(repositoryName=name, policyText=POLICY)
    assert ecr.get_repository_policy(repositoryName=name)["policyText"] == POLICY
    ecr.delete_repository_policy(repositoryName=name)
    assert refusal(ecr.get_repository_policy, repositoryName=name)[0] == "RepositoryPolicyNotFoundException"
    assert refusal(ecr.set_repository_policy, repositoryName=name, policyText="no JSON")[0] == (
        "InvalidParameterException"
    )


def test_lifecycle_policies_are_kept(ecr: Any, name: str) -> None:
    assert refusal(ecr.get_lifecycle_policy, repositoryName=name)[0] == "LifecyclePolicyNotFoundException"
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=LIFECYCLE)
    assert ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"] == LIFECYCLE
    assert ecr.delete_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"] == LIFECYCLE


def test_tags_of_repositories(ecr: Any) -> None:
    tags = [{"Key": "a", "Value": "1"}]
    arn = ecr.create_repository(repositoryName="tagged", tags=tags)["repository"]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "b", "Value": "2"}])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [*tags, {"Key": "b", "Value": "2"}]
    ecr.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "b", "Value": "2"}]


def test_immutable_tags_cannot_be_moved(ecr: Any, name: str, docker: Docker) -> None:
    ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="IMMUTABLE")
    digest = docker.push(name, "1", layer=b"first")
    refused = docker.put_manifest(name, "1", b"{}")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["code"] == "TAG_INVALID"
    assert ecr.list_images(repositoryName=name)["imageIds"] == [{"imageDigest": digest, "imageTag": "1"}]


def test_first_push_makes_the_repository(ecr: Any, docker: Docker) -> None:
    docker.push("never-created", "1")
    (made,) = ecr.describe_repositories(repositoryNames=["never-created"])["repositories"]
    assert made["imageTagMutability"] == "MUTABLE"


def test_login_tells_account_and_region(running: RunningEmulator) -> None:
    ecr = running.client("ecr", aws_access_key_id="111122223333", region_name="eu-central-1")
    (given,) = ecr.get_authorization_token()["authorizationData"]
    assert given["proxyEndpoint"] == running.endpoint.replace("127.0.0.1", "localhost")
    user, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
    assert user == "AWS"
    docker = Docker(running.endpoint, password)
    digest = docker.push("theirs", "1", layer=b"theirs")
    docker.http.close()
    assert ecr.list_images(repositoryName="theirs")["imageIds"] == [{"imageDigest": digest, "imageTag": "1"}]
    assert refusal(running.client("ecr").list_images, repositoryName="theirs")[0] == (
        "RepositoryNotFoundException"
    )


def test_blobs_are_pulled_whole_and_in_ranges(docker: Docker, name: str) -> None:
    data = os.urandom(3 * 2**20)
    digest = docker.push_blob(name, data)["digest"]
    assert docker.http.get(f"/v2/{name}/blobs/{digest}").content == data
    part = docker.http.get(f"/v2/{name}/blobs/{digest}", headers={"Range": "bytes=1048576-1048585"})
    assert (part.status_code, part.content) == (206, data[1048576:1048586])
    head = docker.http.head(f"/v2/{name}/blobs/{digest}")
    assert head.headers["Content-Length"] == str(len(data))


def test_blob_is_mounted_from_another_repository(docker: Docker, name: str) -> None:
    digest = docker.push_blob(name, b"to be mounted")["digest"]
    mounted = docker.http.post("/v2/mounted-to/blobs/uploads/", params={"mount": digest, "from": name})
    assert mounted.status_code == 201, mounted.text
    assert mounted.headers["Location"] == f"/v2/mounted-to/blobs/{digest}"


@pytest.mark.parametrize(
    "path", ["/v2/_catalog", "/v2/Name/tags/list", "/v2/../x/manifests/1", "/v2/a/blobs/../b"]
)
def test_paths_that_are_not_ecrs_are_refused(running: RunningEmulator, docker: Docker, path: str) -> None:
    request = docker.http.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())
    assert docker.http.send(request).status_code == 404


def test_object_with_such_a_key_is_still_s3s(running: RunningEmulator) -> None:
    s3 = running.client("s3", config={"s3": {"addressing_style": "path"}})
    s3.create_bucket(Bucket="not-docker")
    s3.put_object(Bucket="not-docker", Key="v2/x/manifests/1", Body=b"an object")
    port = running.endpoint.rpartition(":")[2]
    answer = web.get(
        f"http://127.0.0.1:{port}/v2/x/manifests/1", headers={"Host": f"not-docker.localhost:{port}"}
    )
    assert answer.content == b"an object"


def test_registry_ends_with_the_emulator_and_keeps_its_images(tmp_path: Path) -> None:
    if shutil.which("docker-registry") is None:
        cannot_run("no docker-registry; Debian's package of that name has it")
    data = tmp_path / "data"
    with running_emulator(data, FakeBackend()) as running:
        assert _health(running) == {"status": "none", "address": None}
        docker = Docker(running.endpoint)
        digest = docker.push("kept", "1")
        docker.http.close()
        assert _registries(data) != []
        health = _health(running)
        assert health["status"] == "ok"
        assert web.get(f"http://{health['address']}/v2/").status_code == 200
    assert _registries(data) == []
    with running_emulator(data, FakeBackend()) as running:
        listed = running.client("ecr").list_images(repositoryName="kept")["imageIds"]
        assert listed == [{"imageDigest": digest, "imageTag": "1"}]


def _health(running: RunningEmulator) -> Any:
    return web.get(f"{running.endpoint}/_emulator/health").json()["parts"]["registry"]


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_registry_ends_with_the_emulators_process(tmp_path: Path, way: str) -> None:
    if shutil.which("docker-registry") is None:
        cannot_run("no docker-registry; Debian's package of that name has it")
    emulator = start_emulator(tmp_path / "data", {})
    try:
        Docker(emulator.url).push_and_close("kept")
        assert _registries(tmp_path / "data") != []
    finally:
        getattr(emulator, way)()
    wait_until(lambda: _registries(tmp_path / "data") == [])


def _registries(data: Path) -> list[str]:
    """Processes that name the data directory's registry."""
    processes = subprocess.run(
        ["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True
    ).stdout
    return [line for line in processes.splitlines() if str(data / "registry.yml") in line]


def test_without_any_registry_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    settings = {"registry_image": "no-such-registry:1", "offline": True}
    with running_emulator(tmp_path / "data", FakeBackend(), **settings) as running:
        code, message = refusal(running.client("ecr").create_repository, repositoryName="x1")
    assert code == "ServerException"
    assert "Install docker-registry" in message
    assert "SAGEMAKER_EMULATOR_REGISTRY" in message
