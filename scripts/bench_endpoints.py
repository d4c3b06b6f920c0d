"""An endpoint against a container of the same image that is started by hand, side by side in one run."""

from __future__ import annotations

import io
import json
import tarfile
import time
import urllib.error
import urllib.request
from functools import partial
from typing import Any

import docker
from bench_invocations import bench_invocations
from bench_tools import after_a_pause, client, ratio, report
from images import build_sample

ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"
BUCKET = "bench-models"
NAME = "bench"
BODY = b"0.5,0.1\n"


def bench_endpoints(endpoint: str, rounds: int) -> None:
    """From CreateEndpoint to InService, then invocations at one connection and at many."""
    engine = docker.from_env()
    image = build_sample(engine, "logistic_regression")
    sagemaker = client(endpoint, "sagemaker")
    create_config(endpoint, sagemaker, image)
    ours, bare, with_network = [], [], []
    for number in range(rounds + 1):
        name = f"{NAME}-{number}"
        ours.append(after_a_pause(partial(create_endpoint, sagemaker, name)))
        bare.append(after_a_pause(partial(start_by_hand, engine, image)))
        with_network.append(after_a_pause(partial(start_in_network, engine, image)))
        if number < rounds:
            delete_endpoint(sagemaker, name)
    report("CreateEndpoint to InService", ours[1:])
    report("bare Docker: create, start, first good ping", bare[1:])
    report("bare Docker with a network of its own", with_network[1:])
    print(f"ratio, endpoint to bare Docker:                {ratio(ours[1:], bare[1:]):.2f}")
    print(f"ratio, endpoint to bare Docker with a network: {ratio(ours[1:], with_network[1:]):.2f}")
    [container] = [c for c in engine.containers.list() if f"endpoint_{NAME}-{rounds}-" in c.name]
    bench_invocations(endpoint, f"{NAME}-{rounds}", f"{address(container)}/invocations", BODY)
    delete_endpoint(sagemaker, f"{NAME}-{rounds}")


def create_config(endpoint: str, sagemaker: Any, image: str) -> None:
    s3 = client(endpoint, "s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=model_archive())
    container = {"Image": image, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
    sagemaker.create_model(ModelName=NAME, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variant = {"VariantName": "AllTraffic", "ModelName": NAME}
    instances = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[{**variant, **instances}])


def model_archive() -> bytes:
    content = json.dumps({"weights": [1.0, -1.0], "bias": 0.0}).encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("model.json")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def create_endpoint(sagemaker: Any, name: str) -> float:
    """Seconds until it is InService, as LastModifiedTime says: asking all the time would slow down what is measured."""
    began = time.time()
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=NAME)
    while (told := sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Creating":
        time.sleep(0.1)
    if told["EndpointStatus"] != "InService":
        raise RuntimeError(told["FailureReason"])
    return float(told["LastModifiedTime"].timestamp() - began)


def delete_endpoint(sagemaker: Any, name: str) -> None:
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1})


def start_in_network(engine: docker.DockerClient, image: str) -> float:
    """Seconds, with those that the network takes."""
    began = time.perf_counter()
    network = engine.networks.create("sagemaker-emulator-bench", driver="bridge")
    try:
        made = time.perf_counter() - began
        return made + start_by_hand(engine, image, network.name)
    finally:
        network.remove()


def start_by_hand(engine: docker.DockerClient, image: str, network: str | None = None) -> float:
    """Seconds until it answers its first ping with 200, with the model put into it; its removal does not count."""
    began = time.perf_counter()
    container = engine.containers.create(image, ["serve"], network=network)
    try:
        put_model(container)
        container.start()
        container.reload()
        while not answers(f"{address(container)}/ping"):
            time.sleep(0.01)
        return time.perf_counter() - began
    finally:
        container.remove(force=True)


def put_model(container: Any) -> None:
    content, files = model_archive(), io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(content)) as source, tarfile.open(fileobj=files, mode="w") as target:
        for name in ("opt", "opt/ml", "opt/ml/model"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            target.addfile(folder)
        member = source.getmember("model.json")
        data = source.extractfile(member)
        member.name = "opt/ml/model/model.json"
        target.addfile(member, data)
    container.put_archive("/", files.getvalue())


def address(container: Any) -> str:
    [network] = container.attrs["NetworkSettings"]["Networks"].values()
    return f"http://{network['IPAddress']}:8080"


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
