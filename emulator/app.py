"""The composition root: settings -> parts -> one ASGI application with its lifespan."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import anyio
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

import emulator.operations  # noqa: F401 - registers every operation
from emulator.clock import Clock, SystemClock
from emulator.compute.backend import ComputeBackend
from emulator.compute.docker import DockerBackend, DockerOptions
from emulator.data_dir import DataDir
from emulator.embedded_s3.server import EmbeddedS3
from emulator.health import Health, report_health
from emulator.logs.log_store import LogStore
from emulator.objects.object_store import ObjectStore
from emulator.objects.pass_through import PassThrough
from emulator.objects.s3 import S3ObjectStore
from emulator.operations.registry import Parts, dispatch
from emulator.operations.training_job_report import report_training_job
from emulator.settings import MemorySize, Settings
from emulator.sqlite import Database
from emulator.store.changes import Changes
from emulator.store.tags import TagStore
from emulator.store.training_jobs import TrainingJobStore
from emulator.training.environment import SECRET
from emulator.training.parts import TrainingParts
from emulator.training.placement import PlacementPolicy
from emulator.training.scheduler import Scheduler
from emulator.virtual_host import is_local_name, is_loopback
from emulator.wire.gateway import Gateway, is_for_gateway, refuse_unknown_service
from emulator.wire.service_model import ServiceModels, load_service_models

STOP_LIMIT = 30
"""Seconds for the clean-up when the emulator goes down with `on_shutdown=stop`."""


@dataclass(frozen=True)
class LocalNamesOnly:
    """Keeps web pages of other machines out of a server that only this machine is meant to reach.

    Browsers tell the name that a page used (Host) and the page that asks (Origin); AWS clients send no Origin.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope.get("headers", ())}
        names = [headers.get(b"host", ""), urlsplit(headers.get(b"origin", "")).netloc]
        answer = self.app
        if scope["type"] == "http" and not all(is_local_name(name) for name in names):
            text = "The emulator listens on this machine only, so Host and Origin must be its address or localhost."
            answer = JSONResponse({"__type": "AccessDeniedException", "message": text}, 403)
        await answer(scope, receive, send)


@dataclass(frozen=True)
class Edge:
    """Everything but /_emulator: by its form a request is for an operation, else it is for S3."""

    gateway: Gateway
    s3: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_for_gateway(scope):
            await self.gateway(scope, receive, send)
            return
        answer: ASGIApp = refuse_unknown_service(scope, self.gateway.models) or self.s3
        await answer(scope, receive, send)


