import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO

import pytest

from emulator.domain.failure_reason import JobFailure
from emulator.domain.s3_fault import S3Fault
from emulator.training.model_artifacts import (
    Archive,
    merged_members,
    relative_member,
    upload_archive,
)

Entry = bytes | tuple[bytes, str]
"""A file's content, or (type, link target) of something else."""

DIRECTORY = (tarfile.DIRTYPE, "")
FIFO = (tarfile.FIFOTYPE, "")
ROOM = 2**30
"""Bytes of a host's volume."""


def symlink(target: str) -> Entry:
    return (tarfile.SYMTYPE, target)


def hard_link(target: str) -> Entry:
    return (tarfile.LNKTYPE, target)


def pack(entries: Mapping[str, Entry], root: str = "./", **options: Any) -> bytes:
    """A tar as the Engine streams `directory/.`: every name begins with `./`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", **options) as tar:
        top = tarfile.TarInfo(root)
        top.type = tarfile.DIRTYPE
        tar.addfile(top)
        for name, entry in entries.items():
            info = tarfile.TarInfo(f"./{name}")
            content = entry if isinstance(entry, bytes) else b""
            info.size = len(content)
            if not isinstance(entry, bytes):
                info.type, info.linkname = entry
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def archive_of(hosts: Mapping[str, bytes | None], chunk: int = 1_000) -> Archive:
    @contextmanager
    def open_archive(host: str) -> Iterator[Iterator[bytes] | None]:
        data = hosts[host]
        yield None if data is None else (data[n : n + chunk] for n in range(0, len(data), chunk))

    return open_archive


class RecordingWriter(AbstractContextManager[BinaryIO]):
    """An ObjectStore's writer: tells whether it was opened, and with which fault it was left."""

    def __init__(self, fault_at_end: Exception | None = None) -> None:
        self.data: bytes | None = None
        self.fault: BaseException | None = None
        self.opened = False
        self._buffer = io.BytesIO()
        self._fault_at_end = fault_at_end

    def __enter__(self) -> BinaryIO:
        self.opened = True
        return self._buffer

    def __exit__(self, kind: Any, fault: BaseException | None, trace: Any) -> None:
        self.fault = fault
        if fault is None:
            if self._fault_at_end is not None:
                raise self._fault_at_end
            self.data = self._buffer.getvalue()


def merge(**hosts: Mapping[str, Entry] | None) -> dict[str, tarfile.TarInfo | bytes]:
    """What model.tar.gz holds: content of files, TarInfo of the rest. `algo_1={...}` is a host's tree."""
    packed = {host.replace("_", "-"): None if tree is None else pack(tree) for host, tree in hosts.items()}
    writer = RecordingWriter()
    assert upload_archive(dict.fromkeys(packed, ROOM), archive_of(packed), writer)
    assert writer.data is not None
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(writer.data))) as tar:
        names = tar.getnames()
        assert len(names) == len(set(names))
        return {
            info.name: tar.extractfile(info).read() if info.isreg() else info  # type: ignore[union-attr]
            for info in tar
        }


def test_archive_has_names_relative_to_its_directory() -> None:
    assert merge(algo_1={"m.bin": b"x", "a": DIRECTORY, "a/b": b""}).keys() == {"m.bin", "a", "a/b"}


def test_archive_has_the_files_of_all_hosts() -> None:
    merged = merge(algo_1={"model": DIRECTORY, "model/algo-1": b"1"}, algo_2={"model/algo-2": b"2"})

    assert (merged["model/algo-1"], merged["model/algo-2"]) == (b"1", b"2")


def test_archive_takes_a_name_of_several_hosts_from_the_last_one() -> None:
    merged = merge(algo_1={"m": b"1", "a": b"1"}, algo_2={"m": b"2", "b": b"2"}, algo_10={"m": b"10"})

    assert merged == {"m": b"10", "a": b"1", "b": b"2"}


def test_archive_leaves_out_a_host_without_the_directory() -> None:
    assert merge(algo_1={"m": b"1"}, algo_2=None) == {"m": b"1"}


