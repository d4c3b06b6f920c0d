"""VolumeSizeInGB."""

import re

import pytest

from tests.e2e.training_client import BUCKET, TrainingClient, channel, new_name, statuses

MIB = 2**20
TOO_MUCH = "ClientError: Data download failed:Insufficient disk space "


@pytest.fixture(scope="module")
def more_than_a_gib(emulator: TrainingClient) -> str:
    prefix = new_name("large")
    emulator.s3.put_object(Bucket=BUCKET, Key=f"{prefix}/0", Body=bytes(128 * MIB))
    for number in range(1, 9):
        source = {"Bucket": BUCKET, "Key": f"{prefix}/0"}
        emulator.s3.copy_object(Bucket=BUCKET, Key=f"{prefix}/{number}", CopySource=source)
    return f"s3://{BUCKET}/{prefix}/"


def test_input_larger_than_the_volume_fails_before_the_container_runs(
    emulator: TrainingClient, more_than_a_gib: str
) -> None:
    job = emulator.train(channels=[channel("train", more_than_a_gib)])
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == (f"{TOO_MUCH}(algo-1: input data of 1.12 GiB, storage volume 1.00 GiB)")
    assert statuses(job) == ["Starting", "Downloading", "Failed"]
    assert emulator.lines(job["TrainingJobName"]) == []


def test_shards_need_room_on_their_own_hosts_only(emulator: TrainingClient, more_than_a_gib: str) -> None:
    shards = channel("train", more_than_a_gib, S3DataDistributionType="ShardedByS3Key")
    job = emulator.train({"run": "ls /opt/ml/input/data/train | wc -l"}, [shards], instances=2)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    lines = [emulator.lines(job["TrainingJobName"], host) for host in ("algo-1", "algo-2")]
    assert lines == [["5"], ["4"]]


def test_local_storage_takes_the_volume_s_place(emulator: TrainingClient, more_than_a_gib: str) -> None:
    job = emulator.train(channels=[channel("train", more_than_a_gib)], instance_type="ml.r5d.large")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")


def test_a_container_that_fills_its_volume_is_ended(emulator: TrainingClient) -> None:
    run = "echo x > /opt/ml/output/data/x; head -c 1200000000 /dev/zero > /opt/ml/model/big"
    job = emulator.train({"on_sigterm": "save", "run": run, "sleep": "600"})
    assert job["TrainingJobStatus"] == "Failed"
    # More than one GiB; the file may grow still when it is looked at.
    assert re.match(
        r"ClientError: Insufficient disk space: algo-1 uses 1\.[01]\d GiB of ", job["FailureReason"]
    ), job["FailureReason"]
    assert statuses(job)[-3:] == ["Training", "Uploading", "Failed"]
    assert emulator.files(job["TrainingJobName"], "output") == {"x": b"x\n"}
