"""Models that the emulator of a compose project serves, and what they are made of on the Engine."""

import csv
import io
import json
import tarfile
from collections.abc import Sequence
from typing import Any

from docker.models.containers import Container

from tests.compose.compose_client import ACCOUNT, client
from tests.compose.compose_project import ComposeProject, wait_until

ROLE = f"arn:aws:iam::{ACCOUNT}:role/SageMakerRole"
CLUSTER, HOST = "sagemaker-emulator.cluster", "sagemaker-emulator.host"
LIMIT_SECONDS = 120.0
MODEL = {"weights": [2.0, -1.0], "bias": 0.5}
ROWS = b"1,0\n-3,1\n"
CLASSES = ["1", "0"]
REACH = """\
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
def reaches(target):
    host, port = target.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True
with ThreadPoolExecutor() as pool:
    answers = list(pool.map(reaches, sys.argv[1:]))
print(json.dumps([target for target, is_reached in zip(sys.argv[1:], answers) if is_reached]))
"""


def archive(name: str, data: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return target.getvalue()


class Hosting:
    """Models of one compose project, and the containers behind them."""

    def __init__(self, project: ComposeProject, image: str) -> None:
        self.project, self.image, self.engine = project, image, project.engine
        self.s3 = client("s3", project.s3_url)
        self.sagemaker = client("sagemaker", project.emulator_url)
        self.runtime = client("sagemaker-runtime", project.emulator_url)
        self.bucket = f"hosting-{project.name}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_object(
            Bucket=self.bucket, Key="model.tar.gz", Body=archive("model.json", json.dumps(MODEL).encode())
        )

    def create_model(self, name: str, **members: Any) -> None:
        data = f"s3://{self.bucket}/model.tar.gz"
        container = {"Image": self.image, "ModelDataUrl": data}
        self.sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container, **members
        )

    def deploy(self, name: str, **members: Any) -> None:
        """Of one instance, in service when this returns."""
        self.create_model(name, **members)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

        def describe() -> Any:
            return self.sagemaker.describe_endpoint(EndpointName=name)

        wait_until(lambda: describe()["EndpointStatus"] != "Creating", "endpoint made", LIMIT_SECONDS)
        assert describe()["EndpointStatus"] == "InService", describe()

    def classes(self, name: str) -> list[str]:
        """What the endpoint says of ROWS."""
        answer = self.runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=ROWS)
        return [row[1] for row in csv.reader(answer["Body"].read().decode().splitlines())]

    def answers(self, name: str) -> bool:
        try:
            return self.classes(name) == CLASSES
        except self.runtime.exceptions.ClientError:
            return False

    def containers(self, name: str) -> list[Container]:
        """Of an endpoint or a transform job."""
        found = self.engine.containers.list(all=True, filters={"label": CLUSTER}, ignore_removed=True)
        return [each for each in found if name in each.labels[CLUSTER]]

    def networks(self, name: str) -> list[str]:
        found = self.engine.networks.list(filters={"label": CLUSTER})
        return [network.name for network in found if name in network.name]

    def joined(self) -> set[str]:
        """Networks of jobs and endpoints that the emulator's container is in."""
        container = self.project.container("emulator")
        return set(container.attrs["NetworkSettings"]["Networks"]) - {f"{self.project.name}_default"}

    def delete(self, name: str) -> None:
        """Until nothing of it is left."""
        self.sagemaker.delete_endpoint(EndpointName=name)
        self.await_removal(name)

    def await_removal(self, name: str) -> None:
        def is_gone() -> bool:
            return not self.containers(name) and not self.networks(name) and not self.joined()

        wait_until(is_gone, f"nothing left of {name}", 90)
        kept = self.project.container("emulator").exec_run(["ls", "/var/lib/sagemaker-emulator/sidecars"])
        assert name not in kept.output.decode()

    def reached(self, name: str, targets: Sequence[str]) -> list[str]:
        """Those of `host:port` that the endpoint's container reaches."""
        answer = self.serving(name).exec_run(["python3", "-c", REACH, *targets])
        assert answer.exit_code == 0, answer.output
        reached: list[str] = json.loads(answer.output)
        return reached

    def serving(self, name: str) -> Container:
        """The endpoint's only container that serves."""
        [found] = [each for each in self.containers(name) if HOST in each.labels]
        return found
