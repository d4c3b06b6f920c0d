"""sagemaker-runtime behind a real socket with an S3 beside it, for tests with the real boto3."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import boto3
from botocore.config import Config

from emulator.bounded_head import BoundedHeadProtocol
from emulator.clock import Clock, SystemClock
from emulator.domain.arn import ResourceKey
from emulator.edge import Gate
from emulator.embedded_s3.server import EmbeddedS3
from emulator.hosting.routing import EndpointRoute, RoutingTable, VariantRoute
from emulator.hosting.runtime import Runtime, RuntimeLimits, RuntimeParts
from emulator.metrics.metric_store import MIGRATIONS, MetricStore
from emulator.sqlite import Database
from emulator.store.hosting_stores import HostingStores
from tests.support.asgi_server import RunningServer, serving
from tests.support.hosting_requests import an_endpoint
from tests.support.model_server import ModelServer

T = TypeVar("T")
ACCOUNT, REGION = "123456789012", "us-east-1"


@dataclass(frozen=True)
class RunningRuntime:
    server: RunningServer
    table: RoutingTable
    metrics: MetricStore
    runtime: Runtime
    state: Database

    @property
    def stores(self) -> HostingStores:
        return HostingStores.of(self.state)

    def on_loop(self, call: Callable[[], T]) -> T:
        return self.server.portal.call(call)

    def route(self, *variants: VariantRoute, name: str = "e", **facts: Any) -> ResourceKey:
        """Put an endpoint with these variants in service; it has a row, and no plane behind it."""
        key = ResourceKey(ACCOUNT, REGION, "endpoint", name)
        self.server.portal.call(self.stores.endpoints.create, replace(an_endpoint(name), key=key), {})
        route = EndpointRoute(arn=key.arn, variants=variants, **facts)
        self.on_loop(lambda: self.table.set_endpoint(key, route))
        return key

    def serve(self, *models: ModelServer, **facts: Any) -> ResourceKey:
        """The same with one variant, and an instance for each of the servers."""
        instances = tuple(model.instance(f"AllTraffic-{n}") for n, model in enumerate(models, start=1))
        return self.route(VariantRoute(name="AllTraffic", instances=instances), **facts)

    def client(self, service: str = "sagemaker-runtime") -> Any:
        config = Config(retries={"max_attempts": 0}, max_pool_connections=32, s3={"addressing_style": "path"})
        return boto3.client(
            service,
            endpoint_url=self.server.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )


@contextmanager
def running_runtime(
    directory: Path, limits: RuntimeLimits | None = None, clock: Clock | None = None
) -> Iterator[RunningRuntime]:
    """Several may follow each other on the same directory: what waits in the queue is on rows."""
    clock, table = clock or SystemClock(), RoutingTable()
    s3 = EmbeddedS3(directory / "s3", clock, REGION, ACCOUNT)
    database = Database(directory / "metrics.db", MIGRATIONS)
    metrics, state = MetricStore(database), Database(directory / "state.db", "emulator.store.migrations")
    parts = RuntimeParts(
        routes=table,
        objects=s3.objects,
        metrics=metrics,
        async_invocations=HostingStores.of(state).async_invocations,
        clock=clock,
        default_account=ACCOUNT,
        default_region=REGION,
        limits=limits or RuntimeLimits(),
    )
    runtime = Runtime(parts)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (runtime if runtime.takes(scope) else s3)(scope, receive, send)

    http = partial(BoundedHeadProtocol, plain=runtime.plain, admits=Gate().admits)
    with serving(app, http, use_uvloop=True) as server:
        stopping = server.portal.call(anyio.CancelScope)

        async def run() -> None:
            with stopping:
                await runtime.run()

        running = server.portal.start_task_soon(run)
        try:
            yield RunningRuntime(server, table, metrics, runtime, state)
        finally:
            server.portal.call(stopping.cancel)
            running.result(60)
            s3.close()
            database.close()
            state.close()
