import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from emulator.domain.cluster import FileState
from emulator.training.spooled_files import read_slice, spool

Members = list[tuple[tarfile.TarInfo, bytes]]


def member(name: str, data: bytes = b"", mtime: int = 7, **facts: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), mtime
    for fact, value in facts.items():
        setattr(info, fact, value)
    return info, data


def packed(members: Members) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


class Directory:
    """Streams by path, and what was asked for."""

    def __init__(self, **streams: bytes) -> None:
        self.streams = streams
        self.asked: list[str] = []

    @contextmanager
    def __call__(self, path: str) -> Iterator[Iterator[bytes] | None]:
        self.asked.append(path)
        data = self.streams.get(path)
        yield None if data is None else iter([data[n : n + 999] for n in range(0, len(data), 999)])


def taken(directory: Directory, wanted: dict[str, FileState], path: Path) -> dict[str, bytes]:
    with path.open("w+b") as file:
        slices = spool(directory, wanted, file)
        return {name: b"".join(read_slice(file, part)) for name, part in slices.items()}


def test_several_files_come_from_one_stream(tmp_path: Path) -> None:
    big = bytes(range(256)) * 10_000
    whole = packed(
        [member("./a", b"1"), member("./sub/ü b", big), member("./other", b"no"), member("./empty")]
    )
    directory = Directory(**{".": whole})
    wanted = {"a": FileState(1, 7), "sub/ü b": FileState(len(big), 7), "empty": FileState(0, 7)}
    assert taken(directory, wanted, tmp_path / "spool") == {"a": b"1", "sub/ü b": big, "empty": b""}
    assert directory.asked == ["."]


def test_one_file_is_asked_for_by_its_path(tmp_path: Path) -> None:
    directory = Directory(**{"sub/a": packed([member("a", b"1")])})
    assert taken(directory, {"sub/a": FileState(1, 7)}, tmp_path / "spool") == {"sub/a": b"1"}
    assert directory.asked == ["sub/a"]


def test_a_hard_link_is_read_by_its_own_path(tmp_path: Path) -> None:
    link = member("./b", type=tarfile.LNKTYPE, linkname="./a")
    directory = Directory(**{".": packed([member("./a", b"1"), link]), "b": packed([member("b", b"1")])})
    wanted = {"a": FileState(1, 7), "b": FileState(1, 7)}
    assert taken(directory, wanted, tmp_path / "spool") == {"a": b"1", "b": b"1"}


@pytest.mark.parametrize(
    "stream",
    [
        packed([member("a", b"2", mtime=8)]),
        packed([member("a", b"22")]),
        packed([member("a", type=tarfile.SYMTYPE, linkname="/etc/passwd")]),
        packed([member("a", b"x" * 5000)])[:2000],
        None,
    ],
    ids=["younger", "longer", "link", "cut off", "gone"],
)
def test_what_changed_meanwhile_is_left_out(tmp_path: Path, stream: bytes | None) -> None:
    directory = Directory(**({} if stream is None else {"a": stream}))
    for state in (FileState(1, 7), FileState(5000, 7)):
        assert taken(directory, {"a": state}, tmp_path / "spool") == {}


def test_holes_stay_holes(tmp_path: Path) -> None:
    data = b"first" + bytes(64 * 2**20) + b"last"
    directory = Directory(a=packed([member("a", data)]), b=packed([member("b", bytes(5 * 2**20))]))
    with (tmp_path / "spool").open("w+b") as file:
        for name, content in (("a", data), ("b", bytes(5 * 2**20))):
            slices = spool(directory, {name: FileState(len(content), 7)}, file)
            assert b"".join(read_slice(file, slices[name])) == content
        assert os.fstat(file.fileno()).st_blocks * 512 < 8 * 2**20
