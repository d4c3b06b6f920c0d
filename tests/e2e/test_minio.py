"""The same job on the embedded S3 and on a real MinIO."""

import random
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.e2e.conftest import Launch
from tests.e2e.training_client import BUCKET, TrainingClient, channel, script, training_client
from tests.support.minio_server import ACCESS_KEY, SECRET_KEY, running_minio

pytestmark = pytest.mark.minio

BIG = random.Random(1).randbytes(40 * 2**20)
"""More than two parts of an upload."""

INPUT = {
    "big": BIG,
    "zero": b"",
    "ünï/ço de": b"unicode",
    **{f"part-{number:03d}": str(number).encode() for number in range(50)},
}

COPY = script("""
    me=$(hostname)
    mkdir /opt/ml/model/$me
    cp -r /opt/ml/input/data/. /opt/ml/model/$me/
    echo $me > /opt/ml/model/last
    ln -s last /opt/ml/model/link
    chmod 600 /opt/ml/model/last
    echo $me > /opt/ml/output/data/$me
""")


@pytest.fixture(scope="module")
def minio_emulator(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrainingClient]:
    keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
    with running_minio(tmp_path_factory.mktemp("minio")) as url:
        settings = {"S3_ENDPOINT_URL": url, "S3_ACCESS_KEY": ACCESS_KEY, "S3_SECRET_KEY": SECRET_KEY}
        with launch(keys=keys, **settings) as client:
            yield client


def run(client: TrainingClient) -> dict[str, Any]:
    """The job, and both archives as far as they do not tell the time."""
    uri = client.put(INPUT, "same-input")
    other = client.put({"x.csv": b"1"}, "same-validation")
    channels = [
        channel("train", uri, S3DataDistributionType="ShardedByS3Key"),
        channel("validation", other),
    ]
    job = client.train({"run": COPY}, channels, instances=2)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return {
        archive: {
            name: (info.type, info.mode, info.uid, info.gid, info.linkname, content)
            for name, (info, content) in client.artifacts(job["TrainingJobName"], archive).items()
        }
        for archive in ("model", "output")
    }


def test_same_job_on_embedded_s3_and_on_minio_gives_the_same_members(
    emulator: TrainingClient, minio_emulator: TrainingClient
) -> None:
    on_minio, on_embedded = run(minio_emulator), run(emulator)
    assert on_minio["model"].keys() == on_embedded["model"].keys()
    differing = [name for name, seen in on_minio["model"].items() if on_embedded["model"][name] != seen]
    assert differing == []
    assert on_minio["output"] == on_embedded["output"]
    copies = [content for name, (*_, content) in on_minio["model"].items() if name.endswith("/train/big")]
    assert copies == [BIG]


def test_failure_of_the_external_s3_is_told(minio_emulator: TrainingClient) -> None:
    job = minio_emulator.train(
        {"run": "echo x > /opt/ml/model/x"}, OutputDataConfig={"S3OutputPath": "s3://no-such-bucket/x"}
    )
    assert job["FailureReason"].startswith("ClientError: Artifact upload failed:")


def test_single_files_are_the_same_objects_on_minio(
    emulator: TrainingClient, minio_emulator: TrainingClient
) -> None:
    output = {"S3OutputPath": f"s3://{BUCKET}/files", "CompressionType": "NONE"}
    uri = {client: client.put(INPUT, "same-input") for client in (emulator, minio_emulator)}
    found = {}
    for client in (emulator, minio_emulator):
        job = client.train({"run": COPY}, [channel("train", uri[client])], OutputDataConfig=output)
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
        prefix = f"files/{job['TrainingJobName']}/output/"
        found[client] = {
            key.removeprefix(prefix): client.body(f"s3://{BUCKET}/{key}") for key in client.keys(prefix)
        }
    assert found[minio_emulator] == found[emulator]
    assert found[emulator]["model/algo-1/train/big"] == BIG
    assert found[emulator]["data/algo-1"] == b"algo-1\n"


def test_external_s3_has_no_regions_that_could_differ(minio_emulator: TrainingClient) -> None:
    uri = minio_emulator.put({"a": b"1"})
    with training_client(minio_emulator.url, minio_emulator.image) as abroad:
        keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
        abroad.sagemaker.close()
        abroad.sagemaker = boto3.client("sagemaker", endpoint_url=abroad.url, region_name="eu-west-1", **keys)
        job = abroad.train({"run": "cat /opt/ml/input/data/train/a"}, [channel("train", uri)])
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert ":eu-west-1:" in job["TrainingJobArn"]
