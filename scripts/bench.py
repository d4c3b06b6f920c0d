"""Measures the emulator against what its user would use instead, side by side in one run, as ratios.

Absolute times depend on the machine and on what else it does; compare the ratios.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import docker
from bench_endpoints import bench_endpoints
from bench_tools import after_a_pause, client, ratio, report, seconds
from demo import running_emulator
from images import BASE_IMAGE, ensure_base_image

ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"
BUCKET = "bench"
FINAL = {"Completed", "Failed", "Stopped"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="measurements of each side (10)")
    rounds = parser.parse_args().rounds
    ensure_base_image(docker.from_env())
    with tempfile.TemporaryDirectory() as directory, running_emulator(Path(directory)) as endpoint:
        bench_turnaround(endpoint, rounds)
        bench_endpoints(endpoint, rounds)
    return 0


def bench_turnaround(endpoint: str, rounds: int) -> None:
    """From CreateTrainingJob to the status Completed, against create, start, wait, logs and remove by hand."""
    sagemaker, engine = client(endpoint, "sagemaker"), docker.from_env()
    client(endpoint, "s3").create_bucket(Bucket=BUCKET)
    ours, bare, with_network = [], [], []
    for number in range(rounds + 1):
        ours.append(after_a_pause(partial(seconds, partial(train, sagemaker, f"bench-{number}"))))
        bare.append(after_a_pause(partial(seconds, partial(run_container, engine))))
        with_network.append(after_a_pause(partial(seconds, partial(run_in_network, engine))))
    # The first round warms up caches and connections on all sides.
    report("trivial job, CreateTrainingJob to Completed", ours[1:])
    report("bare Docker: create, start, wait, logs, remove", bare[1:])
    report("bare Docker with a network of its own", with_network[1:])
    print(f"ratio, job to bare Docker:                {ratio(ours[1:], bare[1:]):.2f}")
    print(f"ratio, job to bare Docker with a network: {ratio(ours[1:], with_network[1:]):.2f}")


def train(sagemaker: Any, name: str) -> None:
    sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingImage": BASE_IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["true"],
        },
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    while (job := sagemaker.describe_training_job(TrainingJobName=name))["TrainingJobStatus"] not in FINAL:
        time.sleep(0.01)
    if job["TrainingJobStatus"] != "Completed":
        raise RuntimeError(job["FailureReason"])


def run_container(engine: docker.DockerClient, network: str | None = None) -> None:
    container = engine.containers.create(BASE_IMAGE, entrypoint=["true"], network=network)
    try:
        container.start()
        container.wait()
        container.logs()
    finally:
        container.remove(force=True)


def run_in_network(engine: docker.DockerClient) -> None:
    network = engine.networks.create(f"bench-{time.monotonic_ns()}")
    try:
        run_container(engine, network.name)
    finally:
        network.remove()


if __name__ == "__main__":
    raise SystemExit(main())
