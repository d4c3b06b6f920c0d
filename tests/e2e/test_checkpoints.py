"""Checkpoints, TensorBoard's and the debugger's output, between containers and S3."""

import hashlib
import json
from contextlib import suppress
from typing import Any
from urllib.request import Request, urlopen

import docker
import pytest

from tests.e2e.conftest import Restartable
from tests.e2e.held_containers import WAIT, find_containers, release
from tests.e2e.training_client import BUCKET, TrainingClient, new_name, script, statuses, until

STOPPABLE = "trap 'echo 2 > /opt/ml/checkpoints/stopped; exit 0' TERM; echo UP; sleep 600 & wait"


def s3_folder(stem: str = "checkpoints") -> tuple[str, str]:
    """A key prefix and its URI."""
    prefix = new_name(stem)
    return prefix, f"s3://{BUCKET}/{prefix}"


def contents(client: TrainingClient, prefix: str) -> dict[str, bytes]:
    """What is there now; an object that goes between the listing and the look is not."""
    found = {}
    for key in client.keys(f"{prefix}/"):
        with suppress(client.s3.exceptions.NoSuchKey):
            found[key.removeprefix(f"{prefix}/")] = client.body(f"s3://{BUCKET}/{key}")
    return found


def completed(job: dict[str, Any]) -> str:
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return str(job["TrainingJobName"])


def test_checkpoints_go_to_s3_while_the_job_runs_and_deletions_too(
    emulator: TrainingClient, engine: docker.DockerClient
) -> None:
    prefix, uri = s3_folder()
    run = script(f"""cd /opt/ml/checkpoints; mkdir 'ep och'; echo 1 > 'ep och/ü.pt'; echo x > gone
        touch not.sagemaker-ignore; {WAIT}; rm /tmp/go gone; echo 2 > 'ep och/ü.pt'; {WAIT}; echo last > last""")
    name = emulator.create({"run": run}, CheckpointConfig={"S3Uri": uri})
    first = {"ep och/ü.pt": b"1\n", "gone": b"x\n"}
    until("the first checkpoint", lambda: contents(emulator, prefix) == first)
    assert emulator.describe(name)["SecondaryStatus"] == "Training"
    (container,) = find_containers(engine, name)
    names = ["ü.pt", "ü.pt.sagemaker-uploaded", "ü.pt.sagemaker-uploading"]
    look = ["ls", "/opt/ml/checkpoints/ep och"]
    until("the marks", lambda: container.exec_run(look).output.decode().split() == names)
    release(engine, name)
    until("the second checkpoint", lambda: contents(emulator, prefix) == {"ep och/ü.pt": b"2\n"})
    release(engine, name)
    completed(emulator.wait(name))
    assert contents(emulator, prefix) == {"ep och/ü.pt": b"2\n", "last": b"last\n"}


def test_checkpoints_are_restored_on_every_host_below_a_path_of_ones_own(emulator: TrainingClient) -> None:
    prefix, uri = s3_folder()
    emulator.put({"sub/sp ace/ü": b"old", "empty": b"", "folder/": b""}, prefix)
    emulator.put({"x": b"other"}, f"{prefix}-2")
    run = script("""cd /state; find . | sort; stat -c '%a %u:%g %s %n' empty 'sub/sp ace/ü'; cat 'sub/sp ace/ü'
        cat /opt/ml/input/data/checkpoints-manifest; cat /opt/ml/input/config/checkpointconfig.json
        echo; echo $HOSTNAME > $HOSTNAME; echo $HOSTNAME > same""")
    name = completed(
        emulator.train(
            {"run": run}, instances=2, CheckpointConfig={"S3Uri": f"{uri}/", "LocalPath": "/state"}
        )
    )
    for host in ("algo-1", "algo-2"):
        assert emulator.lines(name, host) == [
            *[".", "./empty", "./sub", "./sub/sp ace", "./sub/sp ace/ü"],
            "644 0:0 0 empty",
            "644 0:0 3 sub/sp ace/ü",
            f"old{prefix}/",
            f"{uri}/empty",
            f"{uri}/sub/sp ace/ü",
            '{"LocalPath":"/state"}',
        ]
    found = contents(emulator, prefix)
    assert found.pop("same") in (b"algo-1\n", b"algo-2\n")
    assert found == {
        "sub/sp ace/ü": b"old",
        "empty": b"",
        "folder/": b"",
        "algo-1": b"algo-1\n",
        "algo-2": b"algo-2\n",
    }


@pytest.mark.ordinary_user
def test_the_next_job_goes_on_from_the_last_ones_checkpoint(emulator: TrainingClient) -> None:
    prefix, uri = s3_folder()
    run = "cd /opt/ml/checkpoints; n=$(cat step 2>/dev/null || echo 0); echo $((n + 1)) > step; cp step /opt/ml/model"
    for step in (b"1\n", b"2\n", b"3\n"):
        name = completed(emulator.train({"run": run}, CheckpointConfig={"S3Uri": uri}))
        assert emulator.files(name) == {"step": step}
    assert contents(emulator, prefix) == {"step": b"3\n"}


