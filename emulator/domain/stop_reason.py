"""Why a job is being stopped; decides the status it ends in."""

from enum import StrEnum

from emulator.domain.status import SecondaryStatus


class StopReason(StrEnum):
    USER = "User"
    MAX_RUNTIME = "MaxRuntime"
    MAX_WAIT_TIME = "MaxWaitTime"
    """Of managed spot training: waiting and running together."""

    @property
    def verdict(self) -> SecondaryStatus:
        return _VERDICTS[self]


_VERDICTS = {
    StopReason.USER: SecondaryStatus.STOPPED,
    StopReason.MAX_RUNTIME: SecondaryStatus.MAX_RUNTIME_EXCEEDED,
    StopReason.MAX_WAIT_TIME: SecondaryStatus.MAX_WAIT_TIME_EXCEEDED,
}


class RunEnd(StrEnum):
    """Why one run of a job ends while the job goes on with the next."""

    INTERRUPTION = "Interruption"
    """The spot instances are taken away."""
    FAULT = "Fault"
    """An InternalServerError, which RetryStrategy forgives."""
