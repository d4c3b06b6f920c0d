import random
from pathlib import PurePosixPath

import pytest

from emulator.domain.object_path import object_path

# Each is a listing of a real job.
REAL = [
    ("tests/task/Task1/input/test", "tests/task/Task1/input", "test"),
    ("jparacrawl/training/en-ja/train.en", "jparacrawl/training", "en-ja/train.en"),
    ("converts/00c7b0fe-1a.zip", "converts/00c7b0fe-1a", "00c7b0fe-1a.zip"),
    ("in/train.csv", "in/train.csv", "train.csv"),
]


@pytest.mark.parametrize(("key", "prefix", "path"), REAL)
def test_object_path_is_that_of_real_jobs(key: str, prefix: str, path: str) -> None:
    assert object_path(key, prefix) == PurePosixPath(path)


@pytest.mark.parametrize(
    ("key", "prefix", "path"),
    [
        # the whole bucket
        ("a/b", "", "a/b"),
        ("a", "", "a"),
        # a folder, with and without its slash
        ("data/a/b.csv", "data/", "a/b.csv"),
        ("data/a/b.csv", "data", "a/b.csv"),
        ("data/a/b.csv", "data/a", "b.csv"),
        ("data/data/x", "data", "data/x"),
        # a part of a name keeps the whole name
        ("train-2/x", "train", "train-2/x"),
        ("data/train-2/x", "data/train", "train-2/x"),
        ("data/train.csv", "data/tr", "train.csv"),
        ("data/train.csv", "d", "data/train.csv"),
        # a complete key
        ("train.csv", "train.csv", "train.csv"),
        # empty segments
        ("/a", "", "a"),
        ("//a", "", "a"),
        ("data//a", "data", "a"),
        ("data//a", "data/", "a"),
        ("data/a//b", "data/", "a/b"),
        # names that only look like a way out
        ("data/...", "data/", "..."),
        ("data/..a/.b", "data/", "..a/.b"),
        ("data/a b\n\té\\", "data/", "a b\n\té\\"),
        ("data/" + "x" * 255, "data/", "x" * 255),
        ("data/C:", "data/", "C:"),
    ],
)
def test_object_path_takes_off_the_folder_of_the_prefix(key: str, prefix: str, path: str) -> None:
    assert object_path(key, prefix) == PurePosixPath(path)


@pytest.mark.parametrize(
    ("key", "prefix"), [("data/", "data"), ("data/", "data/"), ("a/b/", ""), ("/", ""), ("../", "")]
)
def test_object_path_of_a_folder_marker_is_none(key: str, prefix: str) -> None:
    assert object_path(key, prefix) is None


@pytest.mark.parametrize(
    ("key", "prefix"),
    [
        ("..", ""),
        ("../../etc/passwd", ""),
        ("data/../x", "data"),
        ("data/../x", "data/"),
        ("data/a/../../../x", "data/"),
        ("data/..", "data/."),
        ("data/..", "data/.."),
        ("data/./x", "data/"),
        ("data/.", "data/"),
        ("data/a/..", "data/"),
        ("data//../x", "data"),
        ("data/a\0b", "data/"),
    ],
)
def test_object_path_refuses_a_way_out(key: str, prefix: str) -> None:
    with pytest.raises(ValueError, match="would leave the channel's directory"):
        object_path(key, prefix)


@pytest.mark.parametrize("name", ["x" * 256, "é" * 128])
def test_object_path_refuses_names_that_no_file_system_holds(name: str) -> None:
    with pytest.raises(ValueError, match="more than 255 bytes"):
        object_path(f"data/{name}/y", "data/")


def test_object_path_is_always_below_the_directory() -> None:
    random_source = random.Random(1)
    for _ in range(3_000):
        key = "".join(random_source.choices("./ab", k=random_source.randint(1, 9)))
        prefix = key[: random_source.randint(0, len(key))]
        try:
            path = object_path(key, prefix)
        except ValueError:
            assert {".", ".."} & set(key.split("/"))
            continue
        if path is None:
            assert key.endswith("/")
        else:
            assert path.parts
            assert not path.is_absolute()
            assert not {".", ".."} & set(path.parts)
            assert path.name == key.rsplit("/", 1)[-1]
