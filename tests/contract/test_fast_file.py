"""FastFile mounts on the real kernel, read by this process, by other processes and by containers."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from errno import EIO, ENOTCONN
from pathlib import Path, PurePosixPath

import docker
import pytest
from docker.errors import DockerException
from docker.types import Mount

from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_object import S3Object
from emulator.fast_file import FastFileError, FastFileMount, remove_dead_mounts
from emulator.fast_file.mount_table import KIND, read_mount_table
from tests.support.fuse import require_fuse
from tests.support.images import base_image, cannot_run

MIB = 2**20
BIG = random.Random(1).randbytes(20 * MIB + 12_345)
DATA = {
    "big.bin": BIG,
    "a/b/c/deep.txt": b"deep\n",
    "a/empty": b"",
    "ünï cødé/日本 語\n\t\\.txt": "é".encode(),
}

MakeMount = Callable[..., FastFileMount]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "work dir" / "train"
    require_fuse(path)
    return path


@pytest.fixture
def made(directory: Path) -> Iterator[MakeMount]:
    """`made(DATA)` is a mount at `directory`; `read` may replace where its bytes come from."""
    mounts: list[FastFileMount] = []

    def make(
        data: dict[str, bytes], read: Callable[[S3Object, int, int], bytes] | None = None
    ) -> FastFileMount:
        files = {
            PurePosixPath(path): S3Object("b", path, len(content), "e") for path, content in data.items()
        }
        take = read or (lambda source, offset, length: data[source.key][offset : offset + length])
        mounts.append(FastFileMount(directory, files, take))
        mounts[-1].mount()
        return mounts[-1]

    yield make
    for mount in mounts:
        mount.close()
    assert not [point for point in read_mount_table() if point.path.is_relative_to(directory)]


def test_a_mount_shows_the_files_and_their_bytes(directory: Path, made: MakeMount) -> None:
    made(DATA)
    found = {
        str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }
    assert found == DATA
    assert sorted(os.listdir(directory)) == sorted({path.split("/")[0] for path in DATA})
    assert not (directory / "a" / "missing").exists()


def test_files_are_roots_and_cannot_be_changed(directory: Path, made: MakeMount) -> None:
    made(DATA)
    file, folder = (directory / "big.bin").stat(), (directory / "a").stat()
    assert (file.st_mode, file.st_uid, file.st_gid, file.st_size) == (0o100644, 0, 0, len(BIG))
    assert (folder.st_mode, folder.st_uid, folder.st_gid) == (0o040755, 0, 0)
    for change in (
        (directory / "new").touch,
        lambda: (directory / "big.bin").write_bytes(b""),
        (directory / "a" / "empty").unlink,
        lambda: (directory / "a").chmod(0o777),
    ):
        with pytest.raises(OSError, match="Read-only file system"):
            change()


def test_a_look_at_a_few_bytes_fetches_few(directory: Path, made: MakeMount) -> None:
    mount = made(DATA)
    assert sum(path.stat().st_size for path in directory.rglob("*")) > len(BIG)
    assert mount.bytes_read == 0
    with (directory / "big.bin").open("rb") as file:
        assert file.read(10) == BIG[:10]
        file.seek(-10, os.SEEK_END)
        assert file.read() == BIG[-10:]
    assert 0 < mount.bytes_read <= 4 * MIB < len(BIG)


def test_reading_through_asks_s3_seldom(directory: Path, made: MakeMount) -> None:
    asked: list[int] = []

    def read(_source: S3Object, offset: int, length: int) -> bytes:
        asked.append(length)
        return BIG[offset : offset + length]

    mount = made({"big.bin": BIG}, read)
    assert (directory / "big.bin").read_bytes() == BIG
    assert len(asked) <= 10
    assert mount.bytes_read == sum(asked) == len(BIG)


def test_several_threads_read_at_random(directory: Path, made: MakeMount) -> None:
    made(DATA)

    def read_some(seed: int) -> None:
        choose = random.Random(seed)
        with (directory / "big.bin").open("rb", buffering=0) as file:
            for _ in range(60):
                offset, size = choose.randrange(len(BIG)), choose.randrange(200_000)
                assert os.pread(file.fileno(), size, offset) == BIG[offset : offset + size]

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(read_some, range(12)))


def test_ten_thousand_files_are_listed(directory: Path, made: MakeMount) -> None:
    mount = made({f"part={number % 7}/{number:05}.csv": b"1,2\n" for number in range(10_000)})
    found = [entry for folder in os.scandir(directory) for entry in os.scandir(folder.path)]
    assert len(found) == 10_000
    assert sum(entry.stat().st_size for entry in found) == 40_000
    assert mount.bytes_read == 0


def test_an_empty_channel_is_an_empty_directory(directory: Path, made: MakeMount) -> None:
    made({})
    assert os.listdir(directory) == []


def test_a_fault_of_s3_is_an_error_of_the_read_and_is_told(directory: Path, made: MakeMount) -> None:
    is_gone = True

    def read(source: S3Object, offset: int, length: int) -> bytes:
        if is_gone:
            raise S3Fault("NoSuchKey", "The specified key does not exist.")
        return DATA[source.key][offset : offset + length]

    mount = made(DATA, read)
    assert mount.fault is None
    with pytest.raises(OSError, match="Input/output error") as error:
        (directory / "a/b/c/deep.txt").read_bytes()
    assert error.value.errno == EIO
    assert mount.fault == "s3://b/a/b/c/deep.txt: NoSuchKey: The specified key does not exist."
    is_gone = False
    assert (directory / "big.bin").read_bytes() == BIG


def test_close_takes_the_mount_from_those_who_use_it(directory: Path, made: MakeMount) -> None:
    mount = made(DATA)
    file = os.open(directory / "big.bin", os.O_RDONLY)
    assert os.read(file, 1) == BIG[:1]
    mount.close()
    assert os.listdir(directory) == []
    with pytest.raises(OSError, match=r"not connected|abort"):
        os.pread(file, MIB, 10 * MIB)
    with pytest.raises(OSError, match="not connected"):
        os.close(file)
    mount.close()
    again = made(DATA)
    assert (directory / "a/b/c/deep.txt").read_bytes() == b"deep\n"
    again.close()
    shutil.rmtree(directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may end a connection that a forked process holds")
def test_close_does_so_while_a_forked_process_lives(directory: Path, made: MakeMount) -> None:
    mount = made(DATA)
    file = os.open(directory / "big.bin", os.O_RDONLY)
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        mount.close()
        with pytest.raises(OSError, match=r"not connected|abort"):
            os.pread(file, MIB, 10 * MIB)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with pytest.raises(OSError, match="not connected"):
            os.close(file)


def test_close_frees_a_reader_that_waits_for_s3(directory: Path, made: MakeMount) -> None:
    is_asked, may_answer = threading.Event(), threading.Event()

    def read(_source: S3Object, offset: int, length: int) -> bytes:
        is_asked.set()
        may_answer.wait()
        return BIG[offset : offset + length]

    mount = made(DATA, read)
    reader = subprocess.Popen(
        ["cat", directory / "big.bin"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert is_asked.wait(30)
    mount.close()
    _, said = reader.communicate(timeout=30)
    may_answer.set()
    assert reader.returncode == 1, said


def wait_for_closed_mounts() -> None:
    for thread in threading.enumerate():
        if thread.name == KIND:
            thread.join(30)


def test_mounts_leave_nothing_of_themselves_in_the_process(directory: Path, made: MakeMount) -> None:
    def handlers() -> str:
        status = Path("/proc/self/status").read_text()
        return next(line for line in status.splitlines() if line.startswith("SigCgt"))

    def descriptors() -> set[str]:
        """What they lead to, the directory that is being listed left out."""
        links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
        return {os.readlink(link) for link in links if os.path.lexists(link)}

    wait_for_closed_mounts()
    before, descriptors_before, threads_before = (
        (os.getcwd(), handlers()),
        descriptors(),
        set(threading.enumerate()),
    )
    for _ in range(5):
        mount = made(DATA)
        (directory / "a/b/c/deep.txt").read_bytes()
        assert (os.getcwd(), handlers()) == before
        mount.close()
    wait_for_closed_mounts()
    assert (os.getcwd(), handlers()) == before
    # What other tests left in this process may go meanwhile.
    assert descriptors() - descriptors_before == set()
    assert set(threading.enumerate()) - threads_before == set()


def test_a_mount_that_cannot_be_made_says_why(directory: Path) -> None:
    directory.parent.mkdir(parents=True)
    directory.touch()
    with pytest.raises(FastFileError, match="can't be made"):
        FastFileMount(directory, {}, lambda *_: b"").mount()


DYING = f"""
import sys, time
from pathlib import Path, PurePosixPath
from emulator.domain.s3_object import S3Object
from emulator.fast_file import FastFileMount
for name in ("one", "two words"):
    files = {{PurePosixPath("x"): S3Object("b", "x", 3, "e")}}
    FastFileMount(Path(sys.argv[1]) / name, files, lambda *_: b"abc").mount()
