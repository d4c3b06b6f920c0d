"""OutputDataConfig with CompressionType NONE."""

import hashlib
import json

import pytest

from tests.e2e.training_client import BUCKET, TrainingClient, new_name, script

NONE = {"CompressionType": "NONE"}


def objects_below(emulator: TrainingClient, prefix: str) -> dict[str, bytes]:
    return {key.removeprefix(prefix): emulator.body(f"s3://{BUCKET}/{key}") for key in emulator.keys(prefix)}


@pytest.mark.ordinary_user
def test_files_of_both_hosts_are_objects(emulator: TrainingClient) -> None:
    """Where both wrote the same path, algo-2's stays; S3 has no directories and no links."""
    first = script("""cd /opt/ml/model; mkdir -p code empty/er; echo 1 > code/inference.py; echo 1 > same
        ln code/inference.py hard; ln -s same soft; ln -s /etc/passwd outside; mkfifo fifo
        : > zero; head -c 20000000 /dev/zero > big; echo o > /opt/ml/output/data/own""")
    second = script("""cd /opt/ml/model; mkdir code; echo 2 > "code/größe +%20 数据.bin"; echo 2 > same
        echo 2 > code/inference.py""")
    job = emulator.train(
        {"algo-1": json.dumps({"run": first}), "algo-2": json.dumps({"run": second})},
        instances=2,
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/output/", **NONE},
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    name = job["TrainingJobName"]
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/output/{name}/output/model/"
    found = objects_below(emulator, f"output/{name}/output/")
    assert hashlib.sha256(found.pop("model/big")).digest() == hashlib.sha256(bytes(20_000_000)).digest()
    assert found == {
        "data/own": b"o\n",
        "model/code/inference.py": b"2\n",
        "model/code/größe +%20 数据.bin": b"2\n",
        "model/hard": b"1\n",
        "model/same": b"2\n",
        "model/zero": b"",
    }


def test_nothing_but_empty_directories_leaves_no_object(emulator: TrainingClient) -> None:
    output = {"S3OutputPath": f"s3://{BUCKET}/output", **NONE}
    job = emulator.train({"run": "mkdir -p /opt/ml/model/a/b"}, OutputDataConfig=output)
    name = job["TrainingJobName"]
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/output/{name}/output/model/"
    assert emulator.keys(f"output/{name}") == []


def test_a_file_name_that_can_be_no_key_fails_the_job(emulator: TrainingClient) -> None:
    run = "printf x > /opt/ml/model/$(printf 'caf\\351')"
    job = emulator.train({"run": run}, OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/output", **NONE})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Artifact upload failed:the file name ")
    assert "is not UTF-8" in job["FailureReason"]


@pytest.mark.parametrize("ending", ["", "/"])
def test_output_path_may_be_the_bucket_itself(emulator: TrainingClient, ending: str) -> None:
    bucket = new_name("bucket")
    emulator.s3.create_bucket(Bucket=bucket)
    output = {"S3OutputPath": f"s3://{bucket}{ending}", "KmsKeyId": "alias/mine"}
    job = emulator.train({"run": "echo x > /opt/ml/model/x"}, OutputDataConfig=output)
    uri = f"s3://{bucket}/{job['TrainingJobName']}/output/model.tar.gz"
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == uri
    assert emulator.body(uri)[:2] == b"\x1f\x8b"
    assert job["OutputDataConfig"] == {**output, "CompressionType": "GZIP"}
