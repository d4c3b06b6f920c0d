"""From the first request to a model that predicts, through plain boto3. Read it from run_demo() on.

It starts its own emulator on a free port with a temporary directory, and takes both away again.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import demo_endpoint
import docker
from images import BaseImageError, build_sample

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
TRUE_WEIGHTS = [2.0, -1.5, 0.8, 0.0, -0.3]
FINAL = {"Completed", "Failed", "Stopped"}


def step(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


@contextlib.contextmanager
def running_emulator(directory: Path) -> Iterator[str]:
    """The endpoint URL of an emulator that runs until the end of the `with` block."""
    program = Path(sys.executable).with_name("sagemaker-emulator")
    environment = os.environ | {"SAGEMAKER_EMULATOR_ON_SHUTDOWN": "stop"}
    with (directory / "emulator.log").open("w+") as log:
        process = subprocess.Popen(
            [program, "serve", "--port", "0", "--data-dir", directory / "data"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,  # Ctrl-C is for the demo, which then ends the emulator
        )
        try:
            yield endpoint_when_ready(process)
        except Exception:
            print("\nThe emulator's log:\n" + (directory / "emulator.log").read_text(), file=sys.stderr)
            raise
        finally:
            end(process)


def end(process: subprocess.Popen[str]) -> None:
    """The emulator stops its containers first, so a second Ctrl-C has to wait as well."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    process.terminate()
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def endpoint_when_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    endpoint = None
    for line in process.stdout:
        print(f"   | {line}", end="", flush=True)
        endpoint = endpoint or re.search(r"https?://[\w.\-]+:\d+", line)
        if line.strip() == "Ready.":
            assert endpoint is not None
            return endpoint[0]
    raise RuntimeError("The emulator ended before it was ready.")


def csv_rows(count: int, seed: int) -> list[list[float]]:
    """Rows of label and features; the label follows TRUE_WEIGHTS, with some noise."""
    source = random.Random(seed)
    rows = []
    for _ in range(count):
        features = [source.gauss(0, 1) for _ in TRUE_WEIGHTS]
        logit = sum(map(float.__mul__, TRUE_WEIGHTS, features)) + 0.5
        rows.append([float(logit + source.gauss(0, 0.5) > 0), *features])
    return rows


def upload_shards(s3: Any, bucket: str, shards: int) -> None:
    s3.create_bucket(Bucket=bucket)
    for shard in range(shards):
        body = "\n".join(",".join(f"{cell:.6g}" for cell in row) for row in csv_rows(250, seed=shard))
        s3.put_object(Bucket=bucket, Key=f"data/part-{shard}.csv", Body=body.encode())


def create_training_job(sagemaker: Any, name: str, image: str, bucket: str) -> None:
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
        RoleArn="arn:aws:iam::000000000000:role/SageMakerRole",
        HyperParameters={"epochs": "12", "learning_rate": "1.0", "seconds_per_epoch": "0.2"},
        InputDataConfig=[
            {
                "ChannelName": "train",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": f"s3://{bucket}/data/",
                        "S3DataDistributionType": "ShardedByS3Key",
                    }
                },
            }
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 10},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )


def watch(sagemaker: Any, logs: Any, name: str) -> dict[str, Any]:
    """Print each secondary status and each log line as it comes, until the job is over."""
    seen_transitions, tokens = 0, dict[str, str]()
    while True:
        job: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        is_over = job["TrainingJobStatus"] in FINAL
        transitions = job.get("SecondaryStatusTransitions", [])
        for transition in transitions[seen_transitions:]:
            if transition["Status"] in FINAL:
                print_new_log_lines(logs, name, tokens)
            started, message = transition["StartTime"], transition.get("StatusMessage", "")
            print(f"   {started:%H:%M:%S} {transition['Status']:<12} {message}", flush=True)
        seen_transitions = len(transitions)
        print_new_log_lines(logs, name, tokens)
        if is_over:
            return job
        time.sleep(0.3)