print("{KIND}", flush=True)
time.sleep(1000)
"""


def test_mounts_of_a_killed_process_are_removed(directory: Path) -> None:
    command = [sys.executable, "-c", DYING, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{KIND}\n"
        assert (directory / "two words" / "x").read_bytes() == b"abc"
        process.send_signal(signal.SIGKILL)
        process.wait()
    with pytest.raises(OSError, match="not connected") as error:
        os.listdir(directory / "one")
    assert error.value.errno == ENOTCONN
    other = directory / "nothing"
    assert remove_dead_mounts(other) == []
    assert remove_dead_mounts(directory.parent) == [directory / "two words", directory / "one"]
    assert remove_dead_mounts(directory.parent) == []
    assert os.listdir(directory / "one") == []
    shutil.rmtree(directory)


IN_CONTAINER = """
import os, sys
root = sys.argv[1]
assert sorted(os.listdir(root)) == ["a", "big.bin", "ünï cødé"], os.listdir(root)
with open(root + "/big.bin", "rb") as file:
    file.seek(15_000_000)
    print(file.read(8).hex())
"""


@pytest.mark.docker
@pytest.mark.parametrize("user", ["root", "1234:1234"])
def test_a_container_reads_a_mount(directory: Path, made: MakeMount, user: str) -> None:
    try:
        engine = docker.from_env()
        engine.ping()
    except DockerException as error:
        cannot_run(f"no Docker Engine answers: {error}")
    mount = made(DATA)
    target = "/opt/ml/input/data/train"
    container = engine.containers.create(
        base_image(engine),
        ["python3", "-c", IN_CONTAINER, target],
        mounts=[Mount(target, str(directory), type="bind", read_only=True)],
        environment={"PYTHONUTF8": "1"},
        user=user,
        network_mode="none",
    )
    try:
        container.start()
        code, output = container.wait()["StatusCode"], container.logs()
    finally:
        container.remove(force=True, v=True)
        engine.close()
    assert code == 0, output
    assert output.decode().strip() == BIG[15_000_000:15_000_008].hex()
    assert 0 < mount.bytes_read <= 2 * MIB
