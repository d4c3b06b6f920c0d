"""The rest of AWS: what the emulator does not run itself is answered by moto, in this process.

State is in memory, per account and Region. It belongs to the process, because moto keeps it in globals: two
emulators in one process share it.
"""

import logging
from types import ModuleType
from typing import Any

from anyio import CapacityLimiter

from emulator.blocking import blocking
from emulator.domain.aws_request import AwsAnswer, AwsRequest
from emulator.domain.errors import ServiceError
from emulator.domain.reset_scope import ResetScope
from emulator.domain.role import Role, plausible_role

log = logging.getLogger(__name__)

_THREADS = 64
"""A ReceiveMessage that waits for messages holds one for up to 20 s."""


class MotoServices:
    def __init__(self) -> None:
        self._threads = CapacityLimiter(_THREADS)
        self._is_loaded = False

    async def answer(self, request: AwsRequest) -> AwsAnswer:
        """Raises ServiceError: 501 for a service or an operation that moto has not."""
        return await self._run("answer", request)  # type: ignore[no-any-return]

    async def find_role(self, account_id: str, name: str) -> Role | None:
        """The role that somebody created. moto that was never asked for anything has none, and is not loaded."""
        return await self._run("find_role", account_id, name) if self._is_loaded else None

    async def reset(self, scope: ResetScope) -> None:
        if self._is_loaded:
            await self._run("reset", scope)

    async def _run(self, function: str, *args: Any) -> Any:
        self._is_loaded = True
        try:
            return await blocking(self._threads, lambda: getattr(_moto(), function)(*args))
        except ServiceError:
            raise
        except Exception as error:  # moto raises whatever its mocks stumble over
            log.exception("moto failed")
            text = f"moto, which answers this service, failed: {type(error).__name__}: {error}"
            raise ServiceError("InternalFailure", text, status=500) from error


class Roles:
    """The roles of IAM. Unless they are strict, every role exists and trusts SageMaker."""

    def __init__(self, services: MotoServices, strict: bool) -> None:
        self._services = services
        self.strict = strict

    async def find(self, account_id: str, name: str) -> Role | None:
        created = await self._services.find_role(account_id, name)
        if created is not None or self.strict:
            return created
        return plausible_role(account_id, name)


def _moto() -> ModuleType:
    from emulator.moto_services import moto_dispatch  # noqa: PLC0415 - see there

    return moto_dispatch
