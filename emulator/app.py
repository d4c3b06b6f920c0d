"""The composition root: settings -> parts -> one ASGI application with its lifespan."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse

import emulator.operations  # noqa: F401 - registers every operation
from emulator.assembly import (
    build_compute,
    build_image_search,
    build_parts,
    build_policy,
    build_registry,
    build_s3,
    public_address,
)
from emulator.clock import Clock, SystemClock
from emulator.compute.backend import ComputeBackend
from emulator.data_dir import DataDir
from emulator.domain.ecr import EcrRegistry
from emulator.domain.reset_scope import ResetScope
from emulator.edge import Edge, LocalNamesOnly
from emulator.embedded_s3.server import EmbeddedS3
from emulator.health import Health, report_health
from emulator.init_dir.init_dir import InitDir
from emulator.init_dir.seeding import Seeding
from emulator.logs.log_store import LogStore
from emulator.moto_services.services import MotoServices, Roles
from emulator.objects.pass_through import PassThrough
from emulator.operations.container_credentials import container_credentials
from emulator.operations.registry import EcrParts, Parts, dispatch, operations
from emulator.operations.training_job_report import report_training_job
from emulator.registry.client import RegistryClient
from emulator.registry.local_registry import LocalRegistry
from emulator.registry.pass_through import RegistryFace
from emulator.reset import ResetRequest, reset
from emulator.settings import Settings
from emulator.sqlite import Database
from emulator.store.changes import Changes
from emulator.store.ecr_repositories import EcrRepositoryStore
from emulator.store.tags import TagStore
from emulator.store.training_jobs import TrainingJobStore
from emulator.training.parts import TrainingParts
from emulator.training.scheduler import Scheduler
from emulator.virtual_host import is_loopback
from emulator.wire.gateway import Gateway
from emulator.wire.service_model import ServiceModels, load_service_models

STOP_LIMIT = 30
"""Seconds for the clean-up when the emulator goes down with `on_shutdown=stop`."""


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
    others: MotoServices
    registry: LocalRegistry
    ecr: RegistryFace
    init_dir: InitDir

    @classmethod
    def build(
        cls, settings: Settings, compute: ComputeBackend | None = None, clock: Clock | None = None
    ) -> "Emulator":
        """Open everything below the data directory. Raises RuntimeError where another emulator has it."""
        clock = clock or SystemClock()
        data_dir = DataDir(settings.data_dir)
        state = Database(data_dir.path / "state.db", "emulator.store.migrations")
        log_events = Database(data_dir.path / "logs.db", "emulator.logs.migrations")
        changes, others, search = Changes(), MotoServices(), build_image_search(settings)
        s3, objects, make_bucket = build_s3(settings, data_dir, clock)
        registry, repositories = build_registry(settings, data_dir), EcrRepositoryStore(state)
        training = TrainingParts(
            store=TrainingJobStore(state, changes),
            objects=objects,
            logs=LogStore(log_events),
            compute=compute or build_compute(settings, data_dir.installation, registry, search),
            clock=clock,
            work_root=data_dir.path / "work",
            time_scale=settings.time_scale,
        )
        ecr = EcrParts(repositories, RegistryClient(registry), public_address(settings))
        home = EcrRegistry(settings.account_id, settings.region)
        return cls(
            settings=settings,
            data_dir=data_dir,
            databases=(state, log_events),
            parts=build_parts(settings, training, TagStore(state), Roles(others, settings.strict_roles), ecr),
            training=training,
            scheduler=Scheduler(training, build_policy(settings), changes),
            s3=s3,
            others=others,
            registry=registry,
            ecr=RegistryFace(registry, repositories, home, clock),
            init_dir=InitDir(settings.init_dir, Seeding(objects, make_bucket, training.disk)),
        )

    def app(self, models: ServiceModels | None = None, strict: bool = False) -> FastAPI:
        app = FastAPI(lifespan=self.lifespan, docs_url=None, redoc_url=None, openapi_url=None)
        gateway = Gateway(
            models=models or load_service_models(),
            dispatch=partial(dispatch, self.parts),
            default_account=self.settings.account_id,
            default_region=self.settings.region,
            strict=strict,
            others=self.others.answer,
            handled=operations(),
        )
        app.get("/_emulator/health")(self.health)
        app.post("/_emulator/reset")(self.reset)
        app.get("/_emulator/training-jobs/{name}")(self.training_job)
        app.get("/_emulator/credentials/{account_id}")(container_credentials)
        app.mount("/", Edge(gateway, self.s3, self.ecr))
        if is_loopback(self.settings.host):
            app.add_middleware(LocalNamesOnly)
        return app

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        await self.s3.start()
        try:
            await self.init_dir.seed_buckets()
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
        await self.ecr.close()
        await self.parts.ecr.registry.close()
        await self.registry.stop()
        if isinstance(self.s3, PassThrough):
            await self.s3.close()
        else:
            self.s3.close()
        for database in self.databases:
            database.close()
        self.data_dir.close()
        await self.others.reset(ResetScope())

    async def health(self) -> Health:
        """State of every part; `status` is `ok` where jobs can run."""
        return await report_health(
            self.settings, self.training.compute, self.s3, self.scheduler, self.init_dir
        )

    async def reset(self, wanted: ResetRequest | None = None) -> dict[str, Any]:
        """Forget jobs, logs and buckets, of the whole emulator or of what the body names."""
        scope = (wanted or ResetRequest()).scope()
        await self.others.reset(scope)
        return await reset(scope, self.scheduler, self.parts.logs, self.s3)

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
