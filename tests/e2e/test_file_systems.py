"""FileSystemDataSource: directories of this machine stand in for EFS and FSx."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.conftest import Launch
from tests.e2e.test_checkpoints import completed
from tests.e2e.training_client import TrainingClient, channel, script

pytestmark = pytest.mark.ordinary_user

EFS, FSX = "fs-0123456789", "fs-0123456789abcdef0"


def mounted(name: str, file_system: str, path: str, access: str = "ro", kind: str = "EFS") -> dict[str, Any]:
    source = {
        "FileSystemId": file_system,
        "FileSystemType": kind,
        "DirectoryPath": path,
        "FileSystemAccessMode": access,
    }
    return {"ChannelName": name, "DataSource": {"FileSystemDataSource": source}}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two file systems. What containers write there belongs to root."""
    root = tmp_path_factory.mktemp("file-systems")
    for path, text in {"efs/dätä/sub/a": "A", "efs/secret": "S", "fsx/train/b": "B"}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "efs/out").mkdir()
    (root / "efs/link").symlink_to(root / "fsx")
    return root


@pytest.fixture(scope="module")
def client(launch: Launch, shared: Path) -> Iterator[TrainingClient]:
    with launch(FILE_SYSTEMS=f"{EFS}={shared / 'efs'}, {FSX}={shared / 'fsx'}") as client:
        yield client


def test_hosts_share_directories_and_ro_is_enforced(client: TrainingClient, shared: Path) -> None:
    (shared / "efs/out/kept").write_text("kept")
    channels = [
        mounted("train", EFS, "/dätä"),
        mounted("lustre", FSX, "/train", kind="FSxLustre"),
        mounted("scratch", EFS, "/out", "rw"),
        channel("files", client.put({"c": b"C"})),
        {**channel("pipe", client.put({"d": b"D"})), "InputMode": "Pipe"},
    ]
    run = script("""cd /opt/ml/input/data; cat train/sub/a lustre/b scratch/kept files/c pipe_0; echo
        for f in train/x train/sub/a lustre/x; do (echo x > $f) 2>&1 | grep -o 'Read-only.*'; done
        echo $HOSTNAME > scratch/$HOSTNAME; until [ -e scratch/algo-1 -a -e scratch/algo-2 ]; do sleep 0.05; done
        ls scratch; ls -a train | tr '\\n' ' '""")
    name = completed(client.train({"run": run}, channels, instances=2))
    for host in ("algo-1", "algo-2"):
        assert client.lines(name, host) == [
            "ABkeptCD",
            *["Read-only file system"] * 3,
            *["algo-1", "algo-2", "kept", ". .. sub "],
        ]
        assert (shared / "efs/out" / host).read_text() == f"{host}\n"
    assert (shared / "efs/dätä/sub/a").read_text() == "A"
    assert client.emulator_report(name)["hosts"][0]["objects"] == {"files": 1, "pipe": 1}


def test_a_file_system_may_be_the_only_input(client: TrainingClient) -> None:
    name = completed(client.train({"run": "cat /opt/ml/input/data/all/secret"}, [mounted("all", EFS, "/")]))
    assert client.lines(name) == ["S"]


@pytest.mark.parametrize(
    ("file_system", "path", "reason"),
    [
        ("fs-1111111111", "/", "the file system fs-1111111111 is not configured"),
        (EFS, "/nowhere", "has no directory '/nowhere'"),
        (EFS, "/secret", "is not a directory"),
        (EFS, "/dätä/../..", "leave out '..'"),
        (EFS, "/link", "leads out of the file system"),
    ],
)
def test_what_is_no_directory_of_the_file_system_is_refused(
    client: TrainingClient, file_system: str, path: str, reason: str
) -> None:
    with pytest.raises(ClientError) as refusal:
        client.create({"run": "true"}, [mounted("train", file_system, path)])
    assert refusal.value.response["Error"]["Code"] == "ValidationException"
    assert reason in refusal.value.response["Error"]["Message"]


def test_a_directory_that_is_gone_when_the_job_starts_fails_it(client: TrainingClient, shared: Path) -> None:
    """It goes while another job has the machine."""
    (shared / "fsx/soon").mkdir()
    blocker = client.create({"on_sigterm": "save", "sleep": "600"}, instance_type="ml.m5.24xlarge")
    client.wait_for_line(blocker, "SLEEPING")
    waiting = client.create({"run": "true"}, [mounted("t", FSX, "/soon")], instance_type="ml.m5.24xlarge")
    client.wait_for_status(waiting, "Pending")
    (shared / "fsx/soon").rmdir()
    client.stop(blocker)
    job = client.wait(waiting)
    assert job["FailureReason"].startswith("ClientError: Data download failed:channel t: the file system")
    client.wait(blocker)
