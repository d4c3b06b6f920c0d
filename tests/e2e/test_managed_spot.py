"""Spot instances that are taken away, internal errors that are forgiven: one job, several runs."""

from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import docker
import pytest

from emulator.domain.interruption_schedule import InterruptionSchedule
from tests.e2e.conftest import Launch, Restartable
from tests.e2e.held_containers import WAIT, find_containers, release
from tests.e2e.test_checkpoints import completed, contents, s3_folder
from tests.e2e.training_client import GROUP, TrainingClient, channel, new_name, script, statuses, until

SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 100_000},
}
FAULT = "internal-server-error"
RUN = ["Starting", "Downloading", "Training"]
STEPS = 60
COUNT = f"""cd /opt/ml/input/data; cat files/a fast/a pipe_0; cd /opt/ml/checkpoints
    read step total < state || {{ step=0; total=0; }}
    stop=$((step == 0 ? 20 : step <= 20 ? 40 : 0))
    while [ $step -lt {STEPS} ]; do step=$((step + 1)); total=$((total + step))
    echo $step $total > /tmp/state; cp /tmp/state new; mv new state; echo STEP $step; sleep 0.03
    [ $step -ne $stop ] || sleep 600; done
    cp state /opt/ml/model"""
"""The first run stops counting at step 20 and the second one at step 40, if their interruptions are late."""


def control(client: TrainingClient, name: str, what: str) -> int:
    """POST /_emulator/training-jobs/NAME/WHAT; the HTTP status."""
    call = Request(f"{client.url}/_emulator/training-jobs/{name}/{what}", method="POST")
    try:
        with urlopen(call) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def channels(client: TrainingClient) -> list[dict[str, Any]]:
    """One of each input mode, with one line."""
    uri = client.put({"a": b"DATA\n"})
    return [
        channel("files", uri),
        {**channel("fast", uri), "InputMode": "FastFile"},
        {**channel("pipe", uri), "InputMode": "Pipe"},
    ]


def streams(client: TrainingClient, name: str) -> list[str]:
    found = client.logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{name}/")
    return [stream["logStreamName"] for stream in found["logStreams"]]


@pytest.mark.ordinary_user
def test_a_job_that_is_interrupted_twice_ends_with_the_right_model(emulator: TrainingClient) -> None:
    prefix, uri = s3_folder()
    run = script(COUNT.replace("|| {", "2>/dev/null || {"))
    hosts = {"on_sigterm": "save", "run": run}
    name = emulator.create(hosts, channels(emulator), CheckpointConfig={"S3Uri": uri}, **SPOT)
    for line in ("STEP 5", "STEP 25"):
        emulator.wait_for_line(name, line)
        assert control(emulator, name, "interrupt") == 202
    job = emulator.wait(name)

    assert emulator.files(completed(job))["state"] == f"{STEPS} {STEPS * (STEPS + 1) // 2}\n".encode()
    assert contents(emulator, prefix) == {"state": b"60 1830\n"}
    assert statuses(job) == [*RUN, "Interrupted", *RUN, "Interrupted", *RUN, "Uploading", "Completed"]
    lines = emulator.lines(name)
    assert lines.count("DATA") == 3 * 3
    steps = [int(line.split()[1]) for line in lines if line.startswith("STEP")]
    assert steps[-1] == STEPS
    assert set(range(1, STEPS + 1)) - set(steps) <= {step + 1 for step in steps}, "work was lost"
    assert len(steps) <= STEPS, "steps were done again"
    assert len(streams(emulator, name)) == 3
    assert len({stream.rpartition("-")[2] for stream in streams(emulator, name)}) == 3
    assert 0 < job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]
    report = emulator.emulator_report(name)
    assert (report["run"], len(report["former_runs"])) == (3, 2)


def test_every_run_has_fresh_containers_and_one_at_a_time(
    emulator: TrainingClient, engine: docker.DockerClient
) -> None:
    run = f"ls /tmp/mark 2>&1; touch /tmp/mark /opt/ml/model/x; echo UP; {WAIT}"
    name = emulator.create({"on_sigterm": "save", "run": f"{run}; ls /opt/ml/model"}, instances=2, **SPOT)
    first = {str(one.id) for one in until("both", lambda: _two(emulator, engine, name))}
    assert control(emulator, name, "interrupt") == 202
    until("the second run", lambda: emulator.emulator_report(name)["run"] == 2)
    second = until("new ones", lambda: _others(engine, name, first))
    assert len(second) == 2
    everything = {"name": f"sagemaker-{name}-"}
    assert len(engine.containers.list(all=True, filters=everything, ignore_removed=True)) == 2
    release(engine, name)
    job = emulator.wait(name)
    assert list(emulator.files(completed(job))) == ["x"]
    assert emulator.lines(name)[-3:] == [
        "ls: cannot access '/tmp/mark': No such file or directory",
        "UP",
        "x",
    ]


