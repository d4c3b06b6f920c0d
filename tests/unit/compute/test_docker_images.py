import pytest

from emulator.compute.docker_images import image_candidates

ECR = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("image", "stand_in"),
    [
        (f"{ECR}/algorithm", "localhost:5000/algorithm"),
        (f"{ECR}/team/algorithm:1", "localhost:5000/team/algorithm:1"),
        (f"{ECR}/algorithm@{DIGEST}", f"localhost:5000/algorithm@{DIGEST}"),
        ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/a:1", "localhost:5000/a:1"),
        ("111122223333.dkr.ecr.us-gov-west-1.amazonaws.com/a:1", "localhost:5000/a:1"),
    ],
)
def test_image_candidates_of_ecr_include_the_local_registry(image: str, stand_in: str) -> None:
    assert image_candidates(image, "localhost:5000") == [image, stand_in]


@pytest.mark.parametrize(
    "image",
    [
        "algorithm",
        "algorithm:1",
        "quay.io/team/a:1",
        "localhost:5000/a",
        "1.dkr.ecr.eu-west-1.amazonaws.com/a",
        f"{ECR}/",
    ],
)
def test_image_candidates_of_any_other_image_is_itself(image: str) -> None:
    assert image_candidates(image, "localhost:5000") == [image]


def test_image_candidates_without_a_local_registry() -> None:
    assert image_candidates(f"{ECR}/algorithm", None) == [f"{ECR}/algorithm"]
