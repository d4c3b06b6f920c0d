from pathlib import PurePosixPath

import pytest

from emulator.domain.s3_object import S3Object
from emulator.fast_file.file_tree import FileTree


def tree(*paths: str) -> FileTree:
    return FileTree({PurePosixPath(path): S3Object("b", path, 1, "e") for path in paths})


def test_file_tree_makes_the_folders_of_its_files() -> None:
    made = tree("b.csv", "a/x/1", "a/2", "é ü/z")
    assert made.find(b"/") == {b"b.csv": False, b"a": True, "é ü".encode(): True}
    assert made.find(b"/a") == {b"x": True, b"2": False}
    assert made.find(b"/a/x/1") == S3Object("b", "a/x/1", 1, "e")
    assert made.find("/é ü/z".encode()) == S3Object("b", "é ü/z", 1, "e")
    assert made.find(b"/a/x/2") is None


def test_file_tree_without_files_is_an_empty_folder() -> None:
    assert tree().find(b"/") == {}


@pytest.mark.parametrize("paths", [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a/b")])
def test_file_tree_refuses_a_file_that_is_a_folder(paths: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="is a file and a folder"):
        tree(*paths)
