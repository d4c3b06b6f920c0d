"""The composition root: settings -> parts -> one ASGI application with its lifespan."""

from asyncio import Protocol
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import anyio
from fastapi import FastAPI
from starlette.types import ASGIApp

import emulator.operations  # noqa: F401 - registers every operation
from emulator.assembly import (
    Surroundings,
    build_compute,
    build_events,
    build_hosting,
    build_image_search,
    build_parts,
    build_policy,
    build_registry,
    build_runtime,
    build_s3,
    build_training,
    open_databases,
    public_address,
)
from emulator.bounded_head import BoundedHeadProtocol
from emulator.clock import Clock, SystemClock
from emulator.compute.backend import ComputeBackend
from emulator.data_dir import DataDir
from emulator.domain.ecr import EcrRegistry
from emulator.domain.reset_scope import ResetScope
from emulator.edge import Edge, Gate, Gated, InvocationsFirst
from emulator.embedded_s3.server import EmbeddedS3
from emulator.endpoint_calls import EndpointCalls
from emulator.events.event_feed import EventFeed
from emulator.health import Health, report_health
from emulator.hosting.hosting_plane import HostingPlane
from emulator.hosting.runtime import Runtime
from emulator.init_dir.init_dir import InitDir
from emulator.init_dir.seeding import Seeding
from emulator.moto_services.services import MotoServices, Roles
from emulator.objects.pass_through import PassThrough
from emulator.operations.container_credentials import container_credentials
from emulator.operations.registry import EcrParts, Parts, dispatch, operations
from emulator.registry.client import RegistryClient
from emulator.registry.local_registry import LocalRegistry
from emulator.registry.pass_through import RegistryFace
from emulator.reset import ResetRequest, reset
from emulator.settings import Settings
from emulator.sqlite import Database
from emulator.store.changes import Changes
from emulator.store.ecr_repositories import EcrRepositoryStore
from emulator.store.hosting_stores import HostingStores
from emulator.training.holdings import note_holdings
from emulator.training.parts import TrainingParts
from emulator.training.scheduler import Scheduler
from emulator.training_job_calls import TrainingJobCalls
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
    databases: tuple[Database, ...]
    parts: Parts
    training: TrainingParts
    scheduler: Scheduler
    hosting: HostingPlane
    runtime: Runtime
    s3: EmbeddedS3 | PassThrough
    others: MotoServices
    registry: LocalRegistry
    ecr: RegistryFace
    init_dir: InitDir
    events: EventFeed

    @classmethod
    def build(
        cls, settings: Settings, compute: ComputeBackend | None = None, clock: Clock | None = None
    ) -> "Emulator":
        """Open everything below the data directory. Raises RuntimeError where another emulator has it."""
        clock = clock or SystemClock()
        data_dir = DataDir(settings.data_dir)
        state, log_events, metrics = open_databases(data_dir)
        changes, others, search = Changes(), MotoServices(), build_image_search(settings)
        s3, objects, make_bucket = build_s3(settings, data_dir, clock)
        registry, repositories = build_registry(settings, data_dir), EcrRepositoryStore(state)
        compute = compute or build_compute(settings, data_dir, registry, search)
        databases = (state, log_events, metrics)
        training = build_training(
            settings, data_dir, databases, Surroundings(objects, compute, clock, changes)
        )
        hosted = HostingStores.of(state)
        serving = build_hosting(settings, data_dir, training, hosted)
        ecr = EcrParts(repositories, RegistryClient(registry), public_address(settings), search)
        home = EcrRegistry(settings.account_id, settings.region)
        return cls(
            settings=settings,
            data_dir=data_dir,
            databases=databases,
            parts=build_parts(settings, training, (state, hosted), Roles(others, settings.strict_roles), ecr),
            training=training,
            scheduler=Scheduler(training, build_policy(settings), changes),
            hosting=HostingPlane(serving, hosted),
            runtime=build_runtime(settings, serving, training.metrics, hosted),
            s3=s3,
            others=others,
            registry=registry,
            ecr=RegistryFace(registry, repositories, home, clock),
            init_dir=InitDir(settings.init_dir, Seeding(objects, make_bucket, training.disk)),
            events=build_events(settings, state, training),
        )

    def app(self, models: ServiceModels | None = None, strict: bool = False) -> ASGIApp:
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
        jobs = TrainingJobCalls(self.parts, self.settings.account_id, self.settings.region)
        app.get("/_emulator/training-jobs/{name}")(jobs.report)
        app.post("/_emulator/training-jobs/{name}/interrupt")(jobs.interrupt)
        app.post("/_emulator/training-jobs/{name}/internal-server-error")(jobs.fault)
        endpoints = EndpointCalls(self.parts, self.settings.account_id, self.settings.region)
        app.get("/_emulator/endpoints/{name}")(endpoints.report)
        app.get("/_emulator/credentials/{account_id}")(container_credentials)
        app.mount("/", Edge(gateway, self.s3, self.ecr))
        return Gated(InvocationsFirst(app, self.runtime), self.gate)

    @property
    def gate(self) -> Gate:
        allowed = (self.settings.host.lower(), *(self.settings.allowed_hosts or ()))
        return Gate(is_loopback(self.settings.host), allowed)

    def protocol(self) -> type[Protocol]:
        """Uvicorn's setting `http` for a server of `app()`."""
        made = partial(BoundedHeadProtocol, plain=self.runtime.plain, admits=self.gate.admits)
        return cast(type[Protocol], made)

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        await self.s3.start()
        try:
            await self.init_dir.seed_buckets()
            await self.events.start()
            await note_holdings(self.training)
            await self.hosting.note_holdings()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.runtime.run)
                tasks.start_soon(self.hosting.run)
                tasks.start_soon(self.scheduler.run)
                tasks.start_soon(self.events.run)
                yield
                tasks.cancel_scope.cancel()
            if self.settings.on_shutdown == "stop":
                with anyio.move_on_after(STOP_LIMIT, shield=True):
                    await self.scheduler.leftovers.destroy_all()
                    await self.hosting.destroy_all()
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
            self.training.compute, self.s3, self.scheduler, self.registry, self.init_dir
        )

    async def reset(self, wanted: ResetRequest | None = None) -> dict[str, Any]:
        """Forget jobs, logs and buckets, of the whole emulator or of what the body names."""
        scope = (wanted or ResetRequest()).scope()
        await self.others.reset(scope)
        parts = self.parts
        stores = (parts.logs, parts.metrics, parts.algorithms, parts.hosting)
        return await reset(scope, self.scheduler, self.hosting, stores, self.s3)