@dataclass(frozen=True)
class Emulator:
    """All parts of one running emulator."""

    settings: Settings
    data_dir: DataDir
    databases: tuple[Database, Database]
    parts: Parts
    training: TrainingParts
    scheduler: Scheduler
    s3: EmbeddedS3 | PassThrough

    @classmethod
    def build(
        cls, settings: Settings, compute: ComputeBackend | None = None, clock: Clock | None = None
    ) -> "Emulator":
        """Open everything below the data directory. Raises RuntimeError where another emulator has it."""
        clock = clock or SystemClock()
        data_dir = DataDir(settings.data_dir)
        state = Database(data_dir.path / "state.db", "emulator.store.migrations")
        log_events = Database(data_dir.path / "logs.db", "emulator.logs.migrations")
        changes = Changes()
        store, logs = TrainingJobStore(state, changes), LogStore(log_events)
        s3, objects = build_s3(settings, data_dir, clock)
        training = TrainingParts(
            store=store,
            objects=objects,
            logs=logs,
            compute=compute or build_compute(settings, data_dir.installation),
            clock=clock,
            work_root=data_dir.path / "work",
            time_scale=settings.time_scale,
        )
        return cls(
            settings=settings,
            data_dir=data_dir,
            databases=(state, log_events),
            parts=Parts(store, TagStore(state), logs, objects, clock, settings.instance_quota),
            training=training,
            scheduler=Scheduler(training, build_policy(settings), changes),
            s3=s3,
        )

    def app(self, models: ServiceModels | None = None, strict: bool = False) -> FastAPI:
        app = FastAPI(lifespan=self.lifespan, docs_url=None, redoc_url=None, openapi_url=None)
        gateway = Gateway(
            models=models or load_service_models(),
            dispatch=partial(dispatch, self.parts),
            default_account=self.settings.account_id,
            default_region=self.settings.region,
            strict=strict,
        )
        app.get("/_emulator/health")(self.health)
        app.get("/_emulator/training-jobs/{name}")(self.training_job)
        app.get("/_emulator/credentials/{account_id}")(container_credentials)
        app.mount("/", Edge(gateway, self.s3))
        if is_loopback(self.settings.host):
            app.add_middleware(LocalNamesOnly)
        return app

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        await self.s3.start()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.scheduler.run)
                yield
                tasks.cancel_scope.cancel()
            if self.settings.on_shutdown == "stop":
                with anyio.move_on_after(STOP_LIMIT, shield=True):
                    await self.scheduler.destroy_all()
        finally:
            await self.close()

    async def close(self) -> None:
        if isinstance(self.s3, PassThrough):
            await self.s3.close()
        else:
            self.s3.close()
        for database in self.databases:
            database.close()
        self.data_dir.close()

    async def health(self) -> Health:
        """State of every part; `status` is `ok` where jobs can run."""
        return await report_health(self.settings, self.training.compute, self.s3, self.scheduler)

    async def training_job(self, name: str, request: Request) -> JSONResponse:
        """What the AWS API has no place for: limits, notices, shards. Query: `account_id`, `region`."""
        account = request.query_params.get("account_id", self.settings.account_id)
        region = request.query_params.get("region", self.settings.region)
        report = await report_training_job(self.parts, account, region, name)
        if report is None:
            return JSONResponse(
                {"error": f"Account {account} has no training job {name!r} in {region}."}, 404
            )
        return JSONResponse(report)


async def container_credentials(account_id: str) -> dict[str, str]:
    """What AWS's container credentials provider answers; the account is in the key, as in every request here."""
    expiration = datetime.now(UTC) + timedelta(hours=6)
    return {
        "AccessKeyId": account_id,
        "SecretAccessKey": SECRET,
        "Token": SECRET,
        "Expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def build_s3(
    settings: Settings, data_dir: DataDir, clock: Clock
) -> tuple[EmbeddedS3 | PassThrough, ObjectStore]:
    """The S3 behind our port, and the same as the job plane sees it."""
    if settings.s3_endpoint_url is None:
        embedded = EmbeddedS3(data_dir.path / "s3", clock, settings.region, settings.account_id)
        return embedded, embedded.objects
    secret = settings.s3_secret_key.get_secret_value() if settings.s3_secret_key else ""
    credentials = (settings.s3_endpoint_url, settings.s3_access_key or "", secret, settings.region)
    return PassThrough(*credentials), S3ObjectStore(*credentials)


def build_compute(settings: Settings, installation: str) -> DockerBackend:
    options = DockerOptions(
        installation=installation,
        network_pool=settings.network_pool,
        registry=settings.registry,
        offline=settings.offline,
        gpu_ids=settings.gpu_ids,
        input_view=settings.input_view,
        server=(settings.host, settings.port),
    )
    mountinfo = Path("/proc/self/mountinfo")
    return DockerBackend(options, mountinfo.read_text(encoding="utf-8") if mountinfo.exists() else "")


def build_policy(settings: Settings) -> PlacementPolicy:
    return PlacementPolicy(
        memory_budget=MemorySize(settings.memory_budget).of,
        reserved_bytes=MemorySize(settings.reserved_memory).bytes,
        reserved_fraction=settings.reserved_memory_percent / 100,
        memory=settings.memory_policy,
        gpu=settings.gpu_policy,
    )
