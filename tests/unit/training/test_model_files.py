import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO

import pytest

from emulator.domain.failure_reason import JobFailure
from emulator.domain.s3_fault import S3Fault
from emulator.domain.s3_uri import S3Uri
from emulator.training.model_files import file_uri, upload_files
from tests.unit.training.test_model_artifacts import (
    DIRECTORY,
    FIFO,
    ROOM,
    Entry,
    RecordingWriter,
    archive_of,
    hard_link,
    pack,
    symlink,
)

FOLDER = S3Uri("b", "out/job/output/model/")
Trees = Mapping[str, Mapping[str, Entry] | None]


class Bucket:
    """Keeps what was written, by key relative to FOLDER."""

    def __init__(self) -> None:
        self._writers: dict[str, RecordingWriter] = {}

    def writer(self, target: S3Uri) -> AbstractContextManager[BinaryIO]:
        assert target.bucket == FOLDER.bucket
        name = target.key.removeprefix(FOLDER.key)
        assert name not in self._writers, "an object is written once"
        self._writers[name] = RecordingWriter()
        return self._writers[name]

    @property
    def objects(self) -> dict[str, bytes | None]:
        return {name: writer.data for name, writer in self._writers.items()}


def upload(trees: Trees, files: Mapping[tuple[str, str], bytes] | None = None) -> dict[str, bytes | None]:
    """`files` are what the Engine has at (host, path), for hard links."""
    packed = {host: None if tree is None else pack(tree) for host, tree in trees.items()}
    bucket = Bucket()

    @contextmanager
    def open_file(host: str, name: str) -> Iterator[Iterator[bytes] | None]:
        content = (files or {}).get((host, name))
        yield None if content is None else iter([pack_file(name, content)])

    count = upload_files(dict.fromkeys(packed, ROOM), archive_of(packed), open_file, FOLDER, bucket.writer)
    assert count == len(bucket.objects)
    return bucket.objects


def pack_file(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo(name.rpartition("/")[2])
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def test_every_file_is_an_object() -> None:
    deep = {"model.bin": b"x" * 3_000_000, "a": DIRECTORY, "a/é b": b"1", "a/empty": b""}

    assert upload({"algo-1": deep}) == {"model.bin": b"x" * 3_000_000, "a/é b": b"1", "a/empty": b""}


def test_hosts_are_merged_and_the_last_one_wins() -> None:
    first = {"same": b"1", "one": b"1", "shadow": DIRECTORY, "shadow/x": b"1", "is-link": b"1"}
    second = {"same": b"2", "two": b"2", "shadow": b"2", "is-link": symlink("two")}

    merged = upload({"algo-1": first, "algo-2": second, "algo-3": None})

    assert merged == {"same": b"2", "one": b"1", "two": b"2", "shadow": b"2"}


def test_what_is_no_file_leaves_no_object() -> None:
    others = {
        "d": DIRECTORY,
        "d/e": DIRECTORY,
        "pipe": FIFO,
        "inside": symlink("m"),
        "out": symlink("/etc/passwd"),
    }

    assert upload({"algo-1": others}) == {}
    assert upload({"algo-1": {**others, "m": b"1"}}) == {"m": b"1"}


def test_a_hard_link_is_one_more_object_even_where_another_host_took_its_file() -> None:
    trees: Trees = {"algo-1": {"m": b"1", "latest": hard_link("./m")}, "algo-2": {"m": b"2"}}

    assert upload(trees, {("algo-1", "latest"): b"1"}) == {"m": b"2", "latest": b"1"}


def test_a_hard_link_that_is_gone_fails_the_job() -> None:
    with pytest.raises(JobFailure, match="Artifact upload failed:'latest' on algo-1 is gone"):
        upload({"algo-1": {"m": b"1", "latest": hard_link("./m")}})


def test_a_file_that_breaks_off_leaves_no_object_of_it() -> None:
    data = pack({"whole": b"1", "broken": bytes(50_000)})
    bucket = Bucket()

    with pytest.raises(JobFailure, match="the container's files could not be read"):
        upload_files({"algo-1": ROOM}, archive_of({"algo-1": data[:20_000]}), no_file, FOLDER, bucket.writer)

    assert bucket.objects == {"whole": b"1", "broken": None}


def test_files_that_say_they_are_larger_than_the_volume_are_not_read() -> None:
    info = tarfile.TarInfo("sparse")
    info.size = 2**40
    bucket = Bucket()

    with pytest.raises(JobFailure, match=r"ClientError: Insufficient disk space: algo-1 uses 1024\.00 GiB"):
        upload_files({"algo-1": ROOM}, archive_of({"algo-1": info.tobuf()}), no_file, FOLDER, bucket.writer)

    assert bucket.objects == {}


def test_a_fault_of_s3_is_the_job_s_failure() -> None:
    def refuse(_: S3Uri) -> AbstractContextManager[BinaryIO]:
        return RecordingWriter(fault_at_end=S3Fault("AccessDenied", "Access Denied"))

    with pytest.raises(JobFailure, match="ClientError: Artifact upload failed:AccessDenied: Access Denied"):
        upload_files({"algo-1": ROOM}, archive_of({"algo-1": pack({"m": b"1"})}), no_file, FOLDER, refuse)


def no_file(*_: Any) -> AbstractContextManager[Iterator[bytes] | None]:
    raise AssertionError("there is no hard link")


@pytest.mark.parametrize("folder", ["", "out/"])
def test_file_uri_is_below_the_folder(folder: str) -> None:
    assert str(file_uri(S3Uri("b", folder), "a/ü+%20\n")) == f"s3://b/{folder}a/ü+%20\n"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../other-job/model", "leaves its directory"),
        ("a/../../b", "leaves its directory"),
        ("/etc/passwd", "leaves its directory"),
        ("caf\udce9", "is not UTF-8"),
        ("ü" * 600, "has 1221 bytes; S3 takes at most 1024"),
    ],
)
def test_file_uri_refuses_what_can_be_no_key(name: str, reason: str) -> None:
    with pytest.raises(JobFailure, match=f"ClientError: Artifact upload failed:.*{reason}"):
        file_uri(FOLDER, name)
