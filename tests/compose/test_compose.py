"""docker-compose.yml as a user runs it: real MinIO, real registry, the emulator in a container of its own."""

import json
import tarfile
import threading
import urllib.request
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.compose.compose_client import ACCOUNT, client, run_to_the_end, training_job_request, upload_shards
from tests.compose.compose_project import ComposeProject, wait_until
from tests.support import web

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]

READ = {
    "Pipe": "for epoch in 0 1; do cat /opt/ml/input/data/train_$epoch | wc -c; done",
    "FastFile": "cat /opt/ml/input/data/train/part-* | wc -c",
}
"""Programs for channels that are streamed, by input mode: FIFOs and files cross from one container to the other."""


def read_artifact(s3: Any, uri: str, path: Path) -> dict[str, Any]:
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    s3.download_file(bucket, key, str(path))
    with tarfile.open(path) as archive:
        files = {
            member.name.removeprefix("./"): archive.extractfile(member)
            for member in archive
            if member.isfile()
        }
        return {name: json.load(file) for name, file in files.items() if file is not None}


def training_containers(engine: docker.DockerClient, job: str) -> list[str]:
    found = engine.containers.list(all=True, ignore_removed=True)
    return [container.name for container in found if job in str(container.labels)]


def are_gone(engine: docker.DockerClient, job: str) -> bool:
    """Whether the job's containers go away; that is done after its final status."""
    tick = threading.Event()
    return any(not training_containers(engine, job) or tick.wait(0.2) for _ in range(300))


def test_compose_sharded_training_job_completes_with_its_artifact_in_minio(
    compose_project: ComposeProject, pushed_image: str, artifact_path: Path
) -> None:
    s3, sagemaker = client("s3", compose_project.s3_url), client("sagemaker", compose_project.emulator_url)
    job, bucket = f"job-{compose_project.name}", f"bucket-{compose_project.name}"
    upload_shards(s3, bucket, count=5)

    described = run_to_the_end(sagemaker, training_job_request(job, pushed_image, bucket))

    assert described["TrainingJobStatus"] == "Completed", described
    artifact = read_artifact(s3, described["ModelArtifacts"]["S3ModelArtifacts"], artifact_path)
    assert set(artifact) == {"model.json", "shards-algo-1.json", "shards-algo-2.json"}
    assert artifact["model.json"]["weights"][0] > 0
    shards = [artifact[f"shards-{host}.json"] for host in ("algo-1", "algo-2")]
    assert [len(shard["files"]) for shard in shards] == [3, 2]
    assert sorted(file for shard in shards for file in shard["files"]) == [f"part-{n}.csv" for n in range(5)]
    assert [shard["rows"] for shard in shards] == [30, 20]
    assert hosts_that_logged(compose_project, job) == {"algo-1", "algo-2"}
    assert are_gone(compose_project.engine, job)


def hosts_that_logged(project: ComposeProject, job: str) -> set[str]:
    events = client("logs", project.emulator_url).filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs",
        logStreamNamePrefix=f"{job}/",
        filterPattern='"epoch=5 loss="',
    )["events"]
    return {"-".join(event["logStreamName"].split("/")[1].split("-")[:2]) for event in events}


def test_compose_image_in_the_registry_stands_for_an_ecr_image(
    compose_project: ComposeProject, pushed_image: str
) -> None:
    repository = pushed_image.removeprefix(f"{compose_project.registry}/")
    image = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{repository}"
    s3, sagemaker = (
        client("s3", compose_project.emulator_url),
        client("sagemaker", compose_project.emulator_url),
    )
    bucket = f"ecr-{compose_project.name}"
    upload_shards(s3, bucket, count=1)

    described = run_to_the_end(sagemaker, training_job_request(f"ecr-{compose_project.name}", image, bucket))

    assert described["TrainingJobStatus"] == "Completed", described
    assert described["AlgorithmSpecification"]["TrainingImage"] == image


def test_compose_emulator_is_not_root_where_the_socket_has_a_group(compose_project: ComposeProject) -> None:
    container = compose_project.container("emulator")
    mode = container.exec_run(["stat", "-c", "%a", "/var/run/docker.sock"]).output.decode().strip()
    status = container.exec_run(["cat", "/proc/1/status"]).output.decode()

    (uid,) = {line.split()[1] for line in status.splitlines() if line.startswith("Uid:")}
    assert uid == ("10001" if mode[-2] in "67" else "0")


