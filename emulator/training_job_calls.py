"""/_emulator/training-jobs/NAME: what the AWS API has no place for, told and done. Query: `account_id`, `region`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse

from emulator.domain.arn import TrainingJobKey
from emulator.operations.registry import Parts
from emulator.operations.training_job_control import fault_training_job, interrupt_training_job
from emulator.operations.training_job_report import report_training_job

Control = Callable[[Parts, TrainingJobKey], Awaitable[str | None]]


@dataclass(frozen=True)
class TrainingJobCalls:
    parts: Parts
    account_id: str
    region: str

    async def report(self, name: str, request: Request) -> JSONResponse:
        """Limits, notices, shards, runs."""
        key = self._key(name, request)
        report = await report_training_job(self.parts, *key)
        return self._unknown(key) if report is None else JSONResponse(report)

    async def interrupt(self, name: str, request: Request) -> JSONResponse:
        """Take the instances of managed spot training away."""
        return await self._control(interrupt_training_job, self._key(name, request))

    async def fault(self, name: str, request: Request) -> JSONResponse:
        """Let the job meet an InternalServerError, which its RetryStrategy may forgive."""
        return await self._control(fault_training_job, self._key(name, request))

    async def _control(self, control: Control, key: TrainingJobKey) -> JSONResponse:
        if await self.parts.training_jobs.get(key) is None:
            return self._unknown(key)
        refusal = await control(self.parts, key)
        return JSONResponse({"error": refusal}, 409) if refusal else JSONResponse({"accepted": key.name}, 202)

    def _key(self, name: str, request: Request) -> TrainingJobKey:
        account = request.query_params.get("account_id", self.account_id)
        return TrainingJobKey(account, request.query_params.get("region", self.region), name)

    def _unknown(self, key: TrainingJobKey) -> JSONResponse:
        text = f"Account {key.account_id} has no training job {key.name!r} in {key.region}."
        return JSONResponse({"error": text}, 404)
