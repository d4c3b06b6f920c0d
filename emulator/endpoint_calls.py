"""/_emulator/endpoints/NAME: what the AWS API has no place for. Query: `account_id`, `region`."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse

from emulator.domain.arn import ResourceKey
from emulator.operations.registry import Parts


@dataclass(frozen=True)
class EndpointCalls:
    parts: Parts
    account_id: str
    region: str

    async def report(self, name: str, request: Request) -> JSONResponse:
        """Status, limits of every instance, and for whom it waits where something of it has no room yet."""
        account = request.query_params.get("account_id", self.account_id)
        region = request.query_params.get("region", self.region)
        endpoint = await self.parts.hosting.endpoints.get(ResourceKey(account, region, "endpoint", name))
        if endpoint is None:
            text = f"Account {account} has no endpoint {name!r} in {region}."
            return JSONResponse({"error": text}, 404)
        occupancy = self.parts.occupancy
        limits = {
            host: limit.memory_bytes
            for fleet in endpoint.progress.fleets.values()
            for host, limit in fleet.placement.limits.items()
        }
        report = {
            "endpoint_name": endpoint.key.name,
            "endpoint_arn": endpoint.arn,
            "status": endpoint.status,
            "memory_limit_bytes": limits,
            "waits_for": occupancy.holders if occupancy.is_waiting(endpoint.arn) else {},
        }
        return JSONResponse(report)