def print_new_log_lines(logs: Any, name: str, tokens: dict[str, str]) -> None:
    """Each host has a log stream, JOB/algo-1-... and so on; its token says where we stopped reading."""
    try:
        found = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/")
    except logs.exceptions.ResourceNotFoundException:
        return  # the log group appears with the first line
    for stream in (each["logStreamName"] for each in found["logStreams"]):
        token = {"nextToken": tokens[stream]} if stream in tokens else {}
        answer = logs.get_log_events(
            logGroupName=LOG_GROUP, logStreamName=stream, startFromHead=True, **token
        )
        tokens[stream] = answer["nextForwardToken"]
        host = "-".join(stream.split("/")[1].split("-")[:2])
        for event in answer["events"]:
            print(f"      {host} | {event['message']}", flush=True)


def show_artifact(s3: Any, uri: str) -> None:
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    print(f"   {uri}, {len(content)} bytes")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        files = {
            member.name.removeprefix("./"): archive.extractfile(member)
            for member in archive
            if member.isfile()
        }
        contents = {name: file.read().decode() for name, file in files.items() if file is not None}
    for name, text in sorted(contents.items()):
        print(f"   {name}: {text}")
    model, rows = json.loads(contents["model.json"]), csv_rows(1000, seed=99)
    print(f"   accuracy on {len(rows)} rows that it never saw: {accuracy(model, rows):.1%}")


def accuracy(model: dict[str, Any], rows: list[list[float]]) -> float:
    logits = [
        sum(map(float.__mul__, model["weights"], features)) + model["bias"] for _label, *features in rows
    ]
    right = [(logit > 0) == bool(row[0]) for logit, row in zip(logits, rows, strict=True)]
    return right.count(True) / len(rows)


def show_inside(endpoint: str, name: str) -> None:
    """What the real service keeps to itself: the emulator's own view of the job."""
    with urllib.request.urlopen(f"{endpoint}/_emulator/training-jobs/{name}", timeout=10) as answer:
        print("   " + json.dumps(json.load(answer), indent=2).replace("\n", "\n   "))


def run_demo(directory: Path) -> int:
    step("1. The training image: sample_containers/logistic_regression")
    engine = docker.from_env()
    image = build_sample(engine, "logistic_regression")
    engine.close()
    print(f"   {image}")

    step("2. The emulator, on a free port")
    with running_emulator(directory) as endpoint:
        return train_and_deploy(endpoint, image)


def train_and_deploy(endpoint: str, image: str) -> int:
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    s3, sagemaker, logs, runtime = (
        session.client(name, endpoint_url=endpoint)
        for name in ("s3", "sagemaker", "logs", "sagemaker-runtime")
    )

    step("3. Training data: six CSV objects in a bucket")
    upload_shards(s3, "demo", shards=6)
    print("   s3://demo/data/part-0.csv to part-5.csv, 250 rows each")

    step("4. CreateTrainingJob: two instances, each gets a part of the objects (ShardedByS3Key)")
    create_training_job(sagemaker, "demo-job", image, "demo")
    job = watch(sagemaker, logs, "demo-job")
    if job["TrainingJobStatus"] != "Completed":
        print(f"   {job['TrainingJobStatus']}: {job.get('FailureReason', '')}")
        return 1

    step("5. The model artifact")
    artifact = job["ModelArtifacts"]["S3ModelArtifacts"]
    show_artifact(s3, artifact)

    step("6. What the emulator knows beyond the AWS API: GET /_emulator/training-jobs/demo-job")
    show_inside(endpoint, "demo-job")

    step("7. CreateModel, CreateEndpointConfig, CreateEndpoint: the same image, now as `serve`")
    demo_endpoint.deploy(sagemaker, "demo-endpoint", image, artifact)

    step("8. InvokeEndpoint: four rows that it never saw")
    demo_endpoint.predict(runtime, "demo-endpoint", csv_rows(4, seed=99))

    step("9. DeleteEndpoint, DeleteEndpointConfig, DeleteModel")
    demo_endpoint.delete(sagemaker, "demo-endpoint")
    return 0


def interrupt(number: int, _frame: object) -> None:
    """SIGTERM is treated like Ctrl-C, once: make passes on the one that the whole process group got already."""
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> int:
    argparse.ArgumentParser(
        description="Start an emulator, train a model on two instances through boto3, deploy it, show every step."
    ).parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    with tempfile.TemporaryDirectory(prefix="sagemaker-emulator-demo-") as directory:
        try:
            return run_demo(Path(directory))
        except BaseImageError as error:
            print(error, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\nInterrupted; everything that was started has been ended.", file=sys.stderr)
            return 130


if __name__ == "__main__":
    sys.exit(main())
