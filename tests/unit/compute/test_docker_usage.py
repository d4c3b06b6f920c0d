"""Usage of a container, from the Engine's raw numbers."""

import os
from pathlib import Path

import pytest

from emulator.compute.docker_usage import _directory_bytes, memory_in_use, nanoseconds


@pytest.mark.parametrize(
    ("stats", "used"),
    [
        ({"usage": 100, "stats": {"total_inactive_file": 30, "inactive_file": 1}}, 70),
        ({"usage": 100, "stats": {"inactive_file": 40}}, 60),
        ({"usage": 10, "stats": {"inactive_file": 40}}, 0),
        ({}, 0),
    ],
)
def test_memory_without_page_cache(stats: dict[str, object], used: int) -> None:
    assert memory_in_use(stats) == used


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01.000000002Z", 10**9 + 2),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T00:00:01Z", 10**9),
    ],
)
def test_times_of_the_engine(text: str, expected: int) -> None:
    assert nanoseconds(text) == expected
    assert nanoseconds("0001-01-01T00:00:00Z") < 0


def test_directory_counts_files_once_and_follows_no_links(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"x" * 2**20)
    os.link(tmp_path / "a" / "b" / "file", tmp_path / "a" / "same")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert 2**20 <= _directory_bytes(str(tmp_path / "a")) < 2**20 + 2**16
    assert _directory_bytes(str(tmp_path / "missing")) == 0