@pytest.mark.parametrize("winner", [b"a file", symlink("/etc")])
def test_archive_has_nothing_below_what_is_no_directory_on_the_last_host(winner: Entry) -> None:
    merged = merge(algo_1={"a": DIRECTORY, "a/b": b"1", "a/c/d": b"1", "ab": b"1"}, algo_2={"a": winner})

    assert merged.keys() == {"a", "ab"}


def test_archive_has_no_file_where_the_last_host_has_a_directory() -> None:
    merged = merge(algo_1={"a": b"1"}, algo_2={"a": DIRECTORY, "a/b": b"2"})

    assert merged.keys() == {"a", "a/b"}
    assert isinstance(merged["a"], tarfile.TarInfo)
    assert merged["a"].isdir()


def test_archive_keeps_symlinks_as_they_are() -> None:
    merged = merge(algo_1={"latest": symlink("./step-2"), "gone": symlink("/nowhere")})

    assert {name: info.linkname for name, info in merged.items()} == {  # type: ignore[union-attr]
        "latest": "./step-2",
        "gone": "/nowhere",
    }


def test_archive_keeps_hard_links_with_names_that_it_has() -> None:
    merged = merge(algo_1={"m": b"1", "n": hard_link("./m")})

    link = merged["n"]
    assert isinstance(link, tarfile.TarInfo)
    assert (link.islnk(), link.linkname) == (True, "m")


def test_archive_refuses_a_hard_link_to_what_another_host_overwrites() -> None:
    hosts = {"algo-1": pack({"m": b"1", "n": hard_link("./m")}), "algo-2": pack({"m": b"2"})}

    with pytest.raises(JobFailure, match="Artifact upload failed:'n' on algo-1 is a hard link to 'm'"):
        upload_archive(dict.fromkeys(hosts, ROOM), archive_of(hosts), RecordingWriter())


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, b"s"])
def test_archive_leaves_out_what_is_no_artifact(kind: bytes) -> None:
    assert merge(algo_1={"m": b"1", "special": (kind, ""), "n": b"2"}) == {"m": b"1", "n": b"2"}


def test_archive_keeps_mode_owner_and_time() -> None:
    info = tarfile.TarInfo("./run.sh")
    info.mode, info.uid, info.gid, info.mtime = 0o4755, 2_200_000, 7, 1_700_000_000
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(info)
    hosts = {"algo-1": buffer.getvalue()}

    (member,) = [found.info for found in merged_members({"algo-1": ROOM}, archive_of(hosts))]

    assert (member.mode, member.uid, member.gid, member.mtime) == (0o4755, 2_200_000, 7, 1_700_000_000)


@pytest.mark.parametrize(
    "name",
    [
        "x" * 99,
        "x" * 101,
        "/".join(["deep" * 20] * 20),
        "äöü/模型",
        "not-utf8-\udcff\udcfe",
        "space and\ttab\nline",
        "-rf",
        "x" * 300 + "\udcff",
    ],
)
def test_archive_keeps_any_name(name: str) -> None:
    assert merge(algo_1={name: b"content"}) == {name: b"content"}


@pytest.mark.parametrize("format_", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_archive_reads_every_tar_format(format_: int) -> None:
    hosts = {"algo-1": pack({"m": b"1" * 2_000, "d": DIRECTORY, "d/" + "n" * 90: b"2"}, format=format_)}
    writer = RecordingWriter()

    upload_archive({"algo-1": ROOM}, archive_of(hosts), writer)

    with tarfile.open(fileobj=io.BytesIO(writer.data or b"")) as tar:
        assert tar.getnames() == ["m", "d", "d/" + "n" * 90]


def gnu_sparse(name: str, hole: int, content: bytes) -> bytes:
    """A tar with one old GNU sparse file: `hole` zero bytes, then `content`."""
    info = tarfile.TarInfo(name)
    info.type, info.size = tarfile.GNUTYPE_SPARSE, len(content)
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386 : 386 + 24] = b"%011o\0%011o\0" % (hole, len(content))
    header[483 : 483 + 12] = b"%011o\0" % (hole + len(content))
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + content + bytes(-len(content) % 512) + bytes(1_024)


