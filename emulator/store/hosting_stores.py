"""The rows of everything that serves models."""

from dataclasses import dataclass

from emulator.domain.reset_scope import ResetScope
from emulator.sqlite import Database
from emulator.store.async_invocations import AsyncInvocationStore
from emulator.store.changes import Changes
from emulator.store.endpoint_configs import EndpointConfigStore
from emulator.store.endpoints import EndpointStore
from emulator.store.models import ModelStore
from emulator.store.transform_jobs import TransformJobStore


@dataclass(frozen=True)
class HostingStores:
    models: ModelStore
    endpoint_configs: EndpointConfigStore
    endpoints: EndpointStore
    transform_jobs: TransformJobStore
    async_invocations: AsyncInvocationStore
    endpoint_changes: Changes
    """Wakes whoever drives the endpoints."""
    transform_changes: Changes

    @classmethod
    def of(cls, database: Database) -> "HostingStores":
        endpoint_changes, transform_changes = Changes(), Changes()
        return cls(
            ModelStore(database),
            EndpointConfigStore(database),
            EndpointStore(database, endpoint_changes),
            TransformJobStore(database, transform_changes),
            AsyncInvocationStore(database),
            endpoint_changes,
            transform_changes,
        )

    async def delete_all(self, scope: ResetScope) -> None:
        """Rows only: what runs of them has to be gone before."""
        await self.models.delete_all(scope)
        await self.endpoint_configs.delete_all(scope)
        await self.endpoints.delete_all(scope)
        await self.transform_jobs.delete_all(scope)