def _two(client: TrainingClient, engine: docker.DockerClient, name: str) -> Any:
    up = all("UP" in client.lines(name, host) for host in ("algo-1", "algo-2"))
    return find_containers(engine, name) if up else None


def _others(engine: docker.DockerClient, name: str, former: set[str]) -> Any:
    found = [one for one in find_containers(engine, name) if one.id not in former]
    return found if len(found) == 2 else None


def test_a_seeded_schedule_interrupts_by_itself(launch: Launch, engine: docker.DockerClient) -> None:
    text = "mean=4,seed=7,most=2"
    schedule = InterruptionSchedule.parse(text)

    def seconds(name: str) -> list[float]:
        return [seconds for number in range(2) if (seconds := schedule.seconds(name, number)) is not None]

    def find_name(least: float, most: float) -> str:
        return next(name for name in iter(new_name, "") if all(least < s < most for s in seconds(name)))

    name, early = find_name(3.5, 5), find_name(0, 1)
    with launch(SPOT_INTERRUPTIONS=text) as client:
        hosts = {"on_sigterm": "save", "run": f"{WAIT}; echo x > /opt/ml/model/x"}
        client.create(hosts, TrainingJobName=name, **SPOT)
        until("the third run", lambda: client.emulator_report(name)["run"] == 3)
        until("its container", lambda: find_containers(engine, name))
        release(engine, name)
        job = client.wait(name)
        assert client.files(completed(job)) == {"x": b"x\n"}
        assert statuses(job) == [*[*RUN, "Interrupted"] * 2, *RUN, "Uploading", "Completed"]
        times = [t for t in job["SecondaryStatusTransitions"] if t["Status"] == "Training"]
        ran = [(t["EndTime"] - t["StartTime"]).total_seconds() for t in times]
        assert all(time >= planned for time, planned in zip(ran, seconds(name), strict=False))
        client.create({"sleep": "2"}, TrainingJobName=early)
        assert statuses(client.wait(early)).count("Training") == 1, "an on-demand job was interrupted"


def test_an_interruption_before_the_server_was_killed_is_gone_on_with(restartable: Restartable) -> None:
    before = restartable.start(TIME_SCALE="1")
    prefix, uri = s3_folder()
    run = "cd /opt/ml/checkpoints; [ ! -e first ] || exec cp first /opt/ml/model; echo 1 > first; echo UP; sleep 600"
    spot = {**SPOT, "CheckpointConfig": {"S3Uri": uri}}
    name = before.create({"on_sigterm": "save", "run": run}, **spot)
    before.wait_for_line(name, "UP")
    assert control(before, name, "interrupt") == 202
    before.wait_for_status(name, "Interrupted")
    restartable.kill()
    after = restartable.start(TIME_SCALE="0.01")
    job = after.wait(name)
    assert after.files(completed(job)) == {"first": b"1\n"}
    assert statuses(job).count("Interrupted") == 1
    assert contents(after, prefix) == {"first": b"1\n"}


@pytest.mark.parametrize("attempts", [0, 1])
def test_internal_errors_are_forgiven_as_often_as_the_retry_strategy_says(
    emulator: TrainingClient, attempts: int
) -> None:
    strategy = {"RetryStrategy": {"MaximumRetryAttempts": attempts}} if attempts else {}
    name = emulator.create({"run": "echo UP; sleep 600"}, channels(emulator), **strategy)
    for run in range(attempts + 1):
        until("another run", lambda ups=run + 1: emulator.lines(name).count("UP") == ups)
        assert control(emulator, name, FAULT) == 202
    job = emulator.wait(name)
    assert job["FailureReason"].startswith("InternalServerError: We encountered an internal error.")
    assert statuses(job) == [*RUN * (attempts + 1), "Failed"]
    assert control(emulator, name, FAULT) == 409


def test_only_spot_jobs_can_be_interrupted(emulator: TrainingClient) -> None:
    name = emulator.create({"on_sigterm": "save", "sleep": "600"})
    emulator.wait_for_line(name, "SLEEPING")
    assert control(emulator, name, "interrupt") == 409
    assert control(emulator, "unknown", "interrupt") == 404
    emulator.stop(name)
    assert emulator.wait(name)["TrainingJobStatus"] == "Stopped"
