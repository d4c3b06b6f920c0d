import io
import os
import tarfile
from collections.abc import Iterable
from pathlib import Path

from emulator.compute.docker_archive import CHUNK, pack_files, stream_trees


def members(data: Iterable[bytes]) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(data))) as tar:
        return {
            info.name: (info, tar.extractfile(info).read() if info.isreg() else b"")  # type: ignore[union-attr]
            for info in tar
        }


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_pack_files_has_root_s_directories_and_files() -> None:
    files = {"/opt/ml/input/config/a.json": '{"é":1}', "/x": ""}

    packed = members([pack_files(["/opt/ml/model", "/opt/ml/input/config"], files)])

    assert list(packed) == ["opt/ml/model", "opt/ml/input/config", "opt/ml/input/config/a.json", "x"]
    assert {name: (info.isdir(), info.mode) for name, (info, _) in packed.items()} == {
        "opt/ml/model": (True, 0o755),
        "opt/ml/input/config": (True, 0o755),
        "opt/ml/input/config/a.json": (False, 0o644),
        "x": (False, 0o644),
    }
    assert packed["opt/ml/input/config/a.json"][1] == '{"é":1}'.encode()
    assert {(info.uid, info.gid) for info, _ in packed.values()} == {(0, 0)}


def test_pack_files_of_nothing_is_an_empty_tar() -> None:
    assert members([pack_files([], {})]) == {}


def test_stream_trees_merges_layers_with_any_names(tmp_path: Path) -> None:
    long = "/".join(["deep" * 20] * 5)
    names = ["data/a/1.csv", "data/a/é☃", f"data/{long}/x", "data/a/" + "n" * 200]
    for name in names:
        write(tmp_path / "one" / name, name.encode())
    write(tmp_path / "two" / "data/b/2", b"")
    write(tmp_path / "two" / os.fsdecode(b"data/b/\xff"), b"not utf-8")

    found = members(stream_trees([tmp_path / "one", tmp_path / "two"]))

    files = {name: content for name, (info, content) in found.items() if info.isreg()}
    assert files == {
        **{name: name.encode() for name in names},
        "data/b/2": b"",
        os.fsdecode(b"data/b/\xff"): b"not utf-8",
    }
    assert {info.mode for info, _ in found.values() if info.isreg()} == {0o644}
    assert {info.mode for info, _ in found.values() if info.isdir()} == {0o755}
    assert {(info.uid, info.gid) for info, _ in found.values()} == {(0, 0)}


def test_stream_trees_has_directories_before_what_is_in_them(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b" / "c", b"")
    (tmp_path / "empty").mkdir()

    assert list(members(stream_trees([tmp_path]))) == ["a", "a/b", "a/b/c", "empty"]


def test_stream_trees_puts_everything_below_the_target(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").touch()
    assert list(members(stream_trees([tmp_path], "/opt/data"))) == ["opt/data/a", "opt/data/a/b"]


def test_stream_trees_holds_no_whole_file(tmp_path: Path) -> None:
    write(tmp_path / "large", b"x" * (3 * CHUNK + 1))

    chunks = list(stream_trees([tmp_path]))

    assert max(map(len, chunks)) <= CHUNK
    assert len(b"".join(chunks)) % tarfile.BLOCKSIZE == 0
    assert members(chunks)["large"][1] == b"x" * (3 * CHUNK + 1)


def test_stream_trees_of_nothing_is_an_empty_tar() -> None:
    assert members(stream_trees([])) == {}
