import pytest

from emulator.domain.ecr import EcrRegistry
from emulator.domain.image_alias import ImageAlias
from emulator.domain.image_source import ImageCandidate, ImageSearch, ImageSource

CALLER = EcrRegistry("111122223333", "eu-west-1")
ECR = "444455556666.dkr.ecr.us-east-1.amazonaws.com"
REGISTRY = "127.0.0.1:5000"
DIGEST = "sha256:" + "a" * 64
XGBOOST = ImageAlias("sagemaker-xgboost:*", "samples/xgboost:latest", may_be_pulled=False)
SEARCH = ImageSearch(frozenset({"localhost:4567"}), (XGBOOST,))


def names(image: str, registry: str | None = REGISTRY) -> list[tuple[str, str]]:
    return [(c.source.value, c.name) for c in SEARCH.candidates(image, CALLER, registry)]


def test_order_is_engine_alias_registry_remote() -> None:
    assert names(f"{ECR}/sagemaker-xgboost:1.7-1") == [
        ("engine", f"{ECR}/sagemaker-xgboost:1.7-1"),
        ("alias", "samples/xgboost:latest"),
        ("registry", f"{REGISTRY}/444455556666/us-east-1/sagemaker-xgboost:1.7-1"),
        ("registry", f"{REGISTRY}/sagemaker-xgboost:1.7-1"),
        ("remote", f"{ECR}/sagemaker-xgboost:1.7-1"),
    ]


def test_name_under_our_own_address_is_in_the_callers_ecr() -> None:
    assert names("localhost:4567/team/a:1") == [
        ("engine", "localhost:4567/team/a:1"),
        ("registry", f"{REGISTRY}/111122223333/eu-west-1/team/a:1"),
        ("registry", f"{REGISTRY}/team/a:1"),
    ]


def test_digest_is_kept_in_the_registry() -> None:
    assert names(f"{ECR}/a@{DIGEST}")[1] == ("registry", f"{REGISTRY}/444455556666/us-east-1/a@{DIGEST}")


@pytest.mark.parametrize("image", ["algorithm:1", "quay.io/team/a:1", "localhost:9999/a", f"{ECR}/"])
def test_other_images_are_nowhere_else(image: str) -> None:
    sources = [source for source, name in names(image) if name == image]
    assert sources == ["engine", "remote"]


def test_image_of_the_registry_itself_is_asked_for_there() -> None:
    assert names(f"{REGISTRY}/a:1") == [("engine", f"{REGISTRY}/a:1"), ("registry", f"{REGISTRY}/a:1")]


def test_without_a_registry() -> None:
    assert [source for source, _ in names(f"{ECR}/a", None)] == ["engine", "remote"]


@pytest.mark.parametrize(
    ("pattern", "image", "does"),
    [
        ("sagemaker-xgboost:*", f"{ECR}/sagemaker-xgboost:1.7-1", True),
        ("sagemaker-xgboost:1.7*", f"{ECR}/sagemaker-xgboost:1.5-1", False),
        ("sagemaker-xgboost", f"{ECR}/sagemaker-xgboost:1.7-1", True),
        ("sagemaker-xgboost", f"{ECR}/sagemaker-xgboost@{DIGEST}", True),
        ("sagemaker-*:latest", f"{ECR}/sagemaker-xgboost", True),
        ("*-training:2.?.0*", f"{ECR}/pytorch-training:2.8.0-gpu-py312", True),
        ("sagemaker-xgboost:*", "sagemaker-xgboost:1", False),
        ("sagemaker-xgboost:*", "quay.io/sagemaker-xgboost:1", False),
        ("quay.io/*:*", "quay.io/team/a:1", True),
        ("444455556666.dkr.ecr.*.amazonaws.com/a:*", f"{ECR}/a:1", True),
        ("444455556666.dkr.ecr.eu-*.amazonaws.com/a:*", f"{ECR}/a:1", False),
        ("localhost:5000/a", "localhost:5000/a:1", True),
    ],
)
def test_alias_matches(pattern: str, image: str, does: bool) -> None:
    search = ImageSearch(aliases=(ImageAlias(pattern, "stand-in:1"),))
    found = ImageCandidate(ImageSource.ALIAS, "stand-in:1") in list(search.candidates(image, CALLER, None))
    assert found is does
