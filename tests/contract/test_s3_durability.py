"""What the embedded S3 has answered 200 to is there after kill -9, and nothing else is."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.support import web
from tests.support.emulator_server import wait_until
from tests.support.s3_backends import S3Backend, new_name
from tests.support.s3_server import ACCOUNT, REGION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1024 * 1024
Start = Callable[[], tuple["S3Client", "subprocess.Popen[bytes]"]]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "s3"


@pytest.fixture
def start(directory: Path) -> Iterator[Start]:
    """Start a server process on the directory; all are killed in the end."""
    started: list[tuple[S3Client, subprocess.Popen[bytes]]] = []

    def run() -> tuple["S3Client", "subprocess.Popen[bytes]"]:
        command = [sys.executable, "-m", "tests.support.s3_server", str(directory)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        client = S3Backend("embedded", url, ACCOUNT, "any").client()
        started.append((client, process))
        return started[-1]

    yield run
    for client, process in started:
        client.close()
        kill(process)
        assert process.stdout is not None
        process.stdout.close()


def kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    process.wait()


def blobs_in(directory: Path) -> list[Path]:
    return [path for folder in ("blobs", "tmp") for path in (directory / folder).rglob("*") if path.is_file()]


def test_killed_server_keeps_what_it_has_confirmed(start: Start, directory: Path) -> None:
    bucket, body = new_name(), os.urandom(3 * MIB)
    client, process = start()
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="k", Body=b"old")
    client.put_object(Bucket=bucket, Key="k", Body=body, Metadata={"m": "1"})
    upload_id = client.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    part = client.upload_part(Bucket=bucket, Key="m", UploadId=upload_id, PartNumber=1, Body=b"part")
    kill(process)
    client, process = start()
    got = client.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["Metadata"]) == (body, {"m": "1"})
    client.complete_multipart_upload(
        Bucket=bucket,
        Key="m",
        UploadId=upload_id,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    kill(process)
    client, _ = start()
    assert client.get_object(Bucket=bucket, Key="m")["Body"].read() == b"part"
    assert client.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    assert len(blobs_in(directory)) == 2


def begin_put(client: "S3Client", bucket: str, size: int) -> socket.socket:
    """Send half of a PUT of `size` bytes, and wait until the server has read it."""
    address = urlsplit(client.meta.endpoint_url)
    connection = socket.create_connection((address.hostname or "", address.port or 0))
    head = f"PUT /{bucket}/cut HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {size}\r\n\r\n"
    connection.sendall(head.encode("ascii"))
    connection.sendall(os.urandom(size // 2))
    return connection


def test_put_that_is_cut_by_the_client_leaves_nothing(start: Start, directory: Path) -> None:
    bucket = new_name()
    client, _ = start()
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="cut", Body=b"before")
    connection = begin_put(client, bucket, 8 * MIB)
    wait_until(lambda: len(blobs_in(directory)) == 2)
    connection.close()
    wait_until(lambda: len(blobs_in(directory)) == 1)
    assert client.get_object(Bucket=bucket, Key="cut")["Body"].read() == b"before"


def test_put_that_is_cut_by_kill_leaves_nothing(start: Start, directory: Path) -> None:
    bucket = new_name()
    client, process = start()
    client.create_bucket(Bucket=bucket)
    connection = begin_put(client, bucket, 8 * MIB)
    wait_until(lambda: len(blobs_in(directory)) == 1)
    kill(process)
    connection.close()
    assert len(blobs_in(directory)) == 1
    client, _ = start()
    assert blobs_in(directory) == []
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_blobs_without_a_row_are_removed_at_start(start: Start, directory: Path) -> None:
    stray = directory / "blobs" / "00" / "00000000000000000000000000000000"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"of a crash between the file and its row")
    start()
    assert not stray.exists()


def memory_peak(process: "subprocess.Popen[bytes]") -> int:
    """The most memory the process ever had, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert match is not None
    return int(match[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory figures of Linux")
def test_memory_stays_constant_with_large_objects(start: Start, tmp_path: Path) -> None:
    bucket, size = new_name(), 300 * MIB
    client, process = start()
    client.create_bucket(Bucket=bucket)
    client.put_object(Bucket=bucket, Key="small", Body=os.urandom(MIB))
    before = memory_peak(process)
    source = tmp_path / "source"
    with source.open("wb") as file:
        for _ in range(30):
            file.write(os.urandom(10 * MIB))
    client.upload_file(str(source), bucket, "multipart")
    with source.open("rb") as file:
        client.put_object(Bucket=bucket, Key="once", Body=file)
    client.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/multipart")
    for key in ("multipart", "once", "copy"):
        with web.stream("GET", f"{client.meta.endpoint_url}/{bucket}/{key}") as answer:
            assert sum(len(data) for data in answer.iter_raw(MIB)) == size
    client.download_file(bucket, "multipart", str(tmp_path / "target"))
    assert same(source, tmp_path / "target")
    # Ten requests at once with a few chunks each; holding one object would be five times as much.
    assert memory_peak(process) - before < 64 * MIB


def same(left: Path, right: Path) -> bool:
    with left.open("rb") as one, right.open("rb") as other:
        while piece := one.read(MIB):
            if piece != other.read(MIB):
                return False
        return not other.read(1)


def test_bucket_region_survives(start: Start) -> None:
    bucket = new_name()
    client, process = start()
    assert client.meta.region_name == REGION
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    kill(process)
    client, _ = start()
    assert client.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "eu-west-1"