def test_compose_publishes_ports_on_loopback_only(compose_project: ComposeProject) -> None:
    bindings = [
        binding["HostIp"]
        for container in compose_project.containers()
        for published in container.attrs["HostConfig"]["PortBindings"].values()
        for binding in published
    ]

    assert bindings == ["127.0.0.1"] * 3


def test_compose_emulator_answers_its_health_check(compose_project: ComposeProject) -> None:
    with urllib.request.urlopen(f"{compose_project.emulator_url}/_emulator/health", timeout=60) as answer:
        assert answer.status == 200


def test_compose_algorithms_reach_the_emulator_in_its_container(
    compose_project: ComposeProject, pushed_image: str
) -> None:
    s3, sagemaker = (
        client("s3", compose_project.emulator_url),
        client("sagemaker", compose_project.emulator_url),
    )
    job, bucket = f"inside-{compose_project.name}", f"inside-{compose_project.name}"
    upload_shards(s3, bucket, count=1)
    fetch = (
        f"import os, urllib.request as r; u = os.environ['S3_ENDPOINT_URL'] + '/{bucket}/train/part-0.csv'; "
        "print('GOT', len(r.urlopen(u, timeout=60).read()))"
    )
    request = training_job_request(job, pushed_image, bucket)
    request["AlgorithmSpecification"]["ContainerEntrypoint"] = ["python3", "-c", fetch]

    described = run_to_the_end(sagemaker, request)

    assert described["TrainingJobStatus"] == "Completed", described["FailureReason"]
    events = client("logs", compose_project.emulator_url).filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{job}/", filterPattern="GOT"
    )["events"]
    size = len(s3.get_object(Bucket=bucket, Key="train/part-0.csv")["Body"].read())
    assert [event["message"] for event in events] == [f"GOT {size}"] * 2
    networks = compose_project.engine.networks.list(names=[f"sagemaker-{job}"])
    wait_until(lambda: not [n for n in networks if exists(compose_project.engine, n.id)], "network gone", 90)


def exists(engine: docker.DockerClient, network: str) -> bool:
    return bool(engine.networks.list(ids=[network]))


def lines(project: ComposeProject, job: str) -> list[str]:
    logs = client("logs", project.emulator_url)
    group = "/aws/sagemaker/TrainingJobs"
    events = logs.filter_log_events(logGroupName=group, logStreamNamePrefix=f"{job}/")["events"]
    return [event["message"] for event in events]


def report(project: ComposeProject, job: str) -> Any:
    return web.get(f"{project.emulator_url}/_emulator/training-jobs/{job}").json()


@pytest.mark.parametrize("mode", READ)
def test_compose_algorithm_reads_what_is_streamed(
    compose_project: ComposeProject, pushed_image: str, mode: str
) -> None:
    s3 = client("s3", compose_project.s3_url)
    job = f"{mode.lower()}-{compose_project.name}"
    upload_shards(s3, job, count=2)
    request = training_job_request(job, pushed_image, job)
    request["AlgorithmSpecification"]["ContainerEntrypoint"] = ["bash", "-c", READ[mode]]
    request["InputDataConfig"][0]["InputMode"] = mode
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "FullyReplicated"
    request["ResourceConfig"]["InstanceCount"] = 1

    described = run_to_the_end(client("sagemaker", compose_project.emulator_url), request)

    assert described["TrainingJobStatus"] == "Completed", described["FailureReason"]
    listed = s3.list_objects_v2(Bucket=job, Prefix="train/")["Contents"]
    size = sum(found["Size"] for found in listed)
    assert lines(compose_project, job) == [str(size)] * (2 if mode == "Pipe" else 1)
    assert report(compose_project, job)["fast_file"] == (None if mode == "Pipe" else "read-only copy")
    filters = {"label": f"sagemaker-emulator.cluster={job}"}
    wait_until(lambda: not compose_project.engine.networks.list(filters=filters), "network gone", 90)
