"""INIT_DIR: buckets that are there from the start, scripts that run before `Ready.`."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emulator.compute.fake import FakeBackend
from tests.support import web
from tests.support.emulator_process import PREFIX, EmulatorProcess
from tests.support.emulator_process import running_emulator as running_process
from tests.support.emulator_server import RunningEmulator, running_emulator, wait_until
from tests.support.minio_server import ACCESS_KEY, SECRET_KEY, running_minio


def write(path: Path, text: str = "", mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def init_report(endpoint: str) -> dict[str, Any]:
    health = web.get(f"{endpoint}/_emulator/health").json()
    report = dict(health["parts"]["init"])
    assert report["status"] != "error" or health["status"] == "degraded"
    return report


def keys(running: RunningEmulator, bucket: str) -> list[str]:
    found = running.client("s3").list_objects_v2(Bucket=bucket)
    return [entry["Key"] for entry in found.get("Contents", [])]


def test_folders_become_buckets(tmp_path: Path) -> None:
    init = tmp_path / "init"
    write(init / "buckets/data/train/one.csv", "1,2\n")
    write(init / "buckets/data/ü b.txt", "text")
    write(init / "buckets/empty/.gitkeep")
    with running_emulator(tmp_path / "data", FakeBackend(), init_dir=init) as running:
        assert keys(running, "data") == ["train/one.csv", "ü b.txt"]
        assert keys(running, "empty") == []
        found = running.client("s3").get_object(Bucket="data", Key="train/one.csv")
        assert found["Body"].read() == b"1,2\n"
        assert init_report(running.endpoint) == {
            "status": "ok",
            "buckets": [
                {"name": "data", "status": "done", "uploaded": 2},
                {"name": "empty", "status": "done", "uploaded": 0},
            ],
            "scripts": [],
        }


def test_seeding_again_uploads_only_what_differs(tmp_path: Path) -> None:
    init, data = tmp_path / "init", tmp_path / "data"
    write(init / "buckets/data/same", "same")
    write(init / "buckets/data/changed", "old")
    write(init / "buckets/data/lost", "lost")
    with running_emulator(data, FakeBackend(), init_dir=init) as running:
        s3 = running.client("s3")
        s3.put_object(Bucket="data", Key="own", Body=b"own")
        s3.delete_object(Bucket="data", Key="lost")
        before = s3.head_object(Bucket="data", Key="same")
    write(init / "buckets/data/changed", "new")
    with running_emulator(data, FakeBackend(), init_dir=init) as running:
        assert init_report(running.endpoint)["buckets"][0]["uploaded"] == 2
        s3 = running.client("s3")
        assert s3.head_object(Bucket="data", Key="same")["LastModified"] == before["LastModified"]
        assert s3.get_object(Bucket="data", Key="changed")["Body"].read() == b"new"
        assert keys(running, "data") == ["changed", "lost", "own", "same"]


def test_object_of_several_parts_with_the_same_content_stays(tmp_path: Path) -> None:
    init, data = tmp_path / "init", tmp_path / "data"
    write(init / "buckets/data/parts", "same")
    with running_emulator(data, FakeBackend()) as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket="data")
        upload = s3.create_multipart_upload(Bucket="data", Key="parts")["UploadId"]
        name = {"Bucket": "data", "Key": "parts", "UploadId": upload}
        etag = s3.upload_part(**name, PartNumber=1, Body=b"same")["ETag"]
        s3.complete_multipart_upload(**name, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    with running_emulator(data, FakeBackend(), init_dir=init) as running:
        assert init_report(running.endpoint)["buckets"][0]["uploaded"] == 0
    write(init / "buckets/data/parts", "diff")
    with running_emulator(data, FakeBackend(), init_dir=init) as running:
        assert init_report(running.endpoint)["buckets"][0]["uploaded"] == 1


def test_bucket_that_cannot_be_made_is_told_and_the_others_are_there(tmp_path: Path) -> None:
    init = tmp_path / "init"
    write(init / "buckets/Not_A_Bucket/file")
    write(init / "buckets/good/file")
    with running_emulator(tmp_path / "data", FakeBackend(), init_dir=init) as running:
        report = init_report(running.endpoint)
        assert [step["status"] for step in report["buckets"]] == ["failed", "done"]
        assert "InvalidBucketName" in report["buckets"][0]["reason"]
        assert report["reason"] == "Not_A_Bucket failed; see the emulator's log."
        assert keys(running, "good") == ["file"]


def test_file_whose_name_is_no_utf_8_is_told_and_the_server_starts(tmp_path: Path) -> None:
    write(tmp_path / "init" / "buckets" / "strange" / os.fsdecode(b"\xff.csv"))
    with running_emulator(tmp_path / "data", FakeBackend(), init_dir=tmp_path / "init") as running:
        (bucket,) = init_report(running.endpoint)["buckets"]
        assert (bucket["name"], bucket["status"]) == ("strange", "failed")
        assert "UTF-8" in bucket["reason"]


def test_missing_directory_is_told(tmp_path: Path) -> None:
    with running_emulator(tmp_path / "data", FakeBackend(), init_dir=tmp_path / "none") as running:
        assert init_report(running.endpoint)["status"] == "error"


@pytest.mark.minio
def test_folders_become_buckets_of_an_external_s3(tmp_path: Path) -> None:
    init = tmp_path / "init"
    write(init / "buckets/data/train/one.csv", "1,2\n")
    with running_minio(tmp_path / "minio") as url:
        settings = {"s3_endpoint_url": url, "s3_access_key": ACCESS_KEY, "s3_secret_key": SECRET_KEY}
        for number, uploaded in enumerate((1, 0)):
            data = tmp_path / f"data-{number}"
            with running_emulator(data, FakeBackend(), init_dir=init, **settings) as running:
                assert init_report(running.endpoint)["buckets"][0]["uploaded"] == uploaded
                assert keys(running, "data") == ["train/one.csv"]


CREATE_BUCKET = """\
import os
import boto3
boto3.client("s3").create_bucket(Bucket="made-by-script")
print("account", boto3.client("sts").get_caller_identity()["Account"])
print("profile", os.environ.get("AWS_PROFILE"))
"""


def test_scripts_run_in_order_and_before_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "somebody-elses")
    init = tmp_path / "init"
    write(init / "ready.d/10-bucket.py", CREATE_BUCKET)
    write(init / "ready.d/20-own.sh", "#!/bin/sh\necho $0 in $AWS_DEFAULT_REGION >&2\n", 0o755)
    write(init / "ready.d/30-fails.sh", "exit 3\n")
    write(init / "ready.d/40-goes-on.sh", "echo went on\n")
    write(init / "ready.d/notes.txt", "no script")
    with running_process(tmp_path / "data", {"INIT_DIR": str(init)}) as emulator:
        report = init_report(emulator.url)
        log = emulator.log.read_text()
    assert [(step["name"], step["status"], step["exit_code"]) for step in report["scripts"]] == [
        ("10-bucket.py", "done", 0),
        ("20-own.sh", "done", 0),
        ("30-fails.sh", "failed", 3),
        ("40-goes-on.sh", "done", 0),
    ]
    assert report["status"] == "error"
    assert "10-bucket.py: account 123456789012" in log
    assert "10-bucket.py: profile None" in log
    assert f"20-own.sh: {init}/ready.d/20-own.sh in us-east-1" in log
    assert log.index("40-goes-on.sh: went on") < log.index("Ready.")


def test_script_that_leaves_a_child_behind_does_not_hold_up_the_start(tmp_path: Path) -> None:
    write(tmp_path / "init/ready.d/child.sh", "sleep 600 &\necho $!\n")
    with running_process(tmp_path / "data", {"INIT_DIR": str(tmp_path / "init")}) as emulator:
        assert init_report(emulator.url)["scripts"] == [
            {"name": "child.sh", "status": "done", "exit_code": 0}
        ]
        (line,) = (line for line in emulator.log.read_text().splitlines() if "child.sh: " in line)
        os.kill(int(line.split()[-1]), signal.SIGKILL)


def test_sigterm_ends_a_server_whose_script_is_still_running(tmp_path: Path) -> None:
    """It answers requests meanwhile, and never was ready."""
    pid_file = tmp_path / "pid"
    curl = "import os, urllib.request as r; print(r.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/_emulator/health'))"
    write(tmp_path / "init/ready.d/10-asks.py", curl)
    write(
        tmp_path / "init/ready.d/20-waits.sh",
        f"echo $$ > {pid_file}.part; mv {pid_file}.part {pid_file}; sleep 600\n",
    )
    emulator = start_without_waiting(tmp_path)
    wait_until(pid_file.exists, limit=120)
    log = emulator.log.read_text()
    assert "10-asks.py: <http.client.HTTPResponse" in log
    assert "Ready." not in log
    emulator.stop()
    assert "Ready." not in emulator.log.read_text()
    assert not is_alive(int(pid_file.read_text()))


def start_without_waiting(tmp_path: Path) -> EmulatorProcess:
    log, command = tmp_path / "log", [sys.executable, "-m", "emulator", "serve", "--port", "0"]
    settings = {
        "INIT_DIR": str(tmp_path / "init"),
        "DATA_DIR": str(tmp_path / "data"),
        "ON_SHUTDOWN": "leave",
    }
    environment = {**os.environ, **{PREFIX + name: value for name, value in settings.items()}}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    return EmulatorProcess("", tmp_path / "data", log, process)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
