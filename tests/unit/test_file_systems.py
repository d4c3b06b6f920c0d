from pathlib import Path

import pytest

from emulator.domain.channel import FileSystemDataSource
from emulator.file_systems import find_directory

NAME = "fs-0123456789"


def a_source(path: str, name: str = NAME) -> FileSystemDataSource:
    return FileSystemDataSource(
        file_system_id=name, file_system_type="EFS", file_system_access_mode="ro", directory_path=path
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A file system with something outside of it, and links of every kind."""
    root = tmp_path / "root"
    (root / "data" / "ä b").mkdir(parents=True)
    (root / "file").write_text("x")
    (root / "inside").symlink_to(root / "data")
    (root / "circle").symlink_to(root / "circle")
    (root / "relative-escape").symlink_to("../outside")
    (root / "escape").symlink_to(tmp_path / "outside")
    (tmp_path / "outside" / "secret").mkdir(parents=True)
    (tmp_path / "root-2").mkdir()
    (root / "sibling").symlink_to(tmp_path / "root-2")
    return root


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", ""),
        ("/", ""),
        ("//", ""),
        ("/data", "data"),
        ("data/", "data"),
        ("//data//ä b", "data/ä b"),
        ("/./data", "data"),
        ("/inside/ä b", "data/ä b"),
    ],
)
def test_find_directory_lies_below_the_configured_one(root: Path, path: str, found: str) -> None:
    assert find_directory(a_source(path), {NAME: root}) == root / found


def test_find_directory_takes_a_configured_link(root: Path) -> None:
    link = root.with_name("link")
    link.symlink_to(root)

    assert find_directory(a_source("/data"), {NAME: link}) == root / "data"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/..", "leave out '..'"),
        ("/data/../../outside", "leave out '..'"),
        ("/data/../data", "leave out '..'"),
        ("/a\0b", "is not the full path to a directory"),
        ("/escape", "leads out of the file system fs-0123456789"),
        ("/escape/secret", "leads out of the file system fs-0123456789"),
        ("/relative-escape", "leads out of the file system fs-0123456789"),
        ("/sibling", "leads out of the file system fs-0123456789"),
        ("/circle", "has no directory '/circle'"),
        ("/missing", "has no directory '/missing'"),
        ("/file/below", "has no directory '/file/below'"),
        ("/" + "x" * 4_000, "has no directory '/xxx"),
        ("/file", "is not a directory"),
    ],
)
def test_find_directory_refuses_what_is_not_in_it(root: Path, path: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as refusal:
        find_directory(a_source(path), {NAME: root})

    assert reason in str(refusal.value)
    assert str(root) not in str(refusal.value)
    assert len(str(refusal.value)) < 200


def test_find_directory_refuses_a_configured_directory_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no directory '/'"):
        find_directory(a_source("/"), {NAME: tmp_path / "gone"})


def test_find_directory_says_how_to_configure_a_file_system(root: Path) -> None:
    with pytest.raises(
        ValueError, match=r"fs-9 is not configured; .* SAGEMAKER_EMULATOR_FILE_SYSTEMS=fs-9=/a/directory"
    ):
        find_directory(a_source("/", name="fs-9"), {NAME: root})
