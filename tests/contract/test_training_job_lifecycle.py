"""How jobs end: every ending, on scripted containers."""

import io
import math
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from emulator.compute.fake import FakeBackend, Script
from emulator.domain.cluster import Capacity, UsageSample
from tests.support.emulator_server import (
    RunningEmulator,
    job_request,
    running_emulator,
    s3_channel,
    transitions,
    wait_for_status,
    wait_until,
)

Start = Callable[..., RunningEmulator]
ENDLESS = Script(after=math.inf)
TWO = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start an emulator with these scripts; `backend` keeps the last one."""
    with ExitStack() as stack:

        def start(scripts: dict[str, Script] | None = None, **settings: Any) -> RunningEmulator:
            backend = settings.pop("compute", None) or FakeBackend(scripts)
            running = stack.enter_context(running_emulator(tmp_path / "data", backend, **settings))
            running.client("s3").create_bucket(Bucket="artifacts")
            return running

        yield start


def run_job(running: RunningEmulator, name: str, **changes: Any) -> dict[str, Any]:
    sagemaker = running.client("sagemaker")
    sagemaker.create_training_job(**job_request(name, **changes))
    return wait_for_status(sagemaker, name, "Completed", "Failed", "Stopped")


def test_artifacts_of_all_hosts_are_merged_and_the_last_host_wins(start: Start) -> None:
    running = start(
        {
            "algo-1": Script(writes={"model/one": b"1", "model/same": b"first", "output/data/log": b"l"}),
            "algo-2": Script(writes={"model/two": b"2", "model/same": b"last"}),
        }
    )
    job = run_job(running, "merge", ResourceConfig=TWO)
    assert job["TrainingJobStatus"] == "Completed"
    s3 = running.client("s3")
    model = s3.get_object(Bucket="artifacts", Key="out/merge/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(model)) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]
    assert members == {"one": b"1", "two": b"2", "same": b"last"}
    listed = s3.list_objects_v2(Bucket="artifacts", Prefix="out/merge/")["Contents"]
    assert [found["Key"].rpartition("/")[2] for found in listed] == ["model.tar.gz", "output.tar.gz"]


def test_artifacts_that_are_not_compressed_are_objects_of_their_own(start: Start) -> None:
    running = start(
        {
            "algo-1": Script(writes={"model/a/one": b"1", "model/same": b"first", "output/data/log": b"l"}),
            "algo-2": Script(writes={"model/two": b"", "model/same": b"last"}),
        }
    )
    output = {"S3OutputPath": "s3://artifacts/", "CompressionType": "NONE", "KmsKeyId": "alias/key"}
    job = run_job(running, "files", ResourceConfig=TWO, OutputDataConfig=output)
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://artifacts/files/output/model/"
    assert job["OutputDataConfig"] == output
    s3 = running.client("s3")
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket="artifacts")["Contents"]]
    assert {key: s3.get_object(Bucket="artifacts", Key=key)["Body"].read() for key in keys} == {
        "files/output/data/log": b"l",
        "files/output/model/a/one": b"1",
        "files/output/model/same": b"last",
        "files/output/model/two": b"",
    }


def test_an_empty_model_directory_leaves_no_object(start: Start) -> None:
    running = start()
    job = run_job(running, "empty")
    assert job["TrainingJobStatus"] == "Completed"
    assert running.client("s3").list_objects_v2(Bucket="artifacts")["KeyCount"] == 0


def test_a_failing_host_ends_the_others_and_is_the_one_to_blame(start: Start) -> None:
    backend = FakeBackend({"algo-1": ENDLESS, "algo-2": Script(exit_code=3, after=0.05)})
    running = start(compute=backend)
    job = run_job(running, "blame", ResourceConfig=TWO)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: , exit code: 3"
    assert transitions(job)[-2:] == ["Uploading", "Failed"]


def test_a_host_that_ignores_sigterm_is_killed_after_the_grace(start: Start) -> None:
    stubborn = Script(after=math.inf, ignores_sigterm=True)
    running = start({"algo-1": stubborn}, time_scale=0.001)
    sagemaker = running.client("sagemaker")
    sagemaker.create_training_job(**job_request("stubborn"))
    wait_for_status(sagemaker, "stubborn", "Training")
    sagemaker.stop_training_job(TrainingJobName="stubborn")
    assert wait_for_status(sagemaker, "stubborn", "Stopped")["SecondaryStatus"] == "Stopped"


def test_the_failure_file_is_the_reason(start: Start) -> None:
    running = start({"algo-1": Script(exit_code=1, writes={"output/failure": b"bad learning rate"})})
    job = run_job(running, "failure-file")
    assert job["FailureReason"] == "AlgorithmError: bad learning rate, exit code: 1"


def test_a_failed_job_uploads_what_it_wrote(start: Start) -> None:
    running = start({"algo-1": Script(exit_code=1, writes={"model/half": b"x"})})
    run_job(running, "half")
    assert running.client("s3").head_object(Bucket="artifacts", Key="out/half/output/model.tar.gz")


def test_out_of_memory_has_awss_text_the_limit_and_the_peak(start: Start) -> None:
    running = start({"algo-1": Script(exit_code=137, oom_killed=True)})
    assert run_job(running, "memory")["FailureReason"] == (
        "ClientError: Please use an instance type with more memory, or reduce the size of job data processed on an "
        "instance. (algo-1, ml.m5.large: memory limit 6.94 GiB, peak 6.94 GiB)"
    )


def test_a_missing_image_fails_the_job(start: Start) -> None:
    running = start(compute=FakeBackend(images_that_cannot_be_pulled=frozenset({"algorithm:1"})))
    job = run_job(running, "no-image")
    assert job["FailureReason"].startswith("ClientError: Cannot find the training image algorithm:1")
    assert transitions(job) == ["Starting", "Downloading", "Failed"]


def test_a_missing_output_bucket_fails_the_job_with_s3s_words(start: Start) -> None:
    running = start({"algo-1": Script(writes={"model/m": b"x"})})
    job = run_job(running, "no-output", OutputDataConfig={"S3OutputPath": "s3://nowhere-at-all/out"})
    assert job["FailureReason"] == (
        "ClientError: Artifact upload failed:NoSuchBucket: The specified bucket does not exist "
        "(s3://nowhere-at-all/out/no-output/output/model.tar.gz)"
    )


def test_a_host_that_outgrows_its_volume_fails_the_job_and_keeps_its_artifacts(start: Start) -> None:
    """What the container wrote and its input count together; the other host is stopped."""
    usage = [UsageSample("", n, 10, 2**20, size) for n, size in enumerate((None, 2**30 - 3, 2**30 - 2))]
    backend = FakeBackend(
        {
            "fits/algo-1": Script(usage=tuple(usage[:2])),
            "grows/algo-1": Script(after=math.inf),
            "grows/algo-2": Script(after=math.inf, usage=tuple(usage), writes={"model/m": b"x"}),
        }
    )
    running = start(compute=backend)
    s3 = running.client("s3")
    s3.put_object(Bucket="artifacts", Key="in/a", Body=b"abc")
    channels = [s3_channel("train", "s3://artifacts/in/")]
    assert run_job(running, "fits", InputDataConfig=channels)["TrainingJobStatus"] == "Completed"
    job = run_job(running, "grows", ResourceConfig=TWO, InputDataConfig=channels)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        "ClientError: Insufficient disk space: algo-2 uses 1.00 GiB of a storage volume of 1.00 GiB. "
        "Please use a larger VolumeSizeInGB, or an instance type with more local storage."
    )
    assert transitions(job)[-2:] == ["Uploading", "Failed"]
    assert s3.head_object(Bucket="artifacts", Key="out/grows/output/model.tar.gz")


def test_max_runtime_stops_the_job_and_keeps_its_artifacts(start: Start) -> None:
    running = start({"algo-1": Script(after=math.inf, writes={"model/m": b"x"})})
    job = run_job(running, "slow", StoppingCondition={"MaxRuntimeInSeconds": 4})
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert transitions(job)[-4:] == ["Training", "Stopping", "Uploading", "MaxRuntimeExceeded"]
    assert running.client("s3").head_object(Bucket="artifacts", Key="out/slow/output/model.tar.gz")


def test_a_stop_while_pending_ends_the_job_without_a_start(start: Start) -> None:
    running = start({"big/algo-1": ENDLESS}, memory_budget="7GiB")
    sagemaker = running.client("sagemaker")
    sagemaker.create_training_job(**job_request("big"))
    wait_for_status(sagemaker, "big", "Training")
    sagemaker.create_training_job(**job_request("waiting"))
    pending = wait_for_status(sagemaker, "waiting", "Pending")
    assert pending["SecondaryStatusTransitions"][-1]["StatusMessage"] == "Training job waiting for capacity"
    sagemaker.stop_training_job(TrainingJobName="waiting")
    stopped = wait_for_status(sagemaker, "waiting", "Stopped")
    assert transitions(stopped) == ["Starting", "Pending", "Stopping", "Stopped"]
    assert "TrainingStartTime" not in stopped
    sagemaker.stop_training_job(TrainingJobName="big")
    wait_for_status(sagemaker, "big", "Stopped")


def test_a_pending_job_starts_when_there_is_room(start: Start) -> None:
    running = start({"first/algo-1": ENDLESS}, memory_budget="7GiB")
    sagemaker = running.client("sagemaker")
    sagemaker.create_training_job(**job_request("first"))
    wait_for_status(sagemaker, "first", "Training")
    sagemaker.create_training_job(**job_request("second"))
    wait_for_status(sagemaker, "second", "Pending")
    sagemaker.stop_training_job(TrainingJobName="first")
    job = wait_for_status(sagemaker, "second", "Completed")
    assert transitions(job)[:3] == ["Starting", "Pending", "Downloading"]
    assert job["SecondaryStatusTransitions"][1]["StatusMessage"] == "Preparing the instances for training"


def test_never_more_at_once_than_the_budget_holds(start: Start) -> None:
    backend = FakeBackend({"algo-1": Script(after=0.3)})
    running = start(compute=backend, memory_budget="15GiB")
    sagemaker = running.client("sagemaker")
    names = [f"many-{number}" for number in range(12)]
    for name in names:
        sagemaker.create_training_job(**job_request(name))
    for name in names:
        wait_for_status(sagemaker, name, "Completed")
    assert backend.most_at_once == 2


def test_scale_shrinks_the_limits_and_says_so_in_the_log(start: Start) -> None:
    running = start(memory_budget="8GiB")
    big = {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 2, "VolumeSizeInGB": 1}
    run_job(running, "scaled", ResourceConfig=big)
    logs = running.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="scaled/")["logStreams"]
    assert len(streams) == 2
    events = logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"])["events"]
    assert "ml.m5.24xlarge has 384.00 GiB of memory" in events[0]["message"]
    assert "this container gets 4.00 GiB" in events[0]["message"]


def test_strict_fails_what_can_never_fit(start: Start) -> None:
    running = start(memory_budget="4GiB", memory_policy="strict")
    job = run_job(running, "strict")
    assert job["FailureReason"] == (
        "CapacityError: Unable to provision requested ML compute capacity. "
        "Please retry using a different ML instance type."
    )


def test_jobs_never_share_a_gpu(start: Start) -> None:
    capacity = Capacity(cpus=8, memory_bytes=256 * 2**30, gpu_ids=("0", "1"))
    backend = FakeBackend({"a/algo-1": ENDLESS, "b/algo-1": ENDLESS}, capacity)
    running = start(compute=backend)
    sagemaker = running.client("sagemaker")
    gpu = {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
    for name in ("a", "b", "c"):
        sagemaker.create_training_job(**job_request(name, ResourceConfig=gpu))
    for name in ("a", "b"):
        wait_for_status(sagemaker, name, "Training")
    wait_for_status(sagemaker, "c", "Pending")
    wait_until(lambda: len(backend.limits()) == 2)
    given = [limits.gpu_ids for limits in backend.limits()]
    assert sorted(given) == [("0",), ("1",)]
    sagemaker.stop_training_job(TrainingJobName="a")
    wait_for_status(sagemaker, "c", "Completed")
    sagemaker.stop_training_job(TrainingJobName="b")
    wait_for_status(sagemaker, "b", "Stopped")


def test_input_that_would_leave_the_channel_is_refused(start: Start) -> None:
    running = start()
    s3 = running.client("s3")
    s3.create_bucket(Bucket="hostile")
    s3.put_object(Bucket="hostile", Key="data/../../etc/passwd", Body=b"x")
    job = run_job(running, "hostile", InputDataConfig=[s3_channel("train", "s3://hostile/data/")])
    assert job["FailureReason"].startswith("ClientError: Data download failed:channel train: the key ")
    assert "would leave the channel's directory" in job["FailureReason"]


def test_every_host_has_a_log_stream_also_without_output(start: Start) -> None:
    running = start({"algo-1": Script(logs=("hello\tworld",)), "algo-2": Script()})
    run_job(running, "streams", ResourceConfig=TWO)
    logs = running.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="streams/")["logStreams"]
    assert [stream["logStreamName"].rpartition("-")[0] for stream in streams] == [
        "streams/algo-1",
        "streams/algo-2",
    ]
    events = logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"])["events"]
    assert [event["message"] for event in events] == ["hello#011world"]


def test_nothing_is_left_of_finished_jobs(start: Start, tmp_path: Path) -> None:
    backend = FakeBackend({"algo-1": Script(exit_code=1)})
    running = start(compute=backend)
    run_job(running, "gone")
    wait_until(lambda: not backend.limits())
    wait_until(lambda: not list((tmp_path / "data" / "work").glob("*")))