def test_tensor_board_and_debugger_have_folders_of_the_job(
    emulator: TrainingClient, engine: docker.DockerClient
) -> None:
    prefix, uri = s3_folder("board")
    run = script(f"""cd /opt/ml/input/config; cat tensorboardoutputconfig.json; echo; cat debughookconfig.json; echo
        ls -d /opt/ml/output/tensorboard; echo e > /opt/ml/output/tensorboard/events.1
        mkdir -p /opt/ml/output/tensors/events; echo t > /opt/ml/output/tensors/events/0; {WAIT}""")
    name = emulator.create(
        {"run": run},
        TensorBoardOutputConfig={"S3OutputPath": f"{uri}/"},
        DebugHookConfig={"S3OutputPath": uri},
    )
    board, debug = f"{name}/tensorboard-output/events.1", f"{name}/debug-output/events/0"
    until("both", lambda: contents(emulator, prefix) == {board: b"e\n", debug: b"t\n"})
    release(engine, name)
    completed(emulator.wait(name))
    assert contents(emulator, prefix) == {
        board: b"e\n",
        debug: b"t\n",
        f"{name}/debug-output/training_job_end.ts": b"",
    }
    board_config, debug_config, directory = emulator.lines(name)
    assert json.loads(board_config) == {
        "S3OutputPath": f"{uri}/{name}/tensorboard-output",
        "LocalPath": "/opt/ml/output/tensorboard",
    }
    assert json.loads(debug_config)["S3OutputPath"] == f"{uri}/{name}/debug-output"
    assert directory == "/opt/ml/output/tensorboard"
    assert "tensorboard" not in str(emulator.keys(f"output/{name}"))


def test_large_files_and_many_small_ones_are_whole(emulator: TrainingClient) -> None:
    prefix, uri = s3_folder()
    run = script("""cd /opt/ml/checkpoints; head -c 50000000 /dev/urandom > big; mkdir many
        for n in $(seq 500); do echo $n > many/$n; done; sha256sum big; sleep 6""")
    name = completed(emulator.train({"run": run}, CheckpointConfig={"S3Uri": uri}))
    found = contents(emulator, prefix)
    assert hashlib.sha256(found.pop("big")).hexdigest() == emulator.lines(name)[0].split()[0]
    assert found == {f"many/{n}": f"{n}\n".encode() for n in range(1, 501)}


def test_stopped_and_failed_jobs_leave_their_last_checkpoint(patient: TrainingClient) -> None:
    prefix, uri = s3_folder()
    config = {"S3Uri": uri}
    failed = patient.train(
        {"run": "echo 1 > /opt/ml/checkpoints/failed", "exit_code": "3"}, CheckpointConfig=config
    )
    assert failed["TrainingJobStatus"] == "Failed"
    running = patient.create(
        algorithm={"ContainerEntrypoint": ["bash", "-c"], "ContainerArguments": [STOPPABLE]},
        CheckpointConfig=config,
    )
    patient.wait_for_line(running, "UP")
    patient.stop(running)
    assert patient.wait(running)["TrainingJobStatus"] == "Stopped"
    assert contents(patient, prefix) == {"failed": b"1\n", "stopped": b"2\n"}


def test_a_missing_bucket_fails_the_job(emulator: TrainingClient) -> None:
    board = {"S3OutputPath": "s3://no-such-bucket-anywhere/x"}
    job = emulator.train({"run": "echo 1 > /opt/ml/output/tensorboard/e"}, TensorBoardOutputConfig=board)
    assert job["FailureReason"].startswith("ClientError: Artifact upload failed:NoSuchBucket")


@pytest.mark.ordinary_user
def test_a_killed_server_uploads_and_deletes_what_changed_meanwhile(
    restartable: Restartable, engine: docker.DockerClient
) -> None:
    before = restartable.start()
    prefix, uri = s3_folder()
    before.put({"restored": b"r", "restored-too": b"r"}, prefix)
    run = script(f"""cd /opt/ml/checkpoints; echo a > kept; echo b > removed; {WAIT}
        rm removed restored; echo c > new; rm /tmp/go; {WAIT}""")
    name = before.create({"run": run}, CheckpointConfig={"S3Uri": uri})
    until("the first ones", lambda: {"kept", "removed"} <= contents(before, prefix).keys())
    kept = before.s3.head_object(Bucket=BUCKET, Key=f"{prefix}/kept")["LastModified"]
    before.put({"foreign": b"f"}, prefix)
    (container,) = find_containers(engine, name)
    noted = "cd /opt/ml/checkpoints; [ -e kept.sagemaker-uploaded ] && [ -e removed.sagemaker-uploaded ]"
    until("a note of them", lambda: container.exec_run(["sh", "-c", noted]).exit_code == 0)
    restartable.kill()
    release(engine, name)
    until("the change", lambda: container.exec_run("test -e /tmp/go").exit_code == 1)

    after = restartable.start()
    expected = {"kept": b"a\n", "new": b"c\n", "restored-too": b"r", "foreign": b"f"}
    until("the change in S3", lambda: contents(after, prefix) == expected)
    assert after.s3.head_object(Bucket=BUCKET, Key=f"{prefix}/kept")["LastModified"] == kept
    release(engine, name)
    completed(after.wait(name))
    assert contents(after, prefix) == expected


def test_an_interrupted_run_leaves_its_checkpoint_to_the_next(emulator: TrainingClient) -> None:
    _, uri = s3_folder()
    run = "cd /opt/ml/checkpoints; [ ! -e step ] || exec cp step /opt/ml/model; echo 1 > step; echo UP; sleep 600"
    name = emulator.create(
        {"run": run},
        EnableManagedSpotTraining=True,
        StoppingCondition={"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 100_000},
        CheckpointConfig={"S3Uri": uri},
    )
    emulator.wait_for_line(name, "UP")
    call = Request(f"{emulator.url}/_emulator/training-jobs/{name}/interrupt", method="POST")
    with urlopen(call) as answer:
        assert answer.status == 202
    job = emulator.wait(name)
    assert emulator.files(completed(job)) == {"step": b"1\n"}
    assert "Interrupted" in statuses(job)
