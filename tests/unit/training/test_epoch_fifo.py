import os
import stat
from pathlib import Path

import pytest

from emulator.training.epoch_fifo import BEGUN, WAITING, EpochFifos


def modes(directory: Path) -> dict[str, int]:
    found = {path.name: path.lstat().st_mode for path in directory.iterdir()}
    assert all(stat.S_ISFIFO(mode) for mode in found.values())
    return {name: stat.S_IMODE(mode) for name, mode in found.items()}


def read_end(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def test_the_first_fifo_is_there_for_everybody_to_read_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        fifos = EpochFifos(tmp_path, "größe.x-1")
    finally:
        os.umask(old)

    assert modes(tmp_path) == {"größe.x-1_0": WAITING}
    assert (fifos.epoch, fifos.is_begun) == (0, False)


def test_nothing_is_open_before_a_reader_comes(tmp_path: Path) -> None:
    fifos = EpochFifos(tmp_path, "train")
    assert fifos.open() is None

    reader = read_end(fifos.path(0))
    writer = fifos.open()

    assert writer is not None
    assert modes(tmp_path) == {"train_0": BEGUN}
    os.write(writer, b"data")
    assert os.read(reader, 10) == b"data"
    os.close(writer)
    os.close(reader)


def test_the_next_fifo_takes_the_place_of_the_last(tmp_path: Path) -> None:
    fifos = EpochFifos(tmp_path, "train")
    fifos.advance()
    assert modes(tmp_path) == {"train_1": WAITING}
    fifos.path(1).unlink()
    assert fifos.open() is None
    fifos.advance()
    assert modes(tmp_path) == {"train_2": WAITING}


@pytest.mark.parametrize(
    ("left", "epoch", "is_begun", "kept"),
    [
        ({"train_4": WAITING}, 4, False, "train_4"),
        ({"train_4": BEGUN}, 4, True, "train_4"),
        ({"train_9": BEGUN, "train_10": WAITING}, 10, False, "train_10"),
        ({"train_0": 0o600}, 0, False, "train_0"),
    ],
)
def test_what_another_feed_left_is_taken_up(
    tmp_path: Path, left: dict[str, int], epoch: int, is_begun: bool, kept: str
) -> None:
    others = ["train_x", "train_01", "train_1_0", "trains_7", "validation_3", "train_²"]
    for name, mode in {**left, **dict.fromkeys(others, WAITING)}.items():
        os.mkfifo(tmp_path / name)
        (tmp_path / name).chmod(mode)

    fifos = EpochFifos(tmp_path, "train")

    assert (fifos.epoch, fifos.is_begun) == (epoch, is_begun)
    assert set(modes(tmp_path)) == {kept, *others}


def test_nothing_but_a_fifo_is_written_to(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("untouched")
    (tmp_path / "data").mkdir()
    fifos = EpochFifos(tmp_path / "data", "train")
    for replace in (fifos.path(0).symlink_to, fifos.path(0).hardlink_to):
        fifos.path(0).unlink()
        replace(secret)
        with pytest.raises(OSError, match=r"train_0"):
            fifos.open()
    os.mkfifo(tmp_path / "elsewhere")
    elsewhere = read_end(tmp_path / "elsewhere")
    fifos.path(0).unlink()
    fifos.path(0).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"train_0"):
        fifos.open()
    os.close(elsewhere)
    fifos.path(1).symlink_to(secret)
    with pytest.raises(FileExistsError):
        fifos.advance()
    assert secret.read_text() == "untouched"
    assert stat.S_IMODE(secret.stat().st_mode) & 0o222 != 0


def test_a_directory_in_the_first_fifos_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "train_0").mkdir()
    with pytest.raises(FileExistsError):
        EpochFifos(tmp_path, "train")
