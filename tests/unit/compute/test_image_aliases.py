from pathlib import Path

import pytest

from emulator.compute.image_aliases import parse_image_aliases, read_image_aliases
from emulator.domain.image_alias import find_aliases
from emulator.domain.image_name import ImageName

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
DLC = "763104351884.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("image", "stand_in"),
    [
        (XGBOOST, "sagemaker-emulator-samples/xgboost:latest"),
        (f"{DLC}/pytorch-training:2.8.0-cpu-py312", "sagemaker-emulator-samples/script_mode:latest"),
        (f"{DLC}/tensorflow-training:2.19.0-cpu-py312", "sagemaker-emulator-samples/script_mode:latest"),
        (
            "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
            "sagemaker-emulator-samples/script_mode:latest",
        ),
    ],
)
def test_shipped_aliases_count_only_where_their_image_is(image: str, stand_in: str) -> None:
    (alias,) = find_aliases(ImageName.parse(image), read_image_aliases(None))
    assert (alias.image, alias.may_be_pulled) == (stand_in, False)


def test_own_images_have_no_shipped_alias() -> None:
    own = ImageName.parse("123456789012.dkr.ecr.us-east-1.amazonaws.com/my-algorithm:1")
    assert list(find_aliases(own, read_image_aliases(None))) == []


def test_users_aliases_come_first(tmp_path: Path) -> None:
    file = tmp_path / "aliases.yaml"
    file.write_text('"sagemaker-xgboost:1.7*": mine/xgboost:1\n')
    first, second = find_aliases(ImageName.parse(XGBOOST), read_image_aliases(file))
    assert (first.image, first.may_be_pulled) == ("mine/xgboost:1", True)
    assert second.image == "sagemaker-emulator-samples/xgboost:latest"


def test_empty_file_is_one_without_aliases() -> None:
    assert parse_image_aliases("# nothing yet\n") == ()


@pytest.mark.parametrize("text", ["- a: b", "a: {b: c}", "a: 1", "1.7: a", "a: ''", "a: [", "just text"])
def test_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "aliases.yaml"
    file.write_text(text)
    with pytest.raises(RuntimeError, match=r"IMAGE_ALIASES: .*aliases\.yaml cannot be used"):
        read_image_aliases(file)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"no\.yaml"):
        read_image_aliases(tmp_path / "no.yaml")
