import pytest

from emulator.domain.default_bucket import default_bucket, is_use, owner_by_name, place_by_name


def test_owner_by_name() -> None:
    assert owner_by_name(default_bucket("eu-west-1", "111122223333")) == "111122223333"
    for other in ("", "b", "sagemaker-us-east-1-1111", "my-sagemaker-us-east-1-111122223333"):
        assert owner_by_name(other) is None


def test_place_by_name() -> None:
    for region in ("eu-west-1", "us-gov-west-1", "ap-southeast-4"):
        assert place_by_name(default_bucket(region, "111122223333")) == (region, "111122223333")
    for other in (
        "sagemaker-team-111122223333",
        "sagemaker-us-east-1-1111",
        "sagemaker-us-east-1-111122223333-x",
    ):
        assert place_by_name(other) is None


@pytest.mark.parametrize(
    ("method", "key", "query", "expected"),
    [
        ("HEAD", "", (), True),
        ("GET", "", ("list-type", "prefix"), True),
        ("PUT", "k", (), True),
        ("POST", "k", ("uploads",), True),
        ("PUT", "", (), False),
        ("GET", "", (), False),
        ("GET", "k", ("list-type",), False),
        ("HEAD", "k", (), False),
        ("DELETE", "", (), False),
        ("POST", "", ("delete",), False),
    ],
)
def test_uses_that_make_the_bucket(method: str, key: str, query: tuple[str, ...], expected: bool) -> None:
    assert is_use(method, key, query) is expected