def test_archive_fills_the_holes_of_sparse_files() -> None:
    hosts = {"algo-1": gnu_sparse("./sparse", hole=4_096, content=b"end")}
    writer = RecordingWriter()

    upload_archive({"algo-1": ROOM}, archive_of(hosts), writer)

    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(writer.data or b""))) as tar:
        (info,) = tar.getmembers()
        assert info.type == tarfile.REGTYPE
        assert tar.extractfile(info).read() == bytes(4_096) + b"end"  # type: ignore[union-attr]


@pytest.mark.parametrize("tree", [{}, {"fifo": FIFO}])
def test_upload_of_nothing_opens_no_object(tree: Mapping[str, Entry]) -> None:
    writer = RecordingWriter()
    hosts = {"algo-1": pack(tree), "algo-2": None}

    assert upload_archive(dict.fromkeys(hosts, ROOM), archive_of(hosts), writer) is False
    assert not writer.opened


def test_upload_writes_one_gzip_that_is_the_same_each_time() -> None:
    hosts = {"algo-1": pack({"m": b"x" * 100_000})}
    one, two = RecordingWriter(), RecordingWriter()

    assert upload_archive({"algo-1": ROOM}, archive_of(hosts), one) is True
    assert upload_archive({"algo-1": ROOM}, archive_of(hosts), two) is True

    assert one.data == two.data
    magic, modification_time = (one.data or b"")[:2], (one.data or b"")[4:8]
    assert (magic, modification_time) == (b"\x1f\x8b", bytes(4))


def failing_archive(data: bytes, fault: Exception) -> Archive:
    def chunks() -> Iterator[bytes]:
        yield data
        raise fault

    @contextmanager
    def open_archive(_: str) -> Iterator[Iterator[bytes] | None]:
        yield chunks()

    return open_archive


def half_of(data: bytes) -> bytes:
    return data[: len(data) // 2]


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        (
            archive_of({"algo-1": half_of(pack({"m": bytes(50_000)}))}),
            "ClientError: Artifact upload failed:the container's files could not be read",
        ),
        (
            failing_archive(half_of(pack({"m": bytes(50_000)})), S3Fault("AccessDenied", "no")),
            "ClientError: Artifact upload failed:AccessDenied: no",
        ),
    ],
)
def test_upload_that_breaks_off_tells_the_writer_and_leaves_no_object(archive: Archive, reason: str) -> None:
    writer = RecordingWriter()

    with pytest.raises(JobFailure) as failure:
        upload_archive({"algo-1": ROOM}, archive, writer)

    assert failure.value.reason.startswith(reason)
    assert writer.fault is not None
    assert writer.data is None


def test_upload_hands_on_faults_of_the_emulator_and_tells_the_writer() -> None:
    writer = RecordingWriter()
    archive = failing_archive(half_of(pack({"m": bytes(50_000)})), ConnectionError("the Engine is gone"))

    with pytest.raises(ConnectionError, match="the Engine is gone"):
        upload_archive({"algo-1": ROOM}, archive, writer)

    assert isinstance(writer.fault, ConnectionError)
    assert writer.data is None


def test_upload_refused_at_the_end_is_a_fault_of_the_job() -> None:
    """S3 tells of most refusals when the object is completed."""
    writer = RecordingWriter(fault_at_end=S3Fault("AccessDenied", "Access Denied"))

    with pytest.raises(JobFailure, match="ClientError: Artifact upload failed:AccessDenied: Access Denied"):
        upload_archive({"algo-1": ROOM}, archive_of({"algo-1": pack({"m": b"1"})}), writer)


def test_relative_member_changes_nothing_of_what_it_was_given() -> None:
    found = tarfile.TarInfo("./a/../b//c")
    found.pax_headers = {"SCHILY.xattr.user.x": "y"}

    info = relative_member(found)

    assert info is not None
    assert info.pax_headers == {}
    assert found.name == "./a/../b//c"
    assert found.pax_headers


@pytest.mark.parametrize("name", [".", "./", ""])
def test_relative_member_of_the_directory_itself_is_none(name: str) -> None:
    found = tarfile.TarInfo(name)
    found.type = tarfile.DIRTYPE

    assert relative_member(found) is None


def test_archive_of_nothing_but_empty_directories_has_them() -> None:
    merged = merge(algo_1={"a": DIRECTORY, "a/b": DIRECTORY})

    assert {name: info.isdir() for name, info in merged.items()} == {"a": True, "a/b": True}  # type: ignore[union-attr]
