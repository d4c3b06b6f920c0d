"""The server goes down and comes back on the same data directory."""

from pathlib import Path

import docker
import pytest

from tests.e2e.conftest import Restartable
from tests.e2e.held_containers import WAIT, find_containers
from tests.e2e.leftovers import LABEL, find_leftovers
from tests.e2e.slow_s3 import running_slow_s3
from tests.e2e.training_client import BUCKET, TrainingClient, channel, statuses, until


def numbers(lines: list[str]) -> list[int]:
    return [int(line[:6]) for line in lines]


@pytest.mark.ordinary_user
@pytest.mark.parametrize("way", ["kill", "stop"])
def test_running_containers_are_adopted_and_no_line_is_lost_or_doubled(
    restartable: Restartable, engine: docker.DockerClient, way: str
) -> None:
    before = restartable.start()
    name = before.create({"run": "echo x > /opt/ml/model/x", "count": "/tmp/enough"}, instances=2)
    seen = len(before.wait_for_line(name, "000020"))
    created = before.describe(name)["CreationTime"]
    getattr(restartable, way)()

    after = restartable.start()
    assert after.describe(name)["SecondaryStatus"] == "Training"
    after.wait_for_line(name, f"{seen + 50:06d}")
    for container in find_containers(engine, name):
        container.exec_run("touch /tmp/enough")
    job = after.wait(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert statuses(job) == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["CreationTime"] == created
    for host in ("algo-1", "algo-2"):
        found = numbers(after.lines(name, host))
        assert found == list(range(len(found)))
    assert list(after.files(name)) == ["x"]


def test_container_that_ended_while_the_server_was_down(
    restartable: Restartable, engine: docker.DockerClient
) -> None:
    before = restartable.start()
    name = before.create(
        {
            "run": f"echo x > /opt/ml/model/x; {WAIT}; echo last words",
            "failure": "gave up",
            "exit_code": "7",
        }
    )
    before.wait_for_status(name, "Training")
    (container,) = until("the container", lambda: find_containers(engine, name))
    until("a running container", lambda: container.exec_run("true").exit_code == 0)
    restartable.kill()
    assert container.exec_run("touch /tmp/go").exit_code == 0
    container.wait()

    after = restartable.start()
    job = after.wait(name)
    assert job["FailureReason"] == "AlgorithmError: gave up, exit code: 7"
    assert after.lines(name) == ["last words"]
    assert list(after.files(name)) == ["x"]


def test_stop_that_a_killed_server_had_accepted(restartable: Restartable) -> None:
    before = restartable.start(TIME_SCALE="1")
    name = before.create({"on_sigterm": "ignore", "sleep": "600"})
    before.wait_for_line(name, "SLEEPING")
    before.stop(name)
    before.wait_for_status(name, "Stopping")
    restartable.kill()
    job = restartable.start(TIME_SCALE="0.001").wait(name)
    assert job["SecondaryStatus"] == "Stopped"
    assert statuses(job).count("Stopping") == 1


@pytest.mark.ordinary_user
def test_download_that_was_cut_off_is_done_again(restartable: Restartable, tmp_path: Path) -> None:
    with running_slow_s3(tmp_path / "s3") as slow:
        settings = {"S3_ENDPOINT_URL": slow.url, "S3_ACCESS_KEY": "test", "S3_SECRET_KEY": "test"}
        before = restartable.start(**settings)
        uri = before.put({"first": b"1", "slow": bytes(20 * 2**20)})
        name = before.create({"run": "ls -l /opt/ml/input/data/train"}, [channel("train", uri)])
        before.wait_for_status(name, "Downloading")
        until("a part of the data", lambda: [*(restartable.data_dir / "work").rglob("*slow*")])
        restartable.kill()
        slow.release()
        after = restartable.start(**settings)
        job = after.wait(name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert statuses(job).count("Downloading") == 1


def test_restart_between_jobs_loses_nothing(restartable: Restartable) -> None:
    before = restartable.start()
    uri = before.put({"in.csv": b"1,2\n"})
    name = before.create(
        {"run": "tee /opt/ml/model/weights < /opt/ml/input/data/train/in.csv"},
        [channel("train", uri)],
        Tags=[{"Key": "team", "Value": "search"}],
    )
    job = before.wait(name)
    assert job["TrainingJobStatus"] == "Completed", job["FailureReason"]
    told = tell_everything(before, name)
    restartable.stop()

    after = restartable.start()
    assert tell_everything(after, name) == told
    assert after.body(f"{uri}in.csv") == b"1,2\n"
    again = after.train({"run": "echo again"}, [channel("train", uri)])
    assert after.lines(again["TrainingJobName"]) == ["again"]
    listed = after.sagemaker.list_training_jobs(SortBy="CreationTime", SortOrder="Ascending")
    names = [summary["TrainingJobName"] for summary in listed["TrainingJobSummaries"]]
    assert names == [name, again["TrainingJobName"]]


def tell_everything(client: TrainingClient, name: str) -> list[object]:
    job = client.describe(name)
    job.pop("ResponseMetadata")
    tags = client.sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    objects = client.s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    return [job, tags, objects, client.events(name), client.files(name), client.emulator_report(name)]


@pytest.mark.ordinary_user
def test_shutdown_with_stop_removes_containers_and_fails_the_job(
    restartable: Restartable, engine: docker.DockerClient
) -> None:
    before = restartable.start(ON_SHUTDOWN="stop")
    name = before.create({"sleep": "600"})
    before.wait_for_line(name, "SLEEPING")
    restartable.stop()
    installation = (restartable.data_dir / "installation").read_text()
    assert find_leftovers(engine, [installation]) == []
    assert [*restartable.data_dir.glob("work/*")] == []
    job = restartable.start().wait(name)
    assert job["FailureReason"].startswith("InternalServerError: ")


@pytest.mark.ordinary_user
def test_sweep_takes_strays_of_this_installation_only(
    restartable: Restartable, engine: docker.DockerClient, algorithm_image: str
) -> None:
    restartable.start()
    restartable.stop()
    installation = (restartable.data_dir / "installation").read_text()
    stray, other = (
        engine.containers.create(
            algorithm_image,
            labels={LABEL: owner, "sagemaker-emulator.cluster": f"stray-{owner}"},
        )
        for owner in (installation, f"other-{installation}")
    )
    (restartable.data_dir / "work" / "stray" / "shared").mkdir(parents=True)
    try:
        restartable.start()
        until("no strays", lambda: not find_leftovers(engine, [installation]))
        until("no staged input", lambda: not [*restartable.data_dir.glob("work/*")])
        assert engine.containers.get(str(other.id)).status == "created"
    finally:
        other.remove()
        if find_leftovers(engine, [installation]):
            stray.remove()


def test_second_server_on_the_same_data_directory_is_refused(restartable: Restartable) -> None:
    restartable.start()
    with pytest.raises(pytest.fail.Exception, match="Another emulator uses the data directory"):
        Restartable(restartable.data_dir, "unused").start()


def test_two_servers_on_one_engine_leave_each_others_jobs_alone(
    restartable: Restartable, patient: TrainingClient
) -> None:
    running = patient.create({"on_sigterm": "save", "sleep": "600"})
    patient.wait_for_line(running, "SLEEPING")
    other = restartable.start(ON_SHUTDOWN="stop")
    assert other.train({"run": "true"})["TrainingJobStatus"] == "Completed"
    restartable.stop()
    assert patient.describe(running)["SecondaryStatus"] == "Training"
    patient.stop(running)
    assert list(patient.files(patient.wait(running)["TrainingJobName"])) == ["saved-algo-1"]
