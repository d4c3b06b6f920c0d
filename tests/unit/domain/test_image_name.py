import pytest

from emulator.domain.ecr import EcrRegistry, RepositoryKey, ecr_registry, ecr_repository
from emulator.domain.image_name import ImageName

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("algorithm", ImageName("", "algorithm")),
        ("algorithm:1", ImageName("", "algorithm", "1")),
        ("team/algorithm:1", ImageName("", "team/algorithm", "1")),
        ("localhost/a", ImageName("localhost", "a")),
        ("localhost:4567/team/a:1", ImageName("localhost:4567", "team/a", "1")),
        ("localhost:4567/a", ImageName("localhost:4567", "a")),
        ("[::1]:4567/a:1", ImageName("[::1]:4567", "a", "1")),
        ("quay.io/a:1", ImageName("quay.io", "a", "1")),
        (f"quay.io/a@{DIGEST}", ImageName("quay.io", "a", "", DIGEST)),
        (f"quay.io/a:1@{DIGEST}", ImageName("quay.io", "a", "1", DIGEST)),
        ("", ImageName("", "")),
    ],
)
def test_image_name_is_read_as_docker_does(text: str, name: ImageName) -> None:
    assert ImageName.parse(text) == name


def test_image_name_without_tag_means_latest() -> None:
    assert str(ImageName.parse("quay.io/a")) == "quay.io/a:latest"
    assert str(ImageName.parse(f"quay.io/a:1@{DIGEST}")) == f"quay.io/a@{DIGEST}", "the digest decides"


@pytest.mark.parametrize(
    ("host", "registry"),
    [
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com", EcrRegistry("111122223333", "eu-west-1")),
        ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", EcrRegistry("111122223333", "cn-north-1")),
        (
            "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
            EcrRegistry("111122223333", "us-gov-west-1"),
        ),
        ("1.dkr.ecr.eu-west-1.amazonaws.com", None),
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.org", None),
        ("quay.io", None),
    ],
)
def test_ecr_registry_of_a_host(host: str, registry: EcrRegistry | None) -> None:
    assert ecr_registry(host) == registry


def test_ecr_registry_knows_its_host() -> None:
    for region in ("eu-west-1", "cn-north-1"):
        registry = EcrRegistry("111122223333", region)
        assert ecr_registry(registry.host) == registry


def test_ecr_repository_keeps_accounts_and_regions_apart() -> None:
    key = ecr_repository(ImageName.parse("111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/a:1"))
    assert key == RepositoryKey("111122223333", "eu-west-1", "team/a")
    assert key.path == "111122223333/eu-west-1/team/a"
    assert key.arn == "arn:aws:ecr:eu-west-1:111122223333:repository/team/a"


@pytest.mark.parametrize("text", ["latest", "1.7-1", "_x", DIGEST])
def test_references(text: str) -> None:
    assert ImageName.is_reference(text)


@pytest.mark.parametrize("text", ["", "..", "a/b", "../x", "a?b", "%2e", "a b", "x" * 129, f"{DIGEST}/.."])
def test_what_is_no_reference(text: str) -> None:
    assert not ImageName.is_reference(text)


def test_names_that_leave_their_path() -> None:
    assert ImageName.is_path("localhost:4567/team/a.b:1")
    for text in ("", ".", "../containers", "a/../../info", "a//b", "http://host/a", "a/"):
        assert not ImageName.is_path(text)
