"""Asynchronous requests of a whole emulator whose endpoint is deleted, or reset, while they wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError

from emulator.compute.fake import FakeBackend
from emulator.domain.cluster import Address
from emulator.store.hosting_stores import HostingStores
from tests.support import web
from tests.support.async_requests import Gate
from tests.support.emulator_server import RunningEmulator, running_emulator, wait_until
from tests.support.hosting_house import SERVES
from tests.support.hosting_requests import a_config_request, a_model_request
from tests.support.idle_hosting import with_stores
from tests.support.model_server import ModelServer, model_server

ONE, TWO = "111111111111", "222222222222"
CONFIG = {
    "OutputConfig": {"S3OutputPath": "s3://outputs/out", "S3FailurePath": "s3://outputs/failed"},
    "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 1},
}


def backend_of(model: ModelServer) -> FakeBackend:
    compute = FakeBackend({"AllTraffic-1": SERVES})
    url = httpx.URL(model.url)
    compute.addresses = {"AllTraffic-1": Address(url.host, url.port or 0)}
    return compute


@contextmanager
def gated_emulator(data_dir: Path) -> Iterator[tuple[RunningEmulator, Gate]]:
    """It goes down while the gate is as the test left it."""
    with (
        Gate().opening() as gate,
        model_server(gate) as model,
        running_emulator(data_dir, backend_of(model)) as running,
    ):
        yield running, gate


class Account:
    """One account's asynchronous endpoint `e`."""

    def __init__(self, running: RunningEmulator, account: str) -> None:
        self.running = running
        self.sagemaker, self.runtime, self.s3 = (
            running.client(service, aws_access_key_id=account)
            for service in ("sagemaker", "sagemaker-runtime", "s3")
        )
        self.bucket = f"outputs-{account}"

    def deploy(self) -> None:
        paths = {key: path.replace("outputs", self.bucket) for key, path in CONFIG["OutputConfig"].items()}
        self.s3.create_bucket(Bucket=self.bucket)
        self.sagemaker.create_model(
            **a_model_request("Model-1"), ExecutionRoleArn=f"arn:aws:iam::{ONE}:role/r"
        )
        self.sagemaker.create_endpoint_config(
            **a_config_request("c"), AsyncInferenceConfig={**CONFIG, "OutputConfig": paths}
        )
        self.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
        wait_until(lambda: self.status() == "InService")

    def status(self) -> str | None:
        try:
            return str(self.sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"])
        except ClientError:
            return None

    def ask(self, *bodies: bytes) -> None:
        for body in bodies:
            self.runtime.invoke_endpoint_async(EndpointName="e", Body=body)

    def outcomes(self) -> int:
        return int(self.s3.list_objects_v2(Bucket=self.bucket)["KeyCount"])


def waiting(running: RunningEmulator) -> list[str]:
    """Accounts of the rows."""
    found: list[str] = []

    async def look(stores: HostingStores) -> None:
        found.extend(row.endpoint.account_id for row in await stores.async_invocations.all())

    with_stores(running, look)
    return found


def test_delete_endpoint_forgets_what_waits(tmp_path: Path) -> None:
    with gated_emulator(tmp_path) as (running, gate):
        account = Account(running, ONE)
        account.deploy()
        account.ask(b"0", b"1")
        wait_until(lambda: gate.asked == [b"0"])
        account.sagemaker.delete_endpoint(EndpointName="e")
        wait_until(lambda: account.status() is None)
        gate.open()
        assert (waiting(running), account.outcomes(), gate.asked) == ([], 0, [b"0"])


def test_reset_forgets_the_queue_of_its_scope(tmp_path: Path) -> None:
    with gated_emulator(tmp_path) as (running, gate):
        one, two = Account(running, ONE), Account(running, TWO)
        for account in (one, two):
            account.deploy()
            account.ask(b"0", b"1")
        wait_until(lambda: len(gate.asked) == 2)
        web.post(f"{running.endpoint}/_emulator/reset", json={"account_id": ONE})
        assert waiting(running) == [TWO, TWO]
        gate.open()
        wait_until(lambda: two.outcomes() == 2)
        wait_until(lambda: waiting(running) == [])
        with pytest.raises(ClientError, match="NoSuchBucket"):
            one.outcomes()
        assert gate.asked == [b"0", b"0", b"1"]


def test_the_next_emulator_asks_what_a_former_one_accepted(tmp_path: Path) -> None:
    with gated_emulator(tmp_path) as (running, gate):
        Account(running, ONE).deploy()
        Account(running, ONE).ask(b"0", b"1")
        wait_until(lambda: gate.asked)
        backend = running.emulator.training.compute
    assert isinstance(backend, FakeBackend)
    with Gate().opening() as gate, model_server(gate) as model:
        gate.open()
        backend.addresses = backend_of(model).addresses
        with running_emulator(tmp_path, backend) as running:
            wait_until(lambda: Account(running, ONE).outcomes() == 2)
            wait_until(lambda: waiting(running) == [])
        assert gate.asked == [b"0", b"1"]
