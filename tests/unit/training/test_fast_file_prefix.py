import pytest

from emulator.domain.failure_reason import JobFailure
from emulator.domain.s3_object import S3Object
from emulator.training.fast_file_prefix import refuse_partial_prefix


def objects(*keys: str) -> list[S3Object]:
    return [S3Object("b", key, 1, "e") for key in keys]


@pytest.mark.parametrize(
    ("prefix", "keys"),
    [
        ("", ["a", "b/c"]),
        ("a/train/", ["a/train/x", "a/train/"]),
        ("a/train", ["a/train/x", "a/train/y/z", "a/train/"]),
        ("a/train.csv", ["a/train.csv"]),
        ("a/train", []),
    ],
)
def test_whole_folders_and_whole_objects_are_taken(prefix: str, keys: list[str]) -> None:
    refuse_partial_prefix(prefix, objects(*keys))


def test_a_partial_folder_is_refused_in_the_words_of_a_real_job() -> None:
    with pytest.raises(JobFailure) as failure:
        refuse_partial_prefix("a/train", objects("a/train-baseline/x.csv", "a/train-more/x", "a/train/x.csv"))
    assert failure.value.reason == (
        "ClientError: ClientError: Data download failed:Failed to download data. For FastFile mode, partial S3 "
        "prefix is not supported. S3 prefix has to end with a full file or folder. Add a trailing '/' to the S3 "
        "prefix if it ends with a folder name that is also a prefix for other folders. Current S3 prefix: "
        "[a/train], found S3 object: [a/train-baseline/x.csv]."
    )


@pytest.mark.parametrize(
    ("prefix", "key"), [("a/tr", "a/train.csv"), ("a/train.csv", "a/train.csv.gz"), ("t", "train/x")]
)
def test_a_part_of_a_name_is_refused(prefix: str, key: str) -> None:
    with pytest.raises(JobFailure, match=r"found S3 object: \["):
        refuse_partial_prefix(prefix, objects(key))
