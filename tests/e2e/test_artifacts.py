"""model.tar.gz and output.tar.gz."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.training_client import TrainingClient, script

pytestmark = pytest.mark.ordinary_user

LONG = "d" * 120
DEEP = "/".join([LONG, LONG, "é" * 60])

TREE = script(f"""
cd /opt/ml/model
umask 022
printf secret > private; chmod 600 private
printf run > script; chmod 755 script
printf owned > owned; chown 1234:4321 owned; chmod 640 owned
touch -d @1000000000.25 script
mkdir -p empty "{DEEP}" ; printf deep > "{DEEP}/file"
printf 'odd name' > "$(printf 'sp ace\\nnewline')"
ln -s private inside; ln -s /etc/passwd outside; ln -s nowhere dangling; ln private hard
mkfifo fifo
mkdir closed; printf closed > closed/file; chmod 000 closed closed/file
head -c 20000000 /dev/urandom > big
sha256sum big
printf own > /opt/ml/output/data/own
printf not-kept > /opt/ml/output/other
""")


@pytest.fixture(scope="module")
def tree_job(emulator: TrainingClient) -> str:
    job = emulator.train({"run": TREE})
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return str(job["TrainingJobName"])


def test_modes_owners_and_contents(emulator: TrainingClient, tree_job: str) -> None:
    members = emulator.artifacts(tree_job)
    seen = {
        name: (info.mode, info.uid, info.gid, content)
        for name, (info, content) in members.items()
        if info.isreg() and name != "big"
    }
    # Docker puts the first name of a hard link in the archive as the file.
    file, link = ("hard", "private") if "hard" in seen else ("private", "hard")
    assert seen == {
        file: (0o600, 0, 0, b"secret"),
        "script": (0o755, 0, 0, b"run"),
        "owned": (0o640, 1234, 4321, b"owned"),
        f"{DEEP}/file": (0o644, 0, 0, b"deep"),
        "sp ace\nnewline": (0o644, 0, 0, b"odd name"),
        "closed/file": (0, 0, 0, b"closed"),
    }
    info, _ = members[link]
    assert (info.islnk(), info.linkname) == (True, file)
    assert members["script"][0].mtime == pytest.approx(1_000_000_000, abs=1)


def test_links_directories_and_what_is_left_out(emulator: TrainingClient, tree_job: str) -> None:
    members = emulator.artifacts(tree_job)
    links = {name: info.linkname for name, (info, _) in members.items() if info.issym()}
    assert links == {"inside": "private", "outside": "/etc/passwd", "dangling": "nowhere"}
    directories = {name for name, (info, _) in members.items() if info.isdir()}
    assert directories == {"empty", "closed", LONG, f"{LONG}/{LONG}", DEEP}
    assert "fifo" not in members
    assert "hidden" not in members


def test_big_file_is_whole(emulator: TrainingClient, tree_job: str) -> None:
    (line,) = emulator.lines(tree_job)
    content = emulator.files(tree_job)["big"]
    assert hashlib.sha256(content).hexdigest() == line.split()[0]


def test_output_archive_holds_output_data_only(emulator: TrainingClient, tree_job: str) -> None:
    assert emulator.files(tree_job, "output") == {"own": b"own"}


def test_empty_directories_leave_no_objects(emulator: TrainingClient) -> None:
    name = emulator.train()["TrainingJobName"]
    assert emulator.keys(f"output/{name}") == []
    assert emulator.describe(name)["ModelArtifacts"]["S3ModelArtifacts"].endswith("model.tar.gz")


def test_archive_of_two_hosts_is_one_tree_that_can_be_unpacked(
    emulator: TrainingClient, tmp_path: Path
) -> None:
    """Where both wrote the same path, algo-2's stays."""
    first = script("""cd /opt/ml/model; mkdir both only-1 is-file is-link; echo 1 > both/one; echo 1 > same
        echo 1 > only-1/x; echo 1 > is-file/x; echo 1 > is-link/x; echo 1 > is-directory""")
    second = script("""cd /opt/ml/model; mkdir both is-directory; echo 2 > both/two; echo 2 > same
        echo 2 > is-file; ln -s /tmp is-link; echo 2 > is-directory/x""")
    job = emulator.train(
        {"algo-1": json.dumps({"run": first}), "algo-2": json.dumps({"run": second})}, instances=2
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    name = job["TrainingJobName"]
    assert emulator.files(name) == {
        "both/one": b"1\n",
        "both/two": b"2\n",
        "same": b"2\n",
        "only-1/x": b"1\n",
        "is-file": b"2\n",
        "is-directory/x": b"2\n",
    }
    archive = tmp_path / "model.tar.gz"
    archive.write_bytes(emulator.body(job["ModelArtifacts"]["S3ModelArtifacts"]))
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", tmp_path], check=True)
    assert (tmp_path / "both" / "one").read_text() == "1\n"
    assert (tmp_path / "is-link").is_symlink()
