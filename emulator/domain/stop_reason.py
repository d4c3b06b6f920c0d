"""Why a job is being stopped; decides the status it ends in."""

from enum import StrEnum

from emulator.domain.status import SecondaryStatus


class StopReason(StrEnum):
    USER = "User"
    MAX_RUNTIME = "MaxRuntime"

    @property
    def verdict(self) -> SecondaryStatus:
        if self is StopReason.MAX_RUNTIME:
            return SecondaryStatus.MAX_RUNTIME_EXCEEDED
        return SecondaryStatus.STOPPED
