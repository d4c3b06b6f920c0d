import re
from pathlib import Path

import pytest

from emulator.data_dir import DataDir


def test_data_dir_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path / "a" / "b")

    assert data_dir.path == (tmp_path / "a" / "b").resolve()
    assert data_dir.path.stat().st_mode & 0o777 == 0o700
    data_dir.close()


def test_data_dir_refuses_a_second_emulator_and_says_what_to_do(tmp_path: Path) -> None:
    first = DataDir(tmp_path)

    with pytest.raises(RuntimeError) as refusal:
        DataDir(tmp_path)

    assert str(refusal.value) == (
        f"Another emulator uses the data directory {tmp_path.resolve()}; stop it, or choose one with --data-dir."
    )
    first.close()


def test_data_dir_is_free_again_once_it_is_closed(tmp_path: Path) -> None:
    DataDir(tmp_path).close()

    DataDir(tmp_path).close()


def test_data_dir_is_one_by_whatever_path(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    first = DataDir(tmp_path / "real")

    with pytest.raises(RuntimeError, match=re.escape(str(tmp_path / "real"))):
        DataDir(tmp_path / "link")

    first.close()


def test_installation_outlives_the_process(tmp_path: Path) -> None:
    first = DataDir(tmp_path)
    installation = first.installation
    first.close()
    second = DataDir(tmp_path)

    assert re.fullmatch(r"[0-9a-f]{16}", installation)
    assert second.installation == second.installation == installation
    second.close()


def test_installation_differs_from_directory_to_directory(tmp_path: Path) -> None:
    dirs = [DataDir(tmp_path / name) for name in "ab"]

    assert dirs[0].installation != dirs[1].installation
    for data_dir in dirs:
        data_dir.close()


def test_installation_is_never_half_written(tmp_path: Path) -> None:
    (tmp_path / "installation.partial").write_text("ab")
    data_dir = DataDir(tmp_path)

    assert len(data_dir.installation) == 16
    assert not (tmp_path / "installation.partial").exists()
    data_dir.close()
